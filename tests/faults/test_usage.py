"""Usage totals are the sum over the runs, whatever ends them; a budget that is used up refuses new ones."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import httpx2
import openai
import pytest

from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.resources import assistants
from assistant_engine.runs import control, creation, executions
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from tests.support.aws_proxy import CONFLICT, DIES_AFTER, DIES_BEFORE, LOST, THROTTLED, AwsProxy
from tests.support.clients import StrictOpenAI, connect
from tests.support.driver import ASK, GET_STOCK_PRICE, Driver
from tests.support.model_server import Behaviour, ModelServer, failure
from tests.support.projects import spare_project
from tests.support.totals import EVER, summed

pytestmark = [pytest.mark.offline_model, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

PRICED = "gpt-6-luna"


@dataclass
class Project:
    """A project of a test's own, with one assistant; `begun` are all of its runs."""

    driver: Driver
    store: Store
    assistant_id: str
    begun: list[Run]

    def created(self, text: str, thread_id: str | None = None, **more: Any) -> Run:
        """A run, on a new thread unless one is named, that is not started yet."""
        messages = [{"role": "user", "content": text}]
        request = {"assistant_id": self.assistant_id, "additional_messages": messages, **more}
        thread = self.store.threads.get(thread_id) if thread_id else None
        run = creation.create(self.store, request, now_ms(), thread=thread)
        self.begun.append(run)
        return run

    def begin(self, text: str, **more: Any) -> Run:
        """A run, on a new thread unless one is named."""
        run = self.created(text, **more)
        self.driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
        return run

    def ended(self, run: Run, *statuses: str) -> Run:
        """Wait for a run's end."""
        ended = self.driver.until(run, *TERMINAL)
        assert ended.status in (statuses or ("completed",)), ended.last_error
        return ended

    def all_ended(self) -> list[Run]:
        """All runs, at their ends."""
        return [self.ended(run, *TERMINAL) for run in self.begun]


@pytest.fixture
def known(stack: local.Local) -> Iterator[tuple[str, str]]:
    """A project of the test's own, and its key, which the API knows."""
    with spare_project(stack) as made:
        yield made


@pytest.fixture
def project(driver: Driver, request: pytest.FixtureRequest) -> Project:
    """A project of the test's own; it has a key where there is a client of it."""
    name = request.getfixturevalue("known")[0] if "client" in request.fixturenames else f"p-{uuid.uuid4().hex}"
    store = driver.store.of(name)
    made = assistants.new_assistant({"model": driver.model, "functions": [GET_STOCK_PRICE], "tools": [ASK]}, now_ms())
    store.assistants.create(made)
    return Project(driver, store, made["id"], [])


@pytest.fixture
def client(stack: local.Local, known: tuple[str, str]) -> StrictOpenAI:
    """A client with a key of the project."""
    return connect(stack, known[1])


@pytest.fixture
def marker() -> str:
    return f"usage{uuid.uuid4().hex}"


def used(answer: Behaviour, usage: Json) -> Behaviour:
    return Behaviour(body={**answer.body, "usage": usage})


def says(text: str) -> Behaviour:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}
    return Behaviour(body={"id": "resp_1", "object": "response", "status": "completed", "output": [message]})


REPORTED = {
    "input_tokens": 1_000,
    "input_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 200},
    "output_tokens": 100,
    "output_tokens_details": {"reasoning_tokens": 40},
    "total_tokens": 1_100,
}


