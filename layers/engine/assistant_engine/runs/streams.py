"""Streams the events of runs to clients: how many at once, for how long, and what a stream ends with."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.errors import ApiError, ServerError, TooManyStreams
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import Cursor
from assistant_engine.runs.stream_reader import Clock, Event, follow
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import OpenStreams, configured
from assistant_engine.store import Store
from assistant_engine.store.open_streams import Lease

LONGEST_SECONDS = 840
"""How long a stream lasts at most. API Gateway and Lambda end it after 15 minutes, and creating the run takes some."""

KEEP_ALIVE_SECONDS = 15.0
"""How long a stream is silent at most; API Gateway ends one after 5 minutes."""

RENEW_SECONDS = 20.0
"""How often an open stream says that it is alive; a third of its lease."""


@dataclass(frozen=True, slots=True)
class Done:
    """The stream is at its end: the run has ended, or waits for its client."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """Nothing happened for a while."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream ends although its run goes on."""

    error: ApiError


@contextmanager
def opening(store: Store) -> Iterator[Lease]:
    """Take a place among the open streams, before anything is written for one; given back if the block fails.

    Raises:
        TooManyStreams: all are taken.
    """
    most = configured(OpenStreams).max_open_streams
    lease = store.open_streams.open(most, seconds_of(now_ms()))
    if lease is None:
        raise TooManyStreams(
            f"{most} streams are open, the most that this deployment allows. Please try again in a moment, or poll.",
            code="too_many_streams",
        )
    try:
        yield lease
    except BaseException:
        store.open_streams.close(lease)
        raise


def stream(
    store: Store,
    run: Run,
    after: Cursor,
    lease: Lease,
    *,
    contents: bool = False,
    whole: bool = False,
    clock: Clock | None = None,
) -> Iterator[Event | KeepAlive | Broken | Done]:
    """Give a client the events of a run after a place in its log, until the stream ends.

    Args:
        lease: the place of this stream; given back at the end, and when the client is gone.
        contents, whole: as `follow` takes them.
    """
    clock = clock or Clock()
    began = spoke = renewed = clock.now()
    place = after
    try:
        for event in follow(store, run, after, contents=contents, whole=whole, clock=clock):
            now = clock.now()
            if event:
                place, spoke = event.cursor, now
                yield event
            elif now - spoke >= KEEP_ALIVE_SECONDS:
                spoke = now
                yield KeepAlive()
            if now - renewed >= RENEW_SECONDS:
                renewed = now
                with suppress(BotoCoreError, ClientError):  # There is time for another try.
                    store.open_streams.renew(lease, seconds_of(now_ms()))
            if now - began >= LONGEST_SECONDS:
                yield Broken(ServerError(_goes_on("The stream ends after 14 minutes", place), code="stream_timeout"))
                return
        yield Done()
    except Exception as error:
        logger.error("stream of run %s failed: %s", run.id, fault_of(error).where)
        yield Broken(ServerError(_goes_on("The stream broke off", place), code="stream_broken"))
    finally:
        with suppress(BotoCoreError, ClientError):  # The lease ends by itself.
            store.open_streams.close(lease)


def _goes_on(what: str, place: Cursor) -> str:
    return f"{what}, and its run goes on. Join the run's stream again with starting_after={place}."
