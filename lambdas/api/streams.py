"""`/v1/threads/{thread_id}/runs/{run_id}/stream`, and the server-sent events of every streamed answer."""

import json
from collections.abc import Iterator

from answers import StreamedAnswer
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import Cursor
from assistant_engine.domain.thread import Thread
from assistant_engine.runs.stream_reader import Event, cursor_in
from assistant_engine.runs.streams import Broken, Done, KeepAlive, opening, stream
from assistant_engine.schemas.parameters import JoinParameters
from assistant_engine.store.open_streams import Lease
from routes import Request, Routes

routes = Routes("Runs")

_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

_COMMENT = b":\n"
"""A line that says nothing. A blank line after it would make an empty event of it for some clients."""


@routes.get(
    "/threads/{thread_id}/runs/{run_id}/stream",
    "streamRun",
    "Join the stream of a run",
    query=JoinParameters,
    answer=None,
    streams=True,
    extension=True,
)
def join(request: Request, thread: Thread, run_id: str) -> StreamedAnswer:
    run = request.store.runs.get(thread.id, run_id)
    given, param = request.query.get("starting_after"), "starting_after"
    if given is None:
        given, param = request.headers.get("last-event-id"), "Last-Event-ID"
    after = cursor_in(request.store, run, given or None, param)
    with opening(request.store) as lease:
        return answer(request, run, after, lease, whole=True)


def answer(request: Request, run: Run, after: Cursor, lease: Lease, *, whole: bool = False) -> StreamedAnswer:
    """Answer with the events of a run after a place in its log, as server-sent events."""
    contents = "include" in request.query
    events = stream(request.store, run, after, lease, contents=contents, whole=whole)
    return StreamedAnswer(200, _HEADERS, _lines(events))


def _lines(events: Iterator[Event | KeepAlive | Broken | Done]) -> Iterator[bytes]:
    yield _COMMENT  # The answer begins at once, whenever its first event comes.
    for event in events:
        match event:
            case Event():
                yield _event(event.name, event.data, f"id: {event.cursor}\n")
            case KeepAlive():
                yield _COMMENT
            case Broken():
                yield _event("error", event.error.body())
            case Done():
                yield b"event: done\ndata: [DONE]\n\n"


def _event(name: str, data: object, cursor: str = "") -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{cursor}event: {name}\ndata: {text}\n\n".encode()
