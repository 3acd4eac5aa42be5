"""Tells of a turn in its run's log while the model works."""

import time
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.draft import BATCH_SECONDS, Draft
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import Announced, Told
from assistant_engine.domain.turn import Turn
from assistant_engine.model.exchange import Cancelled
from assistant_engine.model.streaming import Listener
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.event_log import Overtaken, Tail

_RETRY_SECONDS = 1.0
"""How long a batch that could not be written waits for its next try."""


class LiveTurn:
    """One attempt at a turn of a run that streams.

    What the model says is written in batches, the first at once. Each batch is written under the condition that nobody
    wrote to the log since the last one. Somebody else's entry means that the run was cancelled or has ended, or that
    another delivery of the step attempts the same turn: this one then goes on in silence, and whichever is done first
    is stored.

    Args:
        run: as it is after the attempt began.
        tail: the end of the run's log by then.
        images: the ids of the image files that a message of the turn begins with.
    """

    def __init__(self, store: Store, run: Run, tail: Tail, images: list[str]) -> None:
        self._store = store
        self._run = run
        self._tail = tail
        self._listener = Listener()
        self._draft = Draft(images, self._new_message, self._new_step)
        self._batch: Told | None = None
        self._written = 0.0
        self._first_ms: Milliseconds | None = None
        self._is_silent = False

    def hear(self, event: Json | None) -> float:
        """Take in an event of the model's stream; see `exchange.Hear`.

        Raises:
            Cancelled: the run was cancelled, or has ended.
        """
        for piece in self._listener.pieces(event) if event else ():
            self._draft.add(piece, seconds_of(now_ms()))
        if self._is_silent or not (self._batch or self._draft.is_waiting):
            return BATCH_SECONDS
        due = self._written + BATCH_SECONDS - time.monotonic()
        if due > 0 and not self._draft.is_full:
            return due
        self._write()
        return BATCH_SECONDS

    def settled(self, response: Json) -> Json:
        """Return the response as it was told."""
        return self._listener.settled(response)

    def ordered(self, turn: Turn) -> Turn:
        """Return the turn with the content of its message as it is told: what the provider drew comes last."""
        if not turn.message:
            return turn
        known, content = len(self._draft.images), turn.message["content"]
        rest = sorted(content[known:], key=lambda part: bool(part["type"] == "image_file"))
        return replace(turn, message={**turn.message, "content": [*content[:known], *rest]})

    def finish(self, turn: Turn) -> tuple[Announced | None, Tail]:
        """Return what was told of the turn, and the end of the log; None if the turn is to be told anew.

        What is left is written, except for a last batch that goes on with the open step: it is told with the turn.

        Raises:
            Cancelled: the run was cancelled, or has ended.
        """
        rest: tuple[Json, ...] = ()
        while not self._is_silent and (self._batch or self._draft.is_waiting):
            if self._batch is None:  # Of one that failed it is not known whether it was written.
                self._batch = self._taken()
                if not self._draft.is_waiting and self._batch.open == self._tail.open:
                    rest = tuple(self._batch.entries)
                    break
            self._write(last=True)
        told = None if self._is_silent else self._draft.matching(turn)
        return told._replace(first_ms=self._first_ms, rest=rest) if told else None, self._tail

    def _write(self, *, last: bool = False) -> None:
        self._batch = self._batch or self._taken()
        self._written = time.monotonic()
        if not self._batch.entries:
            self._batch = None
            return
        self._first_ms = self._first_ms or now_ms()
        try:
            self._tail = self._store.log.append(self._run, self._tail, self._batch)
        except Overtaken:
            self._is_silent = True
            if self._store.runs.get(self._run.thread_id, self._run.id).status not in ("queued", "in_progress"):
                raise Cancelled from None
        except (BotoCoreError, ClientError):
            # It may have been written or not: the same batch is tried again, while the model goes on.
            if last:
                raise
            self._written = time.monotonic() + _RETRY_SECONDS
            return
        self._batch = None

    def _taken(self) -> Told:
        return Told(self._draft.take(), self._draft.open)

    def _new_message(self) -> str:
        head = self._store.threads.get_head(self._run.thread_id)
        return ids.new_id("msg_", head.next_ms(now_ms()))

    def _new_step(self, place: int) -> str:
        # A turn that is tried again has other steps: their ids are not derived from the turn alone.
        return ids.step_id(self._run.id, self._run.turn, place) + ids.new_id("", Milliseconds(0))[-6:]
