"""The streams that are open: each holds one of a fixed number of slots, for as long as it renews its lease.

A slot is an item. Whoever takes one does so on the condition that it is free, so there are never more streams than
slots, and no counter that a function that dies leaves too high.
"""

import random
import secrets
from dataclasses import dataclass

from boto3.dynamodb.conditions import Attr, Key

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import ConditionFailed, Database
from assistant_engine.store.expressions import Update, query

LEASE_SECONDS = 60
"""How long a slot is held for a stream that says nothing: its function was killed."""

_TRIES = 4
_PARTITION = "streams"


@dataclass(frozen=True, slots=True)
class Lease:
    """A slot that a stream holds."""

    slot: int
    holder: str


class OpenStreams:
    """The slots of the deployment's streams."""

    def __init__(self, database: Database, table: str) -> None:
        self._db = database
        self._table = table

    def open(self, most: int, now: Seconds) -> Lease | None:
        """Take a slot; None if all of them are held.

        Args:
            most: how many there are.
            now: seconds since 1970.
        """
        holder = secrets.token_hex(8)
        for slot in random.sample(range(most), min(_TRIES, most)):
            if self._take(lease := Lease(slot, holder), now):
                return lease
        # The deployment is nearly full: look which ones are free.
        request = query(self._table, Key("thread_id").eq(_PARTITION), matching=Attr("leased_until").gte(now))
        held = {int(item["message_id"]) for item in self._db.query_all(request)}
        free = [slot for slot in range(most) if slot not in held]
        for slot in random.sample(free, len(free)):
            if self._take(lease := Lease(slot, holder), now):
                return lease
        return None

    def renew(self, lease: Lease, now: Seconds) -> bool:
        """Hold the slot for longer; whether it was still held."""
        update = self._update(lease, now).when(Attr("holder").eq(lease.holder))
        return self._write(update)

    def close(self, lease: Lease) -> None:
        """Give the slot back."""
        update = Update(self._table, _key(lease)).set(leased_until=0).remove("holder")
        self._write(update.when(Attr("holder").eq(lease.holder)))

    def _take(self, lease: Lease, now: Seconds) -> bool:
        free = Attr("leased_until").not_exists() | Attr("leased_until").lt(now)
        return self._write(self._update(lease, now).when(free))

    def _update(self, lease: Lease, now: Seconds) -> Update:
        until = now + LEASE_SECONDS
        return Update(self._table, _key(lease)).set(holder=lease.holder, leased_until=until, ttl=until + LEASE_SECONDS)

    def _write(self, update: Update) -> bool:
        try:
            self._db.update(update)
        except ConditionFailed:
            return False
        return True


def _key(lease: Lease) -> Json:
    return {"thread_id": _PARTITION, "message_id": f"{lease.slot:05d}"}
