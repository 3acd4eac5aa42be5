"""Lays out a run's timeline: its states, and within them the calls of the model, of tools and of the client."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.turn import ToolStep
from assistants.history import CALLS, Change
from assistants.run_trace import RunTrace

HIDDEN = ("route", "call_each", "tool_failed", "record_failure")
"""States that show elsewhere (a tool's call), or take no time."""


CLOCKS_DIFFER = timedelta(seconds=0.5)
"""By as much, at most, do hosts' clocks differ: the record's moments are those of a function's host."""


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


def bars(trace: RunTrace, now: datetime) -> tuple[list[Bar], datetime]:
    """Return the rows of the timeline, and the moment that it starts at.

    Args:
        now: where the bar of a state ends that the run is still in.
    """
    spans = _spans(trace.changes)
    if not spans:
        return _bars_of_steps(trace, now), datetime.fromtimestamp(trace.run.created_at, now.tzinfo)
    start = spans[0].began
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
                asked = trace.asked[turn : turn + 1]
                times = (asked[0].began_ms, asked[0].answered_ms) if asked else None
                found.append(bar.inner("model", f"model call {turn + 1}", _tokens(trace, turn), times))
                turn = told["turn"]
            elif told.get("status") in ("backoff", "failed"):
                came_to = f"tried again in {told['wait_seconds']} s" if "wait_seconds" in told else "failed"
                found.append(bar.inner("model", f"model call {turn + 1}", f"{_reason(trace, span)}{came_to}"))
        elif span.state in CALLS:
            for call in span.given.get("calls", []):
                name, given = call["payload"]["function_name"], call["payload"]["arguments"]
                times = _worked(trace, turn, call["tool_call_id"])
                found.append(bar.inner("tool", name, given, times))
        elif span.state == "requires_action":
            calls = [call["function"] for call in _clients_calls(trace, turn)]
            found += [bar.inner("client", call["name"], call["arguments"]) for call in calls]
    return found, start


class _Bars:
    """Makes the rows of a state."""

    def __init__(self, start: datetime, now: datetime, span: _Span) -> None:
        self._start = start
        self._span = span
        self._began = span.began
        self._ended = span.ended or now

    def of_state(self) -> Bar:
        """Return the row of the state itself."""
        told = self._span.gave if isinstance(self._span.gave, dict) else {}
        following = told.get("status", "") if self._span.state == "in_progress" else ""
        state, detail = self._span.state, f"→ {following}" if following else ""
        return Bar(state, state, detail, self._seconds(self._began), self._seconds(self._ended))

    def inner(self, kind: str, label: str, detail: str, times: tuple[int, int] | None = None) -> Bar:
        """Return the row of a call within the state.

        Args:
            times: from when to when, milliseconds since 1970; the state's own where nobody told. Hosts' clocks differ,
                and a call lies within its state.
        """
        moments = [datetime.fromtimestamp(ms / 1000, UTC) for ms in times or ()] or [self._began, self._ended]
        began, ended = (self._seconds(min(max(moment, self._began), self._ended)) for moment in moments)
        return Bar(kind, label, detail, began, ended, inner=True)

    def _seconds(self, moment: datetime) -> float:
        return (moment - self._start).total_seconds()


def _spans(changes: Iterable[Change]) -> list[_Span]:
    spans: list[_Span] = []
    for change in changes:
        if change.entered:
            spans.append(_Span(change.state, change.at, None, change.data, None))
            continue
        open_ones = [span for span in spans if span.state == change.state and span.ended is None]
        for span in open_ones[:1]:
            span.ended, span.gave = change.at, change.data
    for span in spans:
        if span.ended is None and span.state in ("expired", "cancelled", "failed"):
            span.ended = span.began  # A Fail state is entered and never left.
    return spans


def _tokens(trace: RunTrace, turn: int) -> str:
    prefix = ids.step_id(trace.run.id, turn, 0)[:-2]
    used = [step["usage"] for step in trace.steps if step["id"].startswith(prefix) and step["usage"]]
    prompt, completion = (sum(each[f"{kind}_tokens"] for each in used) for kind in ("prompt", "completion"))
    return f"{prompt:,} + {completion:,} tokens" if used else ""


def _reason(trace: RunTrace, span: _Span) -> str:
    """Return why the model call of a state came to nothing, as far as the record says it."""
    for failure in trace.run.failed_attempts:
        at = datetime.fromtimestamp(failure["failed_ms"] / 1000, UTC)
        if span.began - CLOCKS_DIFFER <= at <= (span.ended or at) + CLOCKS_DIFFER:
            status = f"{failure['status']}: " if failure["status"] else ""
            return f"{status}{failure['reason']} "
    return ""


def _tool_step(trace: RunTrace, turn: int) -> ToolStep | None:
    """Return the step that called tools after so many turns."""
    prefix = ids.step_id(trace.run.id, turn - 1, 1)
    return next((tools for tools in trace.tools if tools.step["id"].startswith(prefix)), None)


def _worked(trace: RunTrace, turn: int, call_id: str) -> tuple[int, int] | None:
    """Return from when to when a tool worked on a call, if it is known."""
    tools = _tool_step(trace, turn)
    output = tools.outputs.get(call_id, {}) if tools else {}
    return (output["began_ms"], output["ended_ms"]) if "ended_ms" in output else None


def _clients_calls(trace: RunTrace, turn: int) -> list[Json]:
    tools = _tool_step(trace, turn)
    return [call for call in tools.calls if call["id"] not in tools.server_calls] if tools else []


def _bars_of_steps(trace: RunTrace, now: datetime) -> list[Bar]:
    """Return the rows that the steps give, to the second, where there is no history."""
    created = trace.run.created_at

    def end(step: Json) -> float:
        moments = [step[f"{name}_at"] for name in ("completed", "failed", "cancelled", "expired")]
        return float(next(filter(None, moments), now.timestamp()) - created)

    return [
        Bar("model" if step["type"] == "message_creation" else "tool", step["type"], step["status"],
            float(step["created_at"] - created), end(step))
        for step in trace.steps
    ]  # fmt: skip
