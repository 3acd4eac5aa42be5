"""`/v1/runs`: the runs of a project, the newest first, with filters."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from assistant_engine.resources import usage_report
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store, project_runs
from assistant_engine.store.pages import Window
from local import up as local
from tests.support.clients import StrictOpenAI, connect
from tests.support.crowd import Crowd, crowd_in
from tests.support.driver import ASK, Driver
from tests.support.projects import spare_project

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def listed(client: openai.OpenAI, **query: Any) -> Any:
    """A page of runs: an extension that the package has no method for."""
    return client.get("/runs", cast_to=object, options={"params": query})


def ids(page: Any) -> list[str]:
    return [run["id"] for run in page["data"]]


def until(look: Callable[[], Any], expected: Any) -> None:
    """Wait until an index, which lags, shows what is expected."""
    for _ in range(50):
        if look() == expected:
            return
        time.sleep(0.1)
    assert look() == expected


@pytest.fixture(scope="module")
def project(stack: local.Local) -> Iterator[tuple[str, str]]:
    """A project of these tests' own, and its key: the default one has hundreds of runs more to be read."""
    with spare_project(stack) as made:
        yield made


@pytest.fixture(scope="module")
def client(stack: local.Local, project: tuple[str, str]) -> StrictOpenAI:
    return connect(stack, project[1])


@pytest.fixture(scope="module")
def user() -> str:
    return str(uuid.uuid4())


@pytest.fixture(scope="module")
def made(client: openai.OpenAI, model: str, user: str) -> Any:
    """Two assistants with two runs that have ended each, and a run that waits; all of one user, oldest first."""
    tools: Any = [ASK]
    assistants = [client.beta.assistants.create(model=model, tools=tools).id for _ in range(2)]

    def run(assistant: str, text: str) -> Any:
        thread: Any = {"messages": [{"role": "user", "content": text}], "metadata": {"user_id": user}}
        return client.beta.threads.create_and_run_poll(assistant_id=assistant, thread=thread)

    runs = [run(assistants[number % 2], "say Hello") for number in range(4)]
    waiting = run(assistants[0], "call ask {}")
    yield assistants, runs, waiting
    client.beta.threads.runs.cancel(waiting.id, thread_id=waiting.thread_id)


def test_runs_of_a_project_come_newest_first_with_what_they_took(client: openai.OpenAI, made: Any, user: str) -> None:
    _, runs, waiting = made
    until(lambda: ids(listed(client, user_id=user)), [run.id for run in [*runs, waiting]][::-1])
    page = listed(client, user_id=user)
    assert (page["object"], page["has_more"]) == ("list", False)
    assert (page["first_id"], page["last_id"]) == (waiting.id, runs[0].id)
    newest, *_, oldest = page["data"]
    assert (newest["status"], newest["ended_at"]) == ("requires_action", None)
    assert oldest["status"] == "completed" and oldest["ended_at"] >= oldest["created_at"]
    assert oldest["usage"] == runs[0].usage.to_dict() and oldest["user_id"] == user
    assert (oldest["thread_id"], oldest["assistant_id"]) == (runs[0].thread_id, runs[0].assistant_id)


def test_runs_are_filtered_by_status_assistant_user_and_time(client: openai.OpenAI, made: Any, user: str) -> None:
    assistants, runs, waiting = made
    second = [runs[3].id, runs[1].id]
    until(lambda: ids(listed(client, assistant_id=assistants[1])), second)
    assert ids(listed(client, assistant_id=assistants[1], user_id="nobody")) == []
    assert ids(listed(client, user_id=user, status=["queued", "requires_action"])) == [waiting.id]
    assert waiting.id not in ids(listed(client, user_id=user, status=["completed"]))
    assert ids(listed(client, user_id=user, created_after=waiting.created_at + 1)) == []
    assert ids(listed(client, user_id=user, created_before=runs[0].created_at)) == []
    since = listed(client, user_id=user, created_after=runs[0].created_at, created_before=waiting.created_at + 1)
    assert ids(since) == ids(listed(client, user_id=user))


def test_runs_are_filtered_by_cost(client: openai.OpenAI, made: Any, user: str) -> None:
    costs = {run["id"]: run["cost"] for run in listed(client, user_id=user)["data"]}
    dear = max((cost for cost in costs.values() if cost is not None), default=0.0)
    found = ids(listed(client, user_id=user, min_cost=f"{dear:.9f}"))
    assert found == [name for name, cost in costs.items() if cost is not None and round(cost - dear, 12) >= 0]
    assert ids(listed(client, user_id=user, min_cost="1000000")) == []


