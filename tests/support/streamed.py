"""Holds the events of a stream against what the API promises, and puts together what they said."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

from openai.types.beta import AssistantStreamEvent
from pydantic import TypeAdapter

from assistant_engine.domain.built import calls_of, content_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import START, Cursor
from assistant_engine.runs.stream_reader import follow
from assistant_engine.store import Store
from tests.support.clients import only_known_fields

_TYPES: dict[str, TypeAdapter[Any]] = {
    get_args(one.model_fields["event"].annotation)[0]: TypeAdapter(one)
    for one in get_args(get_args(AssistantStreamEvent)[0])
}

BEGUN = ("run.queued", "run.in_progress")
MESSAGE = ("run.step.created", "run.step.in_progress", "message.created", "message.in_progress")
SAID = ("message.completed", "run.step.completed")
CALLS = ("run.step.created", "run.step.in_progress")


@dataclass(slots=True)
class Streamed:
    """What a stream said, held against the API's promises while it came.

    Attributes:
        names: of the events, without `thread.`; deltas that follow each other count as one.
        texts: of the messages by their ids, from their deltas.
        done: whether the stream ended with `done`.
        error: the data of an `error` event.
    """

    names: list[str] = field(default_factory=list)
    events: list[tuple[str, Json]] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    deltas: dict[str, list[Json]] = field(default_factory=dict)
    completed: dict[str, Json] = field(default_factory=dict)
    done: bool = False
    error: Json | None = None
    _open: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def add(self, name: str, data: Any, cursor: str = "") -> None:
        """Take in an event; fail if the API does not allow it here."""
        assert not self.done
        if name == "done":
            assert data == "[DONE]"
            self.done = True
            return
        if name == "error":
            self.error = data
            return
        parsed = _TYPES[name].validate_python({"event": name, "data": data}, strict=True)
        only_known_fields(parsed.data)
        self.events.append((name, data))
        self.cursors.append(cursor)
        short = name.removeprefix("thread.")
        if not (short.endswith("delta") and self.names[-1:] == [short]):
            self.names.append(short)
        kind, _, what = name.rpartition(".")
        if kind in ("thread.message", "thread.run.step"):
            self._part(kind, what, data)

    def _part(self, kind: str, what: str, data: Json) -> None:
        made = data["id"]
        if what == "created":
            assert made not in self._seen, f"{made} begins twice"
            assert kind != "thread.run.step" or not [one for one in self._open if one.startswith("step_")]
            self._open.add(made)
            self._seen.add(made)
            self.deltas[made] = []
        elif what == "delta":
            assert made in self._open
            self.deltas[made].append(data["delta"])
        elif what != "in_progress":
            # A stream that begins with the client's outputs has not seen the step's beginning.
            assert made in self._open or not self._seen
            self._open.discard(made)
            self.completed[made] = data
            if kind == "thread.message":
                told = content_of(self.deltas[made])
                assert [_without_annotations(part) for part in told] == [
                    _without_annotations(part) for part in data["content"]
                ]

    @property
    def texts(self) -> dict[str, str]:
        """The texts of the messages, put together from their deltas."""
        return {
            made: "".join(part["text"]["value"] for part in content_of(deltas) if part["type"] == "text")
            for made, deltas in self.deltas.items()
            if made.startswith("msg_")
        }

    def calls(self, step_id: str) -> list[Json]:
        """The calls of a step, put together from its deltas."""
        return calls_of(self.deltas[step_id])

    def data(self, name: str) -> list[Json]:
        """The data of all events of a name, without `thread.`."""
        return [data for each, data in self.events if each == f"thread.{name}"]


def _without_annotations(part: Json) -> Json:
    return {**part, "text": part["text"]["value"]} if part["type"] == "text" else part


def told(store: Store, run: Run, after: Cursor = START) -> Streamed:
    """All that the log of a run tells after a place in it, until the run has ended or waits."""
    streamed = Streamed()
    for event in follow(store, run, after, whole=True):
        if event:
            streamed.add(event.name, event.data, str(event.cursor))
    ends = [f"thread.run.{status}" for status in (*TERMINAL, "requires_action")]
    assert streamed.events[-1][0] in ends
    return streamed


def lines(chunks: Iterable[bytes]) -> Iterator[tuple[str, Any, str]]:
    """The server-sent events in an answer: name, data as JSON where it is that, and id."""
    fields: dict[str, str] = {}
    for line in b"".join(chunks).decode().split("\n"):
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif fields:
            data = fields["data"]
            yield fields["event"], data if data == "[DONE]" else json.loads(data), fields.get("id", "")
            fields = {}
