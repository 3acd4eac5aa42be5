"""The writes of a run's status: each is allowed by the table of transitions, and each counts the change."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TRANSITIONS, Status, sources
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep, Turn, TurnStatus
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.event_log import EventLog
from assistant_engine.store.expressions import Update
from assistant_engine.store.items import marshal, unmarshal
from assistant_engine.store.run_item import item_of
from assistant_engine.store.run_transitions import RunTransitions
from assistant_engine.store.runs import Runs
from tests.support import examples

NOW = Milliseconds(1_000)
BLOBS = Blobs("bucket")
RUN = replace(examples.RUN, id="run_0mwrjne04stvaa240kj1x3yl", status="queued")
TOOLS = ToolStep({"id": "step_1"}, [], [], {})


class Writes(Database):
    """Takes every write but the first `refusals`."""

    def __init__(self, refusals: int = 0) -> None:
        self.taken: list[Json] = []
        self.refusals = refusals

    def get(self, *_: Any, **__: Any) -> Json:
        return unmarshal(marshal(item_of(RUN, BLOBS)))

    def update(self, update: Update) -> Json:
        self.taken.append(update.request())
        if len(self.taken) <= self.refusals:
            raise ConditionFailed([{}])
        return self.get()

    def transact(self, actions: list[Json]) -> None:
        self.taken += [action["Update"] for action in actions if "Update" in action]


class Nothing(dict[str, Any]):
    """Answers for the parts of the store that write no status of a run: threads, the directory, steps and usage."""

    last_ms = 0

    def __getattr__(self, name: str) -> Callable[..., "Nothing"]:
        return lambda *_, **__: Nothing()


def transitions(database: Database) -> RunTransitions:
    nothing: Any = Nothing()
    log = EventLog(database, "messages")
    connection: Any = SimpleNamespace(database=database, blobs=BLOBS, messages_table="messages")
    runs = Runs(connection, nothing, nothing, log)
    return RunTransitions(connection, runs, nothing, nothing, nothing, nothing, log)


def at(status: Status) -> Run:
    return replace(RUN, status=status)


def turn(status: TurnStatus) -> Turn:
    return Turn(output=[], usage=Usage(), status=status)


WRITES: dict[str, Callable[[RunTransitions, Run], Any]] = {
    "a model call begins": lambda to, run: to.begin_attempt(run, NOW),
    "a call was approved": lambda to, run: to.resume(run),
    "the client is to answer": lambda to, run: to.wait_for_outputs(run, TOOLS, "token", NOW),
    "the client answered": lambda to, run: to.submit_outputs(run, TOOLS, {}, NOW),
    "somebody cancels": lambda to, run: to.request_cancel(run, seconds_of(NOW)),
    "the run expired": lambda to, run: to.settle(run, None, "expired", RunUsage(), NOW),
    "the run was cancelled": lambda to, run: to.settle(run, None, "cancelled", RunUsage(), NOW),
    "the run failed": lambda to, run: to.settle(run, None, "failed", RunUsage(), NOW),
    "the run is over its limits": lambda to, run: to.settle(run, None, "incomplete", RunUsage(), NOW),
    "the model called tools": lambda to, run: to.store_turn(run, turn("in_progress"), [], [], RunUsage(), NOW),
    "the model answered": lambda to, run: to.store_turn(run, turn("completed"), [], [], RunUsage(), NOW),
    "the model had to stop": lambda to, run: to.store_turn(run, turn("incomplete"), [], [], RunUsage(), NOW),
    "the model could not answer": lambda to, run: to.store_turn(run, turn("failed"), [], [], RunUsage(), NOW),
}


def read(request: Json) -> tuple[Status, int, set[Status]]:
    """Return the status that a write sets, the change that it counts, and the statuses that its condition allows."""
    values = unmarshal(request["ExpressionAttributeValues"])
    condition = request["ConditionExpression"]
    # The condition's own placeholder of the status: the update's is another one.
    placeholders = [each for each, name in request["ExpressionAttributeNames"].items() if name == "run_status"]
    (seen,) = [each for each in placeholders if re.search(rf"{each}\b", condition)]
    compared = re.search(rf"{seen} (?:= (:\w+)|IN \(([^)]*)\))", condition)
    assert compared and " OR " not in condition
    allowed = {values[each.strip()] for each in (compared[1] or compared[2]).split(",")}
    assert "#run_status = :run_status" in request["UpdateExpression"]
    assert "#run_sequence :run_sequence" in request["UpdateExpression"]
    return values[":run_status"], values[":run_sequence"], allowed


def written() -> Iterator[tuple[Status, int, set[Status]]]:
    for write in WRITES.values():
        for status in TRANSITIONS:
            for refusals in (0, 1):
                database = Writes(refusals)
                with suppress(ConditionFailed):
                    write(transitions(database), at(status))
                yield from map(read, database.taken)


def test_the_store_writes_the_transitions_of_the_table_and_no_others() -> None:
    pairs = set()
    for status, change, allowed in written():
        if change:
            pairs |= {(source, status) for source in allowed}
        else:
            assert allowed == {status}
    assert pairs == {(source, status) for status in TRANSITIONS for source in sources(status)}


def test_every_change_of_a_status_is_counted() -> None:
    assert {change for _, change, _ in written()} == {0, 1}
    assert all(status not in allowed for status, change, allowed in written() if change)
    assert unmarshal(marshal(item_of(RUN, BLOBS)))["run_sequence"] == 1


def test_a_status_that_the_table_does_not_lead_to_is_refused_before_it_is_written() -> None:
    database = Writes()
    unknown: Any = "cancelled"
    with pytest.raises(ValueError, match="in_progress to cancelled"):
        transitions(database).store_turn(at("in_progress"), turn(unknown), [], [], RunUsage(), NOW)
    assert database.taken == []


def test_a_delivery_that_came_between_made_the_change() -> None:
    """Given a run seen queued and found in progress, when the model is called again, no change of status is counted."""
    database = Writes(refusals=1)
    transitions(database).begin_attempt(RUN, NOW)
    assert [(allowed, change) for _, change, allowed in map(read, database.taken)] == [
        ({"queued"}, 1),
        ({"in_progress"}, 0),
    ]


def test_the_type_of_a_status_is_the_table_s() -> None:
    assert set(get_args(Status)) == set(TRANSITIONS)
