"""The log of a streamed run on a table of the test's own: gaps, and how its end is found."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.stream import Open, Told
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.event_log import BEGUN, EventLog, Tail
from assistant_engine.store.items import unmarshal
from tests.support.streamed_run import RUN

NOW = Seconds(90)
MINE = Open("step_1", NOW, "msg_1")
SAID = [{"event": "thread.message.delta"}]


class Table(Database):
    """A table with one log: how often it was read, and the items that were written."""

    def __init__(self, *positions: int, open: Open | None = None) -> None:
        self.positions = list(positions)
        self.open = open
        self.reads: list[Json] = []

    def query_all(self, request: Json) -> Iterator[Json]:
        self.reads.append(request)
        yield from ({"message_id": f"events#{RUN.id}#{each:06d}", "events": "[]"} for each in self.positions)

    def query(self, request: Json) -> tuple[list[Json], Json | None]:
        self.reads.append(request)
        open = {"open": json.dumps({"step": self.open.step, "at": self.open.at})} if self.open else {}
        return [{"message_id": f"events#{RUN.id}#{self.positions[-1]:06d}", **open}], None

    def transact(self, actions: list[Json]) -> None:
        [*_, name] = [unmarshal(action["Put"]["Item"])["message_id"] for action in actions]
        position = int(name.rpartition("#")[2])
        if position in self.positions:
            raise ConditionFailed([{}])
        self.positions.append(position)


def log(table: Table) -> EventLog:
    return EventLog(table, "messages")


def test_what_comes_after_a_gap_is_not_read() -> None:
    """An eventually consistent read may show an item before it shows the one that was written earlier."""
    assert [at for at, _ in log(Table(2, 3, 5, 6)).read(RUN, 1)] == [2, 3]
    assert list(log(Table(3)).read(RUN, 1)) == []


@pytest.mark.parametrize("consistent", [True, False])
def test_a_look_is_as_consistent_as_it_is_asked_to_be(consistent: bool) -> None:
    table = Table(2)
    list(log(table).read(RUN, 1, consistent=consistent))
    assert table.reads[0].get("ConsistentRead", False) is consistent


def test_an_end_that_was_seen_is_not_read() -> None:
    table = Table(1)
    end = log(table).transact(RUN, [], lambda open: Told(SAID, MINE), BEGUN)
    assert (end, table.positions, table.reads) == (Tail(2, MINE), [1, 2], [])


def test_an_end_that_is_none_any_more_is_read() -> None:
    """What is told follows from the step that is open at the real end."""
    table, seen = Table(1, 2, open=Open("step_2", NOW)), list[Any]()

    def tell(open: Open | None) -> Told:
        seen.append(open and open.step)
        return Told(SAID, None)

    assert log(table).transact(RUN, [], tell, BEGUN) == Tail(3, None)
    assert seen[-1] == "step_2" and len(table.reads) == 1


def test_an_end_that_no_item_would_be_written_after_is_read() -> None:
    """Given nothing to tell at the end that was seen, when the log has gone on, the newer end says what is told."""
    table = Table(1, 2, open=MINE)
    end = log(table).transact(RUN, [], lambda open: Told(SAID if open else [], None), BEGUN)
    assert (end, len(table.reads)) == (Tail(3, None), 1)