def test_a_list_of_runs_is_read_page_by_page(client: openai.OpenAI, made: Any, user: str) -> None:
    whole = ids(listed(client, user_id=user))
    pages: list[list[str]] = []
    after: dict[str, str] = {}
    while True:
        page = listed(client, user_id=user, limit=2, **after)
        pages.append(ids(page))
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    assert pages == [whole[:2], whole[2:4], whole[4:]]


def test_a_page_that_would_read_too_many_runs_ends_early_and_says_where(
    made: Any, project: tuple[str, str], user: str, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_runs, "MAX_READ", 2)
    _, runs, waiting = made
    listing = project_runs.ProjectRuns(Store(project[0]))
    wanted = project_runs.Wanted(user_id=user, assistant_id="asst_nobody")
    newest = [waiting.id, *(run.id for run in reversed(runs))]
    page = listing.page(wanted, Window(1))
    seen = []
    while page.has_more:
        assert list(page.objects) == [] and page.stopped_at
        seen.append(page.stopped_at)
        page = listing.page(wanted, Window(1, after=page.stopped_at))
    assert set(newest[1::2]) <= set(seen)


def test_runs_of_a_deleted_thread_are_gone(client: openai.OpenAI, made: Any, model: str) -> None:
    assistant = client.beta.assistants.create(model=model).id
    thread: Any = {"messages": [{"role": "user", "content": "say Hello"}]}
    run = client.beta.threads.create_and_run_poll(assistant_id=assistant, thread=thread)
    until(lambda: ids(listed(client, assistant_id=assistant)), [run.id])
    client.beta.threads.delete(run.thread_id)
    assert ids(listed(client, assistant_id=assistant)) == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"after": "thread_x"}, "after"),
        ({"status[]": "done"}, "status[][0]"),
        ({"limit": "0"}, "limit"),
        ({"min_cost": "much"}, "min_cost"),
        ({"min_cost": "-1"}, "min_cost"),
        ({"created_after": "-1"}, "created_after"),
        ({"created_before": "99999999999999999"}, "created_before"),
        ({"order": "asc"}, "order"),
    ],
)
def test_a_wrong_filter_is_named(client: openai.OpenAI, query: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        listed(client, **query)
    assert refused.value.param == param


def timeline(client: openai.OpenAI, run: Any) -> Any:
    return client.get(f"/threads/{run.thread_id}/runs/{run.id}/timeline", cast_to=object)


def test_the_timeline_of_a_run_has_its_states_and_its_calls(client: openai.OpenAI, made: Any) -> None:
    _, [run, *_], _ = made
    told = timeline(client, run)
    assert (told["run_id"], told["status"], told["failed_attempts"]) == (run.id, "completed", [])
    assert [bar["label"] for bar in told["data"]] == ["queued", "in_progress", "model call 1", "completed"]
    moments = [bar["start_ms"] for bar in told["data"]]
    assert moments == sorted(moments) and moments[0] == told["started_ms"] and moments[-1] == told["ended_ms"]
    assert all(bar["end_ms"] >= bar["start_ms"] for bar in told["data"])
    assert told["first_token_ms"] is None, "the run does not stream"
    assert told["execution_url"].endswith(told["execution_arn"]) and run.id in told["execution_arn"]


def test_the_timeline_of_a_run_that_waits_is_open_and_closes_with_the_answer(
    client: openai.OpenAI, made: Any, model: str
) -> None:
    [assistant, _], _, _ = made
    thread: Any = {"messages": [{"role": "user", "content": "call ask {}"}]}
    run: Any = client.beta.threads.create_and_run_poll(assistant_id=assistant, thread=thread)
    waiting = timeline(client, run)
    assert [bar["label"] for bar in waiting["data"]] == [
        *("queued", "in_progress", "model call 1", "requires_action", "ask")
    ]
    assert [bar["end_ms"] for bar in waiting["data"]][-2:] == [None, None] and waiting["ended_ms"] is None
    [call] = run.required_action.submit_tool_outputs.tool_calls
    client.beta.threads.runs.submit_tool_outputs_and_poll(
        run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": "42"}]
    )
    told = timeline(client, run)
    assert [(bar["kind"], bar["label"]) for bar in told["data"]] == [
        ("state", "queued"),
        *(("state", "in_progress"), ("model", "model call 1")),
        *(("state", "requires_action"), ("client", "ask")),
        ("state", "queued"),
        *(("state", "in_progress"), ("model", "model call 2")),
        ("state", "completed"),
    ]
    assert all(bar["end_ms"] is not None for bar in told["data"])


def test_the_timeline_of_a_streamed_run_has_its_first_word(client: openai.OpenAI, made: Any) -> None:
    [assistant, _], _, _ = made
    thread = client.beta.threads.create(messages=[{"role": "user", "content": "say Hello"}])
    with client.beta.threads.runs.stream(thread_id=thread.id, assistant_id=assistant) as stream:
        run = stream.get_final_run()
    told = timeline(client, run)
    assert told["started_ms"] < told["first_token_ms"] <= told["ended_ms"]


@pytest.fixture(scope="module")
def crowded(stack: local.Local) -> Iterator[tuple[Crowd, StrictOpenAI]]:
    """A project with 300 runs of twenty days, and its client."""
    with spare_project(stack) as (project, key):
        yield crowd_in(project, key, runs=300, messages=0), connect(stack, key)


def whole(client: openai.OpenAI, **query: Any) -> list[str]:
    """All ids of a list, a page at a time."""
    seen: list[str] = []
    while True:
        page = listed(client, **query)
        seen += ids(page)
        if not page["has_more"]:
            return seen
        query["after"] = page["last_id"]


def test_runs_of_many_days_come_in_their_order(crowded: Any) -> None:
    made, client = crowded
    assert whole(client, limit=70) == made.run_ids
    one = next(run for run in listed(client, limit=100)["data"] if run["id"] == made.run_ids[10])
    assert whole(client, limit=100, created_after=one["created_at"] + 1) == made.run_ids[:10]
    assert whole(client, limit=100, created_before=one["created_at"]) == made.run_ids[11:]


def test_usage_is_grouped_by_assistant_and_by_user_the_dearest_first(
    crowded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, client = crowded

    def usage(**query: str) -> Any:
        return client.get("/usage", cast_to=object, options={"params": query})

    by_user = usage(group_by="user_id")
    assert {group["user_id"] for group in by_user["data"]} == {f"user-{number}" for number in range(10)}
    assert (by_user["has_more"], by_user["total"]["runs"]) == (False, 300)
    for name in ("runs", "prompt_tokens", "completion_tokens", "cost"):
        assert sum(group[name] for group in by_user["data"]) == pytest.approx(by_user["total"][name])
    costs = [group["cost"] for group in by_user["data"]]
    assert costs == sorted(costs, reverse=True)
    one = by_user["data"][0]
    alone = usage(user_id=one["user_id"])["total"]
    assert alone == {name: one[name] for name in alone}
    assert usage(group_by="assistant_id")["data"] == [], "the assistants of these runs are gone"
    monkeypatch.setattr(usage_report, "MAX_RUNS", 100)
    cut = usage_report.report(Store(made.project), {"group_by": "user_id"}, now_ms())
    assert cut["has_more"] and sum(group["runs"] for group in cut["data"]) == 300
    monkeypatch.setattr(usage_report, "MAX_GROUPS", 4)
    cut = usage_report.report(Store(made.project), {"group_by": "user_id"}, now_ms())
    runs = {group["user_id"]: group["runs"] for group in cut["data"]}
    assert cut["has_more"] and len(runs) == 5 and runs[None] == 180, "the rest is in one row"


def test_usage_by_user_has_the_ratings_of_each_and_of_the_rest(stack: local.Local, model: str) -> None:
    with spare_project(stack) as (_, key):
        client = connect(stack, key)
        assistant = client.beta.assistants.create(model=model).id
        for user, rating in (("ada", "up"), ("ada", "down"), ("", "down")):
            thread: Any = {"messages": [{"role": "user", "content": "say Hello"}]}
            thread |= {"metadata": {"user_id": user}} if user else {}
            run = client.beta.threads.create_and_run_poll(assistant_id=assistant, thread=thread)
            [said] = client.beta.threads.messages.list(run.thread_id, run_id=run.id).data
            client.beta.threads.messages.update(said.id, thread_id=run.thread_id, metadata={"rating": rating})

        def rated() -> Any:
            query: Any = {"params": {"group_by": "user_id"}}
            found: Any = client.get("/usage", cast_to=object, options=query)
            return {row["user_id"]: (row["runs"], row["ratings"], row["rating"]) for row in found["data"]}

        until(rated, {"ada": (2, 2, 0.5), None: (1, 1, 0.0)})
