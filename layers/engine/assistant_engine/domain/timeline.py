"""Lays out a run's timeline from its record: its states, and within them the calls of the model, tools and the client.

All moments are milliseconds since 1970. Hosts' clocks differ a little, so no state begins before the one before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import Asked, ToolStep

Kind = Literal["state", "model", "tool", "client"]

MAX_DETAIL = 200
"""Characters of a call's arguments that are shown."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a timeline.

    Attributes:
        label: the name of a state or a function, or which model call it is.
        detail: a few words beside it.
        end_ms: None while it goes on.
        inner: whether it lies within the state above.
    """

    kind: Kind
    label: str
    detail: str
    start_ms: int
    end_ms: int | None
    inner: bool = False


def bars(run: Run, asked: Sequence[Asked], tools: Mapping[int, ToolStep]) -> list[Bar]:
    """Return the rows of a run's timeline, in the order of time.

    Args:
        asked: of each stored turn, in order.
        tools: the steps that call tools, by their turn.
    """
    layout = _Layout(run.created_ms)
    for turn, times in enumerate(asked):
        layout.works(times.began_ms)
        layout.add("model", f"model call {turn + 1}", "", times.began_ms, times.answered_ms)
        if step := tools.get(turn):
            _add_calls(layout, run, turn, step)
    if run.asked_ms:
        layout.works(run.asked_ms)
        layout.add("model", f"model call {run.turn + 1}", "", run.asked_ms, None)
    elif run.started_at and not asked:  # No call was answered, and none is under way.
        layout.works(1000 * run.started_at)
    for failed in run.failed_attempts:
        if failed["next_ms"]:
            detail = f"attempt {failed['attempt']} came to nothing"
            layout.add("model", "backoff", detail, failed["failed_ms"], failed["next_ms"])
    if run.ended_ms:
        layout.enters(run.status, run.ended_ms)
    elif run.status != layout.state and not is_terminal(run.status):
        layout.enters(run.status, layout.start)  # Since when is not recorded.
    return layout.rows(run.ended_ms)


def _add_calls(layout: "_Layout", run: Run, turn: int, step: ToolStep) -> None:
    waited = step.waited or ((run.waiting_ms, None) if run.waiting_ms and turn == run.turn - 1 else None)
    if waited:
        since, until = waited
        layout.enters("requires_action", since)
        for call in step.calls:
            if call["id"] not in step.server_calls or call["id"] in step.to_approve:
                layout.add("client", *_named(call), since, until)
        if until:
            layout.enters("queued", until)
    for call in step.calls:
        output = step.outputs.get(call["id"], {})
        if "ended_ms" in output:
            if output["began_ms"] >= layout.start:  # The client said yes to it.
                layout.works(output["began_ms"])
            layout.add("tool", *_named(call), output["began_ms"], output["ended_ms"])


def _named(call: Json) -> tuple[str, str]:
    return call["function"]["name"], call["function"]["arguments"][:MAX_DETAIL]


class _Layout:
    """Collects the rows.

    Attributes:
        state: the newest.
        start: when it was entered.
    """

    def __init__(self, created_ms: int) -> None:
        self.state, self.start = "queued", created_ms
        self._states: list[tuple[str, int]] = [("queued", created_ms)]
        self._inner: list[Bar] = []

    def works(self, since: int) -> None:
        """Enter `in_progress`, unless that is the state."""
        if self.state != "in_progress":
            self.enters("in_progress", since)

    def enters(self, state: str, since: int) -> None:
        """Enter a state."""
        self.state, self.start = state, max(since, self.start)
        self._states.append((self.state, self.start))

    def add(self, kind: Kind, label: str, detail: str, since: int, until: int | None) -> None:
        """Add a row within the newest state."""
        since = max(since, self.start)
        self._inner.append(Bar(kind, label, detail, since, None if until is None else max(since, until), inner=True))

    def rows(self, ended_ms: int | None) -> list[Bar]:
        """Return all rows: each state, and after it those that began in it."""
        ends = [start for _, start in self._states[1:]] + [ended_ms]
        waiting = sorted(self._inner, key=lambda bar: bar.start_ms)
        found: list[Bar] = []
        for number, ((state, start), end) in enumerate(zip(self._states, ends, strict=True)):
            last = number == len(self._states) - 1
            found.append(Bar("state", state, "", start, max(start, end) if end is not None else None))
            while waiting and (last or end is None or waiting[0].start_ms < end):
                found.append(waiting.pop(0))
        return found
