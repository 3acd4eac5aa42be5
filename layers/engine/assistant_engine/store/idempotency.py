"""Idempotency records: part of the transaction that they protect.

A record holds ids, never what was said: what was made is read where it lies, and is gone when it was deleted.
"""

import hashlib
import json
import time
from typing import Any, NamedTuple

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import Conflict
from assistant_engine.domain.json_data import Json
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.expressions import put

KEPT_SECONDS = 24 * 3600
"""How long a key is remembered."""

_IDS = ("object", "id", "thread_id", "upload_id")


class Replayed(Exception):
    """The request was carried out before, under the same key.

    Attributes:
        made: `{"object", "id"}` of what was created then, and the `thread_id` or `upload_id` that it lies below.
    """

    def __init__(self, made: Json) -> None:
        super().__init__("this request was carried out before")
        self.made = made


class Idempotency(NamedTuple):
    """A caller's idempotency key and what it was used for.

    Attributes:
        key: the caller's word, of any length.
        request: the whole request; another request under the same key is a conflict.
    """

    key: str
    request: Any

    def _fingerprint(self) -> str:
        return hashlib.sha256(json.dumps(self.request, sort_keys=True).encode()).hexdigest()

    def _key(self) -> Json:
        return {"thread_id": f"idempotency#{hashlib.sha256(self.key.encode()).hexdigest()}", "message_id": "record"}

    def action(self, table: str, created: Json, now: Seconds) -> Json:
        """The action that records what the transaction creates; it fails when the key was used.

        Args:
            created: the object in the API's shape.
        """
        item = {
            **self._key(),
            "fingerprint": self._fingerprint(),
            "made": {name: created[name] for name in _IDS if name in created},
            "ttl": now + KEPT_SECONDS,
        }
        # DynamoDB removes what has expired when it comes round to it.
        return put(table, item, Attr("thread_id").not_exists() | Attr("ttl").lte(now))

    def check(self, database: Database, table: str) -> None:
        """Look whether the key was used.

        Raises:
            Replayed: for the same request.
            Conflict: for another one.
        """
        item = database.get(table, self._key())
        if item is None or item["ttl"] <= time.time():
            return
        if item["fingerprint"] != self._fingerprint():
            raise Conflict(
                "This idempotency key was used before, for a different request.",
                param="Idempotency-Key",
                code="idempotency_key_in_use",
            )
        raise Replayed(item["made"])
