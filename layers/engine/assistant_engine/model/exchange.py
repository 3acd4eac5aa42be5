"""One exchange with the model's server, in a thread of its own, so that it can be dropped at any moment."""

import contextlib
import math
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import httpx2
import openai

from assistant_engine.domain.json_data import Json
from assistant_engine.model.body import encoded
from assistant_engine.model.streaming import response_in
from assistant_engine.runtime.settings import ModelClient, configured

CANCEL_CHECK_SECONDS = 2.0
"""How often the run's record is looked at while the model works."""

Hear = Callable[[Json | None], float]
"""Takes an event of a streamed response, or None when nothing came for as long as it said; returns how many seconds it
lets go by until it is called again."""


class Late(Exception):
    """The answer was not whole by the deadline."""


class Cancelled(Exception):
    """The run was cancelled while the model worked; the call was dropped."""


class BrokenOff(Exception):
    """A stream ended before its response did."""


Answer = bytes | Json | Exception
"""The body of an answer, the response that a stream ended with, or what came instead."""


def exchange(client: openai.OpenAI, body: Json, deadline: float, cancelled: Callable[[], bool], hear: Hear) -> Answer:
    """Post a request to the model and wait for its answer.

    Args:
        client: with timeouts for connecting and reading.
        body: of `POST /responses`; with `stream` the server may answer with events, or not.
        deadline: by `time.monotonic`.
        cancelled: asked every 2 s whether the run was cancelled.
        hear: is given the events of a stream as they come.

    Raises:
        Late, Cancelled: the caller closes the client, which ends the thread.
    """
    heard: SimpleQueue[Json | tuple[Answer]] = SimpleQueue()
    threading.Thread(target=_ask, args=(client, body, heard), daemon=True).start()
    looked, due = time.monotonic(), math.inf
    while True:
        now = time.monotonic()
        wait = min(looked + CANCEL_CHECK_SECONDS, deadline, due) - now
        came: Json | tuple[Answer] | None
        try:
            came = heard.get(timeout=max(0.0, wait))
        except Empty:
            came = None
        if isinstance(came, tuple):
            return came[0]
        now = time.monotonic()
        # The client's own timeout is for each read: an answer that trickles in could take for ever.
        if now >= deadline:
            raise Late
        if now >= looked + CANCEL_CHECK_SECONDS:
            looked = now
            if cancelled():
                raise Cancelled
        if came is not None or now >= due:
            due = time.monotonic() + hear(came)


def _ask(client: openai.OpenAI, body: Json, heard: "SimpleQueue[Json | tuple[Answer]]") -> None:
    signed = configured(ModelClient).model_provider == "bedrock"
    try:
        if not body.get("stream"):
            with encoded(body, whole=signed) as content:
                heard.put((client.post("/responses", content=content, cast_to=bytes),))
            return
        streamed: Any = openai.Stream[object]
        with encoded(body, whole=signed) as content:
            answer: Any = client.post(
                "/responses", content=content, cast_to=httpx2.Response, stream=True, stream_cls=streamed
            )
        with contextlib.closing(answer) as response:
            if "text/event-stream" not in response.headers.get("content-type", ""):
                heard.put((response.read(),))
                return
            done: list[Json] = []
            for event in openai.Stream[object](cast_to=object, response=response, client=client):
                if not isinstance(event, dict):
                    continue
                if whole := response_in(event, done):
                    heard.put((whole,))
                    return
                if event.get("type") == "response.output_item.done" and isinstance(event.get("item"), dict):
                    done.append(event["item"])
                heard.put(event)
        heard.put((BrokenOff(),))
    except Exception as error:
        heard.put((error,))