def test_totals_are_the_sum_over_runs_of_every_end(project: Project, model_server: ModelServer, marker: str) -> None:
    driver, store = project.driver, project.store
    ada, ben = f"ada-{marker}", f"ben-{marker}"
    model_server.when(f"{marker}-priced", repeat(used(says("Done."), REPORTED)))
    model_server.when(f"{marker}-fails", repeat(failure(400)))
    model_server.when(f"{marker}-slow", repeat(Behaviour(delay=60)))

    priced = project.begin(f"say {marker}-priced", model=PRICED, metadata={"user_id": ada})
    failed = project.begin(f"say {marker}-fails", thread={"metadata": {"user_id": ada}})
    tooled = project.begin(
        'call get_stock_price {"symbol": "ACME"}\ncall get_stock_price {"symbol": "DUNE"}\nsay Done.',
        thread={"metadata": {"user_id": ada}},
        metadata={"user_id": ben},
    )
    asking = project.begin("call ask {}")
    slow = project.begin(f"say {marker}-slow")
    incomplete = project.begin("say too much " * 200, max_prompt_tokens=256)
    expiring = project.created("say Never.", expires_after=1)
    first = project.ended(priced)
    again = project.begin(f"say {marker}-priced", model=PRICED, thread_id=first.thread_id)

    driver.until(slow, "in_progress")
    control.cancel(store, slow.thread_id, slow.id, seconds_of(now_ms()))
    waiting = driver.until(asking, "requires_action")
    [call] = driver.waiting_calls(waiting)
    time.sleep(max(0.0, expiring.expires_at - time.time()))
    driver.sweep(expiring, at=expiring.expires_at)
    answered_ms = int(time.time() * 1000)
    given = [{"tool_call_id": call["id"], "output": "blue"}]
    executions.wake(
        driver.step_functions,
        control.submit_tool_outputs(store, asking.thread_id, asking.id, given, Milliseconds(answered_ms)),
    )
    project.ended(expiring, "expired")
    project.ended(slow, "cancelled")
    project.ended(failed, "failed")
    project.ended(incomplete, "incomplete")
    asked, answered = project.ended(asking), project.ended(tooled)

    # A run's own account
    assert first.account.usage == Usage(1_000, 100, cached_tokens=400, reasoning_tokens=40, cache_write_tokens=200)
    assert (first.account.cost, first.account.model_calls, first.account.tool_calls) == (119_000, 1, 0)
    assert (answered.account.model_calls, answered.account.tool_calls, answered.account.cost) == (2, 2, None)
    assert answered.account.tool_ms > 0
    assert asked.waiting_ms is None and waiting.waiting_ms is not None
    assert asked.account.client_ms == answered_ms - waiting.waiting_ms
    ended = project.all_ended()
    for run in ended:
        taken = run.account
        assert run.ended_ms is not None
        known = taken.model_ms + taken.tool_ms + taken.client_ms + taken.engine_ms
        assert known == run.ended_ms - run.created_ms, run.status

    # Totals
    assert {run.status for run in ended} == set(TERMINAL)
    assert store.usage.of_project(*EVER) == summed(ended)
    assert store.usage.of_assistant(project.assistant_id, *EVER) == summed(ended)
    assert store.usage.of_user(ada, *EVER) == summed([first, driver.until(failed, "failed")])
    assert store.usage.of_user(ben, *EVER) == summed([answered])
    two = [first, driver.until(again, "completed")]
    assert store.usage.of_thread(first.thread_id, *EVER) == summed(two)
    thread = store.threads.get(first.thread_id)
    assert (thread.runs, thread.cost, thread.api()["cost"]) == (2, 238_000, 0.000238)
    assert store.threads.get(tooled.thread_id).api()["cost"] is None


def test_a_writer_that_dies_as_it_ends_a_run_loses_and_doubles_nothing(project: Project, aws_proxy: AwsProxy) -> None:
    faults = {
        "dies before": DIES_BEFORE,
        "dies after": DIES_AFTER,
        "lost": LOST,
        "throttled": THROTTLED,
        "at once": CONFLICT,
    }
    begun = {name: project.created('call get_stock_price {"symbol": "ACME"}') for name in faults}
    # The turn with the call, and the turn that ends the run.
    rules = {
        name: aws_proxy.add(fault, "TransactWriteItems", about=begun[name].thread_id, nth=2, function="in_progress")
        for name, fault in faults.items()
    }
    for run in begun.values():
        project.driver.start({"thread_id": run.thread_id, "run_id": run.id}, run.execution)
    ended = {name: project.ended(run) for name, run in begun.items()}
    aws_proxy.remove(*rules.values())
    for name, rule in rules.items():
        assert rule.met.is_set() and not rule.survived, name
        assert (ended[name].turn, ended[name].account.model_calls) == (2, 2)
    assert project.store.usage.of_project(*EVER) == summed(list(ended.values()))
    assert project.store.usage.of_assistant(project.assistant_id, *EVER) == summed(list(ended.values()))


def test_runs_that_end_at_once_leave_exact_totals(project: Project) -> None:
    for _ in range(20):
        project.begin("say Done.", metadata={"user_id": "everyone"})
    ended = project.all_ended()
    assert {run.status for run in ended} == {"completed"}
    assert project.store.usage.of_project(*EVER) == summed(ended)
    assert project.store.usage.of_assistant(project.assistant_id, *EVER) == summed(ended)
    assert project.store.usage.of_user("everyone", *EVER) == summed(ended)


