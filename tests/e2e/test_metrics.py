"""The metrics that the functions write into their logs, and that a run is found there by its id."""

import json
import re
import time

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.runtime import metrics
from local.paths import ROOT
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model


def lines_about(driver: Driver, since: float, run_id: str) -> list[Json]:
    """Return what was written of a run in the embedded metric format."""
    lines = [line for line in driver.log_lines(since).splitlines() if "_aws" in line and run_id in line]
    return [json.loads(line[line.index("{") :]) for line in lines]


def values(lines: list[Json], name: str) -> list[float]:
    return [line[name] for line in lines if name in line]


@pytest.fixture(scope="module")
def begun(driver: Driver) -> tuple[float, list[str]]:
    """Begin runs whose model is busy once, side by side, one for each test that asks; when, and their executions."""
    since, assistant = time.time(), driver.assistant()
    texts = [
        f'fail 429 times 1 retry after 1\ncall get_stock_price {{"symbol": "NONE"}}\nsay {number} {since}'
        for number in range(2)
    ]
    return since, [driver.ask(assistant, text) for text in texts]


def test_a_run_leaves_its_turns_and_its_end_as_metrics(driver: Driver, begun: tuple[float, list[str]]) -> None:
    since, [execution, _] = begun
    run = driver.run(execution)
    lines = lines_about(driver, since, run["run_id"])
    assert values(lines, "ModelThrottled") == [1]
    assert values(lines, "ToolErrors") == [1]
    assert sum(values(lines, "PromptTokens")) == run["usage"]["prompt_tokens"]
    assert sum(values(lines, "CompletionTokens")) == run["usage"]["completion_tokens"]
    turns = [line for line in lines if "TurnMs" in line]
    assert len(turns) == 2
    assert all(line["TurnMs"] - line["ModelMs"] == pytest.approx(line["OverheadMs"], abs=1) for line in turns)
    [end] = [line for line in lines if "RunsEnded" in line]
    assert (end["Status"], end["RunsEnded"]) == ("completed", 1)
    for line in lines:
        stack = driver.function_name("").removesuffix("-")
        assert line["Stack"] == stack
        for directive in line["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == metrics.NAMESPACE
            [dimensions], [metric] = directive["Dimensions"], directive["Metrics"]
            assert all(isinstance(line[name], str) for name in dimensions)
            assert metrics.UNITS[metric["Name"]] == metric["Unit"]


def test_one_query_finds_what_was_logged_of_a_run(driver: Driver, begun: tuple[float, list[str]]) -> None:
    since, [_, execution] = begun
    run_id = driver.run(execution)["run_id"]
    [query] = re.findall(r"<!-- query -->\n```\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL)
    logs = driver.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{driver.function_name('')}")["logGroups"]
    started = logs.start_query(
        logGroupNames=[group["logGroupName"] for group in groups],
        startTime=int(since) - 1,
        endTime=int(time.time()) + 1,
        queryString=re.sub(r"run_\w+", run_id, query),
    )
    lines = [{field["field"]: field["value"] for field in line} for line in _results(driver, started["queryId"])]
    found = {line["@log"].rpartition(driver.function_name(""))[2] for line in lines}
    assert found == {"queued", "in_progress", "tool-finance"}
    messages = [line["@message"] for line in lines]
    assert all(run_id in message for message in messages)
    assert any("is asked for by execution" in m and execution.rpartition(":")[2] in m for m in messages)
    for told in ("ModelThrottled", "tried again in", "ToolErrors", "TurnMs", "RunsEnded"):
        assert any(told in message for message in messages), told


def _results(driver: Driver, query_id: str) -> list[list[dict[str, str]]]:
    deadline = time.monotonic() + 60
    while True:
        answer = driver.client("logs").get_query_results(queryId=query_id)
        if answer["status"] == "Complete":
            results: list[list[dict[str, str]]] = answer["results"]
            return results
        assert time.monotonic() < deadline, answer["status"]
        time.sleep(0.1)


def test_a_run_that_is_settled_is_counted_by_its_end(driver: Driver) -> None:
    since = time.time()
    run = driver.begin("fail 400")
    driver.ended(run, "failed")
    lost = driver.created("say Nobody starts me.")
    later = int(lost.due_at - time.time()) + 1
    driver.client("dynamodb").update_item(
        TableName=driver.outputs["MessagesTable"],
        Key={"thread_id": {"S": lost.thread_id}, "message_id": {"S": lost.id}},
        UpdateExpression="SET due_at = :due",
        ExpressionAttributeValues={":due": {"N": str(lost.due_at - later - 1)}},
    )
    driver.invoke("sweeper", {})
    driver.ended(lost, "completed")
    assert [line["Status"] for line in lines_about(driver, since, run.id) if "RunsEnded" in line] == ["failed"]
    assert values(lines_about(driver, since, run.id), "ModelErrors") == [1]
    assert values(lines_about(driver, since, lost.id), "RunsStuck") == [1]
