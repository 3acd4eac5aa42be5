"""A run's timeline: the states that it was in, and within them the calls of the model, of tools and of the client."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assistant_engine import ids
from assistant_engine.records import Json
from scripts.history import Change
from scripts.recorded import Recorded

HIDDEN = ("route", "call_tool", "tool_failed", "record_failure")
"""States that show elsewhere (a tool's call), or take no time."""


@dataclass(frozen=True)
class Bar:
    """A row of the timeline.

    Attributes:
        kind: of what it is: a state's name, `model`, `tool` or `client`.
        detail: a few words beside the label.
        start, end: seconds since the timeline's start.
        inner: whether it lies within the state above.
    """

    kind: str
    label: str
    detail: str
    start: float
    end: float
    inner: bool = False


@dataclass
class _Span:
    state: str
    began: datetime
    ended: datetime | None
    given: Any
    gave: Any


def bars(recorded: Recorded, now: datetime) -> tuple[list[Bar], datetime]:
    """The rows of the timeline, and the moment that it starts at.

    Args:
        now: where the bar of a state ends that the run is still in.
    """
    spans = _spans(recorded.changes)
    if not spans:
        return _bars_of_steps(recorded, now), datetime.fromtimestamp(recorded.run.created_at, now.tzinfo)
    start = spans[0].began
    own_spans = {span.given.get("tool_call_id"): span for span in spans if span.state == "call_tool"}
    found: list[Bar] = []
    turn = 0
    for span in spans:
        if span.state in HIDDEN:
            continue
        bar = _Bars(start, now, span)
        found.append(bar.of_state())
        told = span.gave if isinstance(span.gave, dict) else {}
        if span.state == "in_progress":
            if told.get("turn", turn) > turn:
                found.append(bar.inner("model", f"model call {turn + 1}", _tokens(recorded, turn)))
                turn = told["turn"]
            elif told.get("status") == "backoff":
                found.append(bar.inner("model", f"model call {turn + 1}", f"tried again in {told['wait_seconds']} s"))
        elif span.state == "call_tools":
            for call in span.given.get("calls", []):
                name = call["payload"]["function_name"]
                given = call["payload"]["arguments"]
                found.append(bar.inner("tool", name, given, own_spans.get(call["tool_call_id"])))
        elif span.state == "requires_action":
            calls = [call["function"] for call in _clients_calls(recorded, turn)]
            found += [bar.inner("client", call["name"], call["arguments"]) for call in calls]
    return found, start


class _Bars:
    """Makes the rows of a state."""

    def __init__(self, start: datetime, now: datetime, span: _Span) -> None:
        self._start = start
        self._now = now
        self._span = span

    def of_state(self) -> Bar:
        told = self._span.gave if isinstance(self._span.gave, dict) else {}
        following = told.get("status", "") if self._span.state == "in_progress" else ""
        return self._bar(self._span, self._span.state, self._span.state, f"→ {following}" if following else "")

    def inner(self, kind: str, label: str, detail: str, span: _Span | None = None) -> Bar:
        return self._bar(span or self._span, kind, label, detail, inner=True)

    def _bar(self, span: _Span, kind: str, label: str, detail: str, *, inner: bool = False) -> Bar:
        begun, ended = span.began - self._start, (span.ended or self._now) - self._start
        return Bar(kind, label, detail, begun.total_seconds(), ended.total_seconds(), inner)


def _spans(changes: Iterable[Change]) -> list[_Span]:
    spans: list[_Span] = []
    for change in changes:
        if change.entered:
            spans.append(_Span(change.state, change.at, None, change.data, None))
            continue
        open_ones = [span for span in spans if span.state == change.state and span.ended is None]
        # Calls side by side leave in another order than they came.
        named = [span for span in open_ones if _call_id(span.given) == _call_id(change.data)]
        for span in (named or open_ones)[:1]:
            span.ended, span.gave = change.at, change.data
    for span in spans:
        if span.ended is None and span.state in ("expired", "cancelled", "failed"):
            span.ended = span.began  # A Fail state is entered and never left.
    return spans


def _call_id(data: Any) -> Any:
    return data.get("tool_call_id") if isinstance(data, dict) else None


def _tokens(recorded: Recorded, turn: int) -> str:
    prefix = ids.step_id(recorded.run.id, turn, 0)[:-2]
    used = [step["usage"] for step in recorded.steps if step["id"].startswith(prefix) and step["usage"]]
    prompt, completion = (sum(each[f"{kind}_tokens"] for each in used) for kind in ("prompt", "completion"))
    return f"{prompt:,} + {completion:,} tokens" if used else ""


def _clients_calls(recorded: Recorded, turn: int) -> list[Json]:
    step_id = ids.step_id(recorded.run.id, turn - 1, 1)
    return [
        call
        for tools in recorded.tools
        if tools.step["id"] == step_id
        for call in tools.calls
        if call["id"] not in tools.server_calls
    ]


def _bars_of_steps(recorded: Recorded, now: datetime) -> list[Bar]:
    """Without a history, what the steps tell, to the second."""
    created = recorded.run.created_at

    def end(step: Json) -> float:
        moments = [step[f"{name}_at"] for name in ("completed", "failed", "cancelled", "expired")]
        return float(next(filter(None, moments), now.timestamp()) - created)

    return [
        Bar("model" if step["type"] == "message_creation" else "tool", step["type"], step["status"],
            float(step["created_at"] - created), end(step))
        for step in recorded.steps
    ]  # fmt: skip
