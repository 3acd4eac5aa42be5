"""Checks what `make watch` and `make report` show of a run."""

import io
import re
from datetime import UTC, datetime

import pytest
from rich.console import Console

from assistants import report
from assistants.run_trace import RunNotFound, RunTraces
from assistants.stack import Stack
from assistants.watch import summary, watch
from local import up as local
from tests.support.driver import GET_STOCK_PRICE, Driver

pytestmark = pytest.mark.offline_model


@pytest.fixture(scope="module")
def traces(stack: local.Local, driver: Driver) -> RunTraces:
    return RunTraces(Stack(stack.settings))


def test_a_run_is_watched_to_its_end(traces: RunTraces, driver: Driver) -> None:
    begun = driver.begin('call get_stock_price {"symbol": "ACME"}\nsay [bold]done')
    told = io.StringIO()
    ended = watch(traces, begun, Console(file=told, width=200))
    lines = told.getvalue()
    shown = re.findall(r" s  (\w+)\n", lines)
    assert shown == ["queued", "in_progress", "in_progress", "completed"]
    assert 'calls get_stock_price({"symbol": "ACME"})' in lines
    assert "182.4" in lines
    assert summary(ended).startswith("[green]completed[/]: 2 turns, 2 model calls")


def test_a_run_is_found_by_its_execution(traces: RunTraces, driver: Driver) -> None:
    execution = driver.ask(driver.assistant(), "say Found.")
    run_id = driver.run(execution)["run_id"]
    assert traces.find(execution).id == traces.find(execution.rpartition(":")[2]).id == run_id
    with pytest.raises(RunNotFound, match="Then say its thread"):
        traces.find(run_id)
    thread_id = traces.find(execution).thread_id
    assert traces.find(run_id, thread_id).id == run_id


def test_a_report_asks_for_nothing_and_shows_texts_as_they_are(traces: RunTraces, driver: Driver) -> None:
    lines = ('call get_stock_price {"symbol": "<script>"}', 'call file_search {"query": "lamps"}', "say <script>a = 1")
    assistant = driver.assistant(tools=[{"type": "file_search"}], functions=[GET_STOCK_PRICE])
    begun = driver.begin("\n".join(lines), assistant_id=assistant)
    ended = driver.ended(begun, "completed")
    page = report.html(traces.read(ended), datetime.now(UTC))
    for step in driver.steps(ended.thread_id, ended.id):
        assert f'id="{step["id"]}"' in page
    assert "&lt;script&gt;a = 1" in page
    assert "<pre>{\n  &#34;query&#34;: &#34;lamps&#34;\n}</pre>" in page
    assert "LookupError" in page
    assert "<script" not in page
    addresses = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')>\s]+)", page)
    assert addresses
    assert all(address.startswith("#msg_") for address in addresses)


def test_a_report_shows_a_run_that_waits_and_one_that_failed(traces: RunTraces, driver: Driver) -> None:
    waiting = driver.begin('call ask {"question": "Friday?"}')
    failed = driver.ended(driver.begin("fail 400"), "failed")
    waiting = driver.until(waiting, "requires_action")
    page = report.html(traces.read(waiting), datetime.now(UTC))
    assert "while the run was requires_action" in page
    assert "not yet" in page
    page = report.html(traces.read(failed), datetime.now(UTC))
    assert "Refused as the message asked: 400." in page
    assert f'<span class="status failed">{failed.status}</span>' in page
    [call] = driver.waiting_calls(waiting)
    driver.submit(waiting, {call["id"]: "done"})
