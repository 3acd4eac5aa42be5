"""What a caller asks: the document, and on whose behalf it is carried out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Idempotency, Store

MAX_SECONDS = 20
"""How long a document may take, API Gateway's 29 s in mind; no field is begun after that."""

MAX_BYTES = 4_000_000
"""Bytes of texts and files that a document may read for its answer: Lambda carries 6 MB, JSON in JSON."""


@dataclass(slots=True)
class Asked:
    """A caller's operation, as the resolvers see it.

    Attributes:
        store: as the caller's project sees it.
        key: the caller's `Idempotency-Key`, or the id of a Lambda invocation, which is the same when it comes again;
            empty for none.
        now_ms: when it arrived, in milliseconds since 1970.
    """

    store: Store
    key: str = ""
    now_ms: Milliseconds = field(default_factory=now_ms)
    _deadline: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)
    _carried: int = 0

    def idempotency(self, kind: str, request: Any) -> Idempotency | None:
        """Return what the caller's key asks for, None without one.

        Args:
            kind: of the object that is created, each of which has keys of its own.
            request: the whole request; another one under the same key is a conflict.
        """
        return Idempotency(f"{kind}#{self.store.project}#{self.key}", ["graphql", request]) if self.key else None

    def check_time(self) -> None:
        """Let a document go on while there is time.

        Raises:
            InvalidRequest: it has taken too long.
        """
        if time.monotonic() > self._deadline:
            raise InvalidRequest(f"The query takes longer than {MAX_SECONDS} s. Ask for less.", code="query_too_slow")

    def carry(self, size: int, instead: str) -> None:
        """Add bytes to those of the answer.

        Args:
            instead: how to get them in parts.

        Raises:
            InvalidRequest: they are too many.
        """
        self._carried += size
        if self._carried > MAX_BYTES:
            raise InvalidRequest(
                f"The answer would be larger than {MAX_BYTES:,} bytes. {instead}", code="answer_too_large"
            )


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be executed.

    Attributes:
        query: the text.
        variables: by name; anything else than an object is refused.
        operation_name: which operation of several; empty where there is one.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str = ""
