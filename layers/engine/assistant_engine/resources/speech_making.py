"""Speech while it is made: whoever asks first has it made, and everybody reads its pieces as they come."""

import time
from collections.abc import Generator
from concurrent.futures import Future
from itertools import count
from typing import Any

from assistant_engine.domain import speech_models
from assistant_engine.domain.clock import Seconds, seconds_of
from assistant_engine.domain.errors import ApiError, NotFound, NotInTime
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech_payloads import SpeakEvent
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.resources import speech_function
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store

_LOOK_SECONDS = 0.15


class Making:
    """Speech that somebody waits for.

    Attributes:
        media_type: of it, once the first bytes are there.
    """

    media_type = ""
    param: str | None = None
    """Of the request, that errors name."""

    def __init__(self, store: Store, event: SpeakEvent, seconds: int) -> None:
        self._store = store
        self._event = event
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._begun: Future[Any] | None = None
        self._settled = False

    def chunks(self) -> Generator[bytes]:
        """Yield the sound as it is made. A client that goes away leaves nothing half made, and nothing uncounted.

        Raises:
            ApiError: it can't be spoken.
        """
        try:
            yield from self._chunks()
        except ApiError:
            self._failed()
            raise
        finally:
            self._end()

    def _chunks(self) -> Generator[bytes]:
        sounds, key, sent = self._store.sounds, self._event["key"], 0
        for number in count():
            while (piece := sounds.piece(key, number)) is None:
                whole = sounds.of_object(key)
                if whole is not None:
                    self.media_type = whole["media_type"]
                    self._settle(whole)
                    if whole["bytes"] > sent:  # It was one piece, or the pieces are gone already.
                        yield from sounds.chunks(key, sent)
                    return
                self._wait()
            self.media_type, data = piece
            yield data
            sent += len(data)

    def _wait(self) -> None:
        """Wait for the next piece a moment; nobody who makes it need be there yet.

        Raises:
            ApiError: it comes to nothing.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise NotInTime("The speech is not ready yet. Please try again.", code="speech_timeout")
        if self._begun is None and self._claim():
            self._begun = speech_function.begin(self._event, self._seconds)
        elif self._begun is not None and self._begun.done():
            speech_function.result_of(self._begun, 0, self.param)
            if self._store.sounds.of_object(self._event["key"]) is None:
                raise NotFound("The message was deleted while it was spoken.")
        time.sleep(min(_LOOK_SECONDS, left))

    def _end(self) -> None:
        """Settle what the function has made, also if nobody waits for it any more."""
        if self._settled or self._begun is None:
            return
        try:
            speech_function.result_of(self._begun, max(0.0, self._deadline - time.monotonic()), self.param)
        except ApiError:
            self._failed()
            return
        if whole := self._store.sounds.of_object(self._event["key"]):
            self._settle(whole)

    def _settle(self, whole: Json) -> None:
        if not self._settled:
            self._count(whole)
            self._settled = True

    def _claim(self) -> bool:
        """Return whether it is this caller's turn to have it made."""
        raise NotImplementedError

    def _count(self, whole: Json) -> None:
        """Count what was made, once."""
        raise NotImplementedError

    def _failed(self) -> None:
        """Let somebody else try."""
        raise NotImplementedError


class OfMessage(Making):
    """The speech of a message, which is kept: several may wait for it."""

    def __init__(
        self,
        store: Store,
        event: SpeakEvent,
        seconds: int,
        place: tuple[ThreadId, str, str],
        message: Json,
        thread: Thread,
    ) -> None:
        super().__init__(store, event, seconds)
        self._place = place
        self._message = message
        self._thread = thread

    def _claim(self) -> bool:
        now = seconds_of(now_ms())
        return self._store.sounds.claim(*self._place, now, Seconds(now + self._seconds))

    def _count(self, whole: Json) -> None:
        deleted = self._is_deleted()
        counted = self._store.usage.count_speech(
            speech_models.spoken(whole["model"], whole["characters"]),
            self._message["id"],
            now_ms(),
            thread_id=None if deleted else self._thread.id,
            assistant_id=self._message["assistant_id"],
            user=self._thread.metadata.get("user_id"),
        )
        if not deleted:
            self._store.sounds.settle(*self._place, counted)
            self._store.sounds.delete_pieces(self._event["key"])
        elif self._begun is not None:
            self._store.sounds.count(counted)
            self._store.sounds.delete_request(self._event["key"])

    def _is_deleted(self) -> bool:
        """Return whether the message was deleted while it was spoken: then nothing may be left of its sound."""
        try:
            self._store.messages.get(self._store.threads.get(self._thread.id).id, self._message["id"])
        except NotFound:
            return True
        return False

    def _failed(self) -> None:
        if self._begun is not None:
            # The next try may sound otherwise: its pieces are its own.
            self._store.sounds.delete_pieces(self._event["key"])
            self._store.sounds.release(*self._place)
            self._begun = None


class OfText(Making):
    """The speech of a text of a request, which is kept nowhere."""

    param = "input"

    def _claim(self) -> bool:
        return True

    def _count(self, whole: Json) -> None:
        usage = speech_models.spoken(whole["model"], whole["characters"])
        self._store.sounds.count(self._store.usage.count_speech(usage, self._event["key"], now_ms()))

    def _failed(self) -> None:
        self._begun = None

    def _end(self) -> None:
        try:
            super()._end()
        finally:
            self._store.sounds.delete_request(self._event["key"])
