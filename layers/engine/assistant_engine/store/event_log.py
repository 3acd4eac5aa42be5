"""The log of a streamed run: its events in their order, in the partition of the thread.

Items have consecutive positions, and each is written on the condition that its position is free. So there is one order
of events, whoever writes them, and nothing is put before what a reader has seen. An item keeps which step is open
after it: the newest item is all that a writer needs to know.

What changes the record is told in the same transaction. A run that does not stream has no log, and is written as if
there were none.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import KEPT_SECONDS, Open, Tell, Told, open_json
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import put, query
from assistant_engine.store.partition import below, key_of

_APPEND_ATTEMPTS = 20


class Overtaken(Exception):
    """Somebody else wrote at this position of the log first."""


class Tail(NamedTuple):
    """The end of a log.

    Attributes:
        position: of the newest item; 0 if there is none.
        open: the step that is open after it.
    """

    position: int
    open: Open | None


BEGUN = Tail(1, None)
"""The end of the log of a run that was created with one, until something happens to it."""


def _prefix(run_id: str) -> str:
    return f"events#{run_id}#"


def _name(run_id: str, position: int) -> str:
    return f"{_prefix(run_id)}{position:06d}"


class EventLog:
    """The logs of streamed runs."""

    def __init__(self, database: Database, table: str) -> None:
        self._db = database
        self._table = table

    def tail(self, run: Run) -> Tail:
        """Return the end of the run's log."""
        newest = below(self._table, run.thread_id, _prefix(run.id), ascending=False, limit=1)
        items, _ = self._db.query(newest)
        if not items:
            return Tail(0, None)
        [item] = items
        return Tail(_position(item), Open(**json.loads(item["open"])) if "open" in item else None)

    def read(self, run: Run, after: int, *, consistent: bool = True) -> Iterator[tuple[int, list[Json]]]:
        """The entries after a position with theirs, in order and without a gap.

        Args:
            consistent: else the newest ones may be missing still, for half the price.
        """
        # Text sorts before what goes on with more of it, and `:` follows the digits.
        key = Key("message_id").between(_name(run.id, after + 1), f"{_prefix(run.id)}:")
        request = query(
            self._table,
            Key("thread_id").eq(run.thread_id) & key,
            attributes=("message_id", "events"),
            consistent=consistent,
        )
        for item in self._db.query_all(request):
            if _position(item) != after + 1:
                return  # DynamoDB does not promise that what is older is seen first.
            after += 1
            yield after, json.loads(item["events"])

    def entries(self, run: Run, position: int) -> list[Json] | None:
        """The entries at a position; None if there are none."""
        item = self._db.get(self._table, key_of(run.thread_id, _name(run.id, position)))
        return json.loads(item["events"]) if item else None

    def first(self, run: Run, told: Told) -> list[Json]:
        """The actions that begin the log of a new run."""
        return [self._put(run, 1, told)] if run.streams else []

    def append(self, run: Run, tail: Tail, told: Told) -> Tail:
        """Write the next item after the end of the log as it was seen; return the new end.

        Written again, it is the same item.

        Raises:
            Overtaken: there is another item.
        """
        position = tail.position + 1
        action = self._put(run, position, told)
        try:
            self._db.put(action)
        except ConditionFailed as failed:
            [there] = failed.items
            if there is None or there.get("events") != _text(told.entries):
                raise Overtaken from None
        return Tail(position, told.open)

    def transact(self, run: Run, actions: list[Json], tell: Tell, seen: Tail | None = None) -> Tail:
        """Write all of the actions and, if the run streams, what is told of them; or none.

        Args:
            seen: an end that the log had: if it is the end no longer, or nothing is told, it is read.

        Returns:
            The end of the log.

        Raises:
            ConditionFailed: a condition of the actions did not hold.
        """
        if not run.streams:
            self._db.transact(actions)
            return Tail(0, None)
        if seen and not tell(seen.open).entries:
            seen = None  # No item would be written, under whose condition it is known to be the end.
        for attempt in range(_APPEND_ATTEMPTS):
            tail = seen or self.tail(run)
            seen = None
            told = tell(tail.open)
            items = [self._put(run, tail.position + 1, told)] if told.entries else []
            try:
                self._db.transact([*actions, *items])
                return Tail(tail.position + len(items), told.open)
            except ConditionFailed as failed:
                # Somebody else was at this position first, and the actions are not to blame.
                mine = items and all(item is None for item in failed.items[: len(actions)])
                if not mine or attempt == _APPEND_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    def _put(self, run: Run, position: int, told: Told) -> Json:
        item = {
            **key_of(run.thread_id, _name(run.id, position)),
            "events": _text(told.entries),
            "open": _text(open_json(told.open)) if told.open else None,
            "ttl": run.expires_at + KEPT_SECONDS,
        }
        return put(self._table, item, Attr("message_id").not_exists())


def _position(item: Json) -> int:
    return int(item["message_id"].rpartition("#")[2])


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