# The endpoint


def report(client: openai.OpenAI, **query: str) -> Any:
    return client.get("/usage", cast_to=object, options={"params": query})


def test_usage_is_reported_by_day_and_in_all(
    project: Project, client: StrictOpenAI, model_server: ModelServer, marker: str
) -> None:
    model_server.when(marker, repeat(used(says("Done."), REPORTED)))
    run = project.ended(project.begin(f"say {marker}", model=PRICED, metadata={"user_id": "ada"}))
    assert run.ended_ms is not None
    day = datetime.fromtimestamp(run.ended_ms / 1000, UTC).date()
    told = report(client)
    assert (told["end_date"], told["start_date"]) == (str(day), str(day - timedelta(days=29)))
    expected = {
        "runs": 1,
        "prompt_tokens": 1_000,
        "cached_tokens": 400,
        "cache_write_tokens": 200,
        "completion_tokens": 100,
        "reasoning_tokens": 40,
        "total_tokens": 1_100,
        "model_calls": 1,
        "model_ms": run.account.model_ms,
        "engine_ms": run.account.engine_ms,
        "cost": 0.000119,
        "rating": None,
        **dict.fromkeys(("tool_calls", "tool_ms", "client_ms", "unpriced_runs", "ratings"), 0),
        **dict.fromkeys(("audio_seconds", "speech_characters"), 0),
    }
    assert told["total"] == expected
    assert told["data"] == [{"object": "usage.day", "date": str(day), **expected}]
    for query in ({"thread_id": run.thread_id}, {"assistant_id": run.assistant_id}, {"user_id": "ada"}):
        assert report(client, **query)["total"] == expected, query
        assert report(client, **query, start_date=str(day), end_date=str(day))["total"] == expected
    nothing: list[dict[str, str]] = [{"user_id": "ben"}, {"assistant_id": "asst_none"}]
    for query in [*nothing, {"end_date": str(day - timedelta(days=1))}]:
        answer = report(client, **query)
        assert (answer["data"], set(answer["total"].values())) == ([], {0, None}), query
    for by, named in (("assistant_id", run.assistant_id), ("user_id", "ada")):
        group = {"object": "usage.group", "assistant_id": None, "user_id": None, **expected, by: named}
        assert report(client, group_by=by) == {**told, "data": [group]}
    project.store.assistants.delete(run.assistant_id)
    assert report(client, assistant_id=run.assistant_id)["total"] == expected


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"user_id": "a", "assistant_id": "asst_1"}, "user_id"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"end_date": "today"}, "end_date"),
        ({"start_date": "2026-02-02", "end_date": "2026-02-01"}, "start_date"),
        ({"start_date": "2024-01-01", "end_date": "2026-02-01"}, "start_date"),
        ({"end_date": "0001-01-01"}, "end_date"),
        ({"project": "other"}, "project"),
        ({"group_by": "user_id", "user_id": "ada"}, "group_by"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_400(api: httpx2.Client, query: dict[str, str], param: str) -> None:
    answer = api.get("usage", params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


# Budgets


@pytest.mark.parametrize(("of", "limit"), [("project", "tokens"), ("assistant", "cost")])
def test_a_budget_that_is_used_up_refuses_new_runs(
    project: Project, client: StrictOpenAI, model_server: ModelServer, marker: str, of: str, limit: str
) -> None:
    model_server.when(marker, repeat(used(says("Done."), REPORTED)))
    key = {"Idempotency-Key": marker}
    budgets, store = project.store.usage, project.store
    whose = project.assistant_id if of == "assistant" else None
    budgets.set_budget(Budget(whose, 1_100, None) if limit == "tokens" else Budget(whose, None, 119_000))

    def ask(**more: Any) -> Any:
        thread: Any = {"messages": [{"role": "user", "content": f"say {marker}"}]}
        return client.beta.threads.create_and_run_poll(
            assistant_id=project.assistant_id, thread=thread, model=PRICED, **more
        )

    first = ask(extra_headers=key)
    assert first.status == "completed"

    requests: list[Any] = []
    client._client.event_hooks["request"].append(requests.append)
    with pytest.raises(openai.RateLimitError) as refused:
        ask()
    assert (refused.value.type, refused.value.code) == ("insufficient_quota", "insufficient_quota")
    assert "has used up its budget" in refused.value.message and "from 00:00 UTC" in refused.value.message
    assert len(requests) == 1, "the package tries again what can't succeed"
    assert ask(extra_headers=key).id == first.id

    execution = project.driver.ask(project.assistant_id, "say Never.")
    described = project.driver.wait(execution)
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
    assert "has used up its budget" in described["cause"]

    [total] = store.usage.of_project(*EVER)
    assert total.runs == 1
    budgets.set_budget(Budget(whose, 1_101, None) if limit == "tokens" else Budget(whose, None, 119_001))
    assert ask().status == "completed"


def test_another_assistant_and_another_project_go_on(project: Project, model_server: ModelServer, marker: str) -> None:
    model_server.when(marker, repeat(used(says("Done."), REPORTED)))
    project.store.usage.set_budget(Budget(project.assistant_id, 0, None))
    with pytest.raises(Exception, match=f"assistant {project.assistant_id} has used up its budget"):
        project.created("say Never.")
    other = assistants.new_assistant({"model": PRICED}, now_ms())
    project.store.assistants.create(other)
    assert project.ended(project.begin(f"say {marker}", assistant_id=other["id"])).account.cost == 119_000
    project.store.usage.set_budget(Budget(project.assistant_id, None, None))
    assert list(project.store.usage.budgets()) == []
    assert project.ended(project.begin("say Done.")).status == "completed"


def test_runs_under_way_end_whatever_they_take(project: Project, model_server: ModelServer, marker: str) -> None:
    model_server.when(marker, repeat(used(says("Done."), REPORTED)))
    project.store.usage.set_budget(Budget(None, 1, None))
    one, other = project.begin(f"say {marker}"), project.begin(f"say {marker}")
    assert project.ended(one).account == replace_times(project.ended(other).account, project.ended(one).account)
    assert [total.runs for total in project.store.usage.of_project(*EVER)] == [2]


def replace_times(account: RunUsage, times: RunUsage) -> RunUsage:
    """An account with another's times."""
    told = {name: figure for name, figure in times.figures().items() if name.endswith("_ms")}
    return RunUsage.of({**account.figures(), **told})


def test_the_commands_print_usage_and_set_budgets(
    project: Project,
    model_server: ModelServer,
    marker: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stack_finder, "find", lambda environment: stack_finder.Stack({}))
    monkeypatch.setenv("COLUMNS", "200")
    model_server.when(f"{marker}-priced", repeat(used(says("Done."), REPORTED)))
    of = ["--project", project.store.project]

    def said(*arguments: str) -> str:
        main([*arguments, *of])
        return capsys.readouterr().out

    def refused(*arguments: str) -> tuple[int | str | None, str]:
        with pytest.raises(SystemExit) as stopped:
            said(*arguments)
        return stopped.value.code, capsys.readouterr().err

    assert said("budget") == f"Project {project.store.project} has no budget.\n"
    told = said("budget", "set", "--assistant", project.assistant_id, "--tokens", "2000", "--dollars", "0.5")
    assert told == f"{project.assistant_id}: 0 of 2,000 tokens and 0.0000 of 0.50 US dollars used today\n"
    said("budget", "set", "--dollars", "20")
    priced = project.ended(project.begin(f"say {marker}-priced", model=PRICED, metadata={"user_id": "ada"}))
    project.ended(project.begin("say Done."))
    assert f"project {project.store.project}: 0.0001 of 20.00 US dollars used today" in said("budget")
    said("budget", "remove", "--assistant", project.assistant_id)
    assert said("budget", "remove") == f"Project {project.store.project} has no budget.\n"
    for wrong in (["set"], ["show", "--tokens", "1"], ["set", "--dollars", "-1"], ["set", "--tokens", "1e3"]):
        assert refused("budget", *wrong)[0] == 2
    code, text = refused("budget", "set", "--assistant", "asst_none", "--tokens", "1")
    assert code == 1 and "No assistant found" in text

    shown = said("usage")
    assert "0.0001 *" in shown and "Without what 1 runs cost" in shown
    for arguments in (["--user", "ada"], ["--thread", priced.thread_id]):
        shown = said("usage", *arguments)
        assert "1,000" in shown and "0.0001 " in shown and "Without what" not in shown
    code, text = refused("usage", "--thread", "thread_none")
    assert code == 1 and "No thread found" in text
    assert refused("usage", "--from", "yesterday")[0] == 2
