"""The events of a streamed run: which ones a fact is told with, and in which order. Pure functions.

An event is named as in the API reference ("Assistants streaming events"). The log keeps it as an entry: its name, and
either what it shows or where that is in the record. What changes over time (the status of a run) is kept in the entry,
what doesn't (a stored message, the settings of a run) is read when the entry is shown. So whoever reads the log later
sees what was true then.

Clients bear one step at a time: a step is told to its end before the next one begins. A turn that calls tools after it
said something tells of the calls when it is stored. An attempt at a turn that died after it had told something is told
to its end as failed, and the next attempt has new ids.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, Literal, NamedTuple

from assistant_engine.domain.clock import Milliseconds, Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import Status, TerminalStatus, is_terminal
from assistant_engine.domain.run import Run
from assistant_engine.domain.run_step import step_error
from assistant_engine.domain.turn import ToolStep, Turn

EVENTS: Final = (
    "thread.created",
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.requires_action",
    "thread.run.completed",
    "thread.run.incomplete",
    "thread.run.failed",
    "thread.run.cancelling",
    "thread.run.cancelled",
    "thread.run.expired",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.run.step.delta",
    "thread.run.step.completed",
    "thread.run.step.failed",
    "thread.run.step.cancelled",
    "thread.run.step.expired",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.completed",
    "thread.message.incomplete",
    "error",
    "done",
)
"""The events of the API, by their names."""

KEPT_SECONDS = 24 * 3600
"""How long the log of a run is kept after the run's time is up."""

_CHANGING = (
    "status",
    "started_at",
    "completed_at",
    "cancelled_at",
    "failed_at",
    "incomplete_details",
    "last_error",
)
"""What an event keeps of its run: all else is fixed, or shown as it is when the event is read."""

DIED = {"code": "server_error", "message": "The model's answer broke off. It was asked again, if the run had time."}


class Cursor(NamedTuple):
    """A place in the log of a run, right after an event. Cursors sort as text, in the order of events.

    Attributes:
        position: of the entries that were written together, counted from 1.
        number: of the event among them, counted from 1; 0 is before the first.
    """

    position: int
    number: int

    def __str__(self) -> str:
        return f"{self.position:06d}-{self.number:03d}"

    @classmethod
    def of(cls, text: str) -> "Cursor | None":
        """Return the cursor that a text is, None if it is none."""
        return cls(int(text[:6]), int(text[7:])) if re.fullmatch(r"\d{6}-\d{3}", text, re.ASCII) else None


START = Cursor(0, 0)


class Open(NamedTuple):
    """The step that was told of and has not ended.

    Attributes:
        step: its id.
        at: its `created_at`, in seconds since 1970.
        message: the id of the message that it creates; None if it calls tools.
        recorded: whether the step is in the record; else only the attempt at the turn knows it.
    """

    step: str
    at: Seconds
    message: str | None = None
    recorded: bool = False


class Told(NamedTuple):
    """The entries for a fact, and the step that is open after them."""

    entries: list[Json]
    open: Open | None


Tell = Callable[[Open | None], Told]
"""How a fact is told, given the step that is open when it is written."""


# The facts of a run


def created(run: Run, *, with_thread: bool) -> Told:
    """Tell of a new run, and of the thread that was made for it."""
    entries = [{"event": "thread.created"}] if with_thread else []
    # One that waits for its thread is told to be queued when its turn comes.
    queued = [] if run.line else [_run(run, "queued")]
    return Told([*entries, _run(run, "created"), *queued], None)


def begun(run: Run, now: Seconds) -> Tell:
    """Tell that an attempt at a turn begins.

    Args:
        run: as it was before.
    """

    def tell(open: Open | None) -> Told:
        entries = _end(open, "failed", "run_failed", now, DIED) if open and not open.recorded else []
        if run.status != "in_progress":
            entries.append(_run(run, "in_progress", started_at=run.started_at or now))
        return Told(entries, open if open and open.recorded else None)

    return tell


def entered(run: Run) -> Tell:
    """Tell that a run that waited for its thread has it now."""
    return lambda open: Told([_run(run, run.status)] if run.status == "queued" else [], open)


def changed(run: Run, status: Status) -> Tell:
    """Tell that the run has another status, and nothing else."""
    return lambda open: Told([] if run.status == status else [_run(run, status)], open)


def waits(run: Run, tools: ToolStep) -> Tell:
    """Tell that the run waits for its client, and for which calls."""

    def tell(open: Open | None) -> Told:
        calls = [call["id"] for call in tools.unanswered(server=False)]
        approve = [call_id for call_id in calls if call_id in tools.to_approve]
        entry = {**_run(run, "requires_action"), "step": tools.step["id"], "calls": calls, "approve": approve}
        return Told([] if run.status == "requires_action" else [entry], open)

    return tell


def answered(tools: ToolStep, outputs: Iterable[str], *, queued: Run | None = None) -> Tell:
    """Tell that calls have their outputs: first what they put out, then that the step is completed.

    Args:
        tools: the step before.
        outputs: the ids of the calls that are answered now.
        queued: the run, if its client gave the outputs and it is queued again.
    """

    def tell(open: Open | None) -> Told:
        step, fresh = tools.step["id"], set(outputs)
        shown = [call["id"] for call in tools.calls if call["id"] in fresh and _shows_outputs(call)]
        entries = [{"event": "thread.run.step.delta", "step": step, "outputs": shown}] if shown else []
        done = {call["id"] for call in tools.calls} <= set(tools.outputs) | fresh
        if done:
            entries.append({"event": "thread.run.step.completed", "step": step})
        entries += [_run(queued, "queued")] if queued else []
        return Told(entries, None if done else Open(step, tools.step["created_at"], recorded=True))

    return tell


def _shows_outputs(call: Json) -> bool:
    return bool(call["function"]["name"] == "code_interpreter")


_REASONS: Final[dict[str, str]] = {"cancelled": "run_cancelled", "expired": "run_expired"}


def settled(run: Run, status: TerminalStatus, now: Seconds, **changes: Any) -> Tell:
    """Tell that the run ended without a further turn.

    Args:
        changes: fields of the run that are written with it.
    """

    def tell(open: Open | None) -> Told:
        ended = status if status in ("cancelled", "expired") else "failed"
        error = step_error(changes.get("last_error")) if ended == "failed" else None
        entries = _end(open, ended, _REASONS.get(status, "run_failed"), now, error) if open else []
        return Told([*entries, _run(run, status, **changes)], None)

    return tell


def _end(open: Open, status: str, reason: str, now: Seconds, error: Json | None) -> list[Json]:
    """Tell of the end of a step that came to nothing, and of its message."""
    if open.recorded:
        return [{"event": f"thread.run.step.{status}", "step": open.step}]
    entries = []
    if open.message:
        made = {"id": open.message, "at": open.at, "ended_at": now, "reason": reason}
        entries.append({"event": "thread.message.incomplete", **made})
    step = {**_new_step(open), "ended_at": now, "last_error": error}
    return [*entries, {"event": f"thread.run.step.{status}", **step}]


def _run(run: Run, event: str, **changes: Any) -> Json:
    """Return the entry of an event of a run, which is shown as it is after the changes."""
    status = "queued" if event == "created" else event
    after = replace(run, **{"status": status, **changes})
    kept = {name: getattr(after, name) for name in _CHANGING}
    return {"event": f"thread.run.{event}", "run": {name: value for name, value in kept.items() if value is not None}}


# The steps of a turn


class Announced(NamedTuple):
    """What an attempt at a turn has told of it while the model worked.

    Attributes:
        at: when, the `created_at` of what was told; seconds since 1970.
        message: the id of its message, None if none was told of.
        message_step, calls_step: the ids of its steps.
        sent: how much of each part of the message was told, in characters; 1 of an image.
        calls: the ids of the calls that were told of, in order.
        calls_done: whether the step of the calls was told to its end: the provider had carried them out.
        first_ms: when the first of it was told, milliseconds since 1970.
        rest: the newest entries of what was told, which are to be written with the turn.
    """

    at: Seconds
    message: str | None = None
    message_step: str | None = None
    calls_step: str | None = None
    sent: tuple[int, ...] = ()
    calls: tuple[str, ...] = ()
    calls_done: bool = False
    first_ms: Milliseconds | None = None
    rest: tuple[Json, ...] = ()

    def owns(self, open: Open | None) -> bool:
        """Return whether what was told still stands: the open step is one of these, or the calls alone have ended."""
        if open is None:
            return self.calls_done and self.message is None
        return open.step in (self.message_step, self.calls_step)


def opened(step: str, at: Seconds, message: str | None = None) -> Told:
    """Tell that a step begins, and its message if it creates one."""
    open = Open(step, at, message)
    begun = [{"event": f"thread.run.step.{name}", **_new_step(open)} for name in ("created", "in_progress")]
    if message:
        begun += [{"event": f"thread.message.{name}", "id": message, "at": at} for name in ("created", "in_progress")]
    return Told(begun, open)


def _new_step(open: Open) -> Json:
    return {"id": open.step, "at": open.at, **({"message": open.message} if open.message else {})}


def message_delta(message: str, *content: Json) -> Json:
    """Return the entry of parts of a message's content."""
    return {"event": "thread.message.delta", "id": message, "delta": {"content": list(content)}}


def calls_delta(step: str, *calls: Json) -> Json:
    """Return the entry of parts of a step's calls."""
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return {"event": "thread.run.step.delta", "id": step, "delta": {"step_details": details}}


def carried_out(open: Open, now: Seconds) -> Json:
    """Return the entry that ends a step whose calls the model's provider has carried out."""
    return {"event": "thread.run.step.completed", **_new_step(open), "ended_at": now}


class StoredTurn(NamedTuple):
    """A turn as it is stored: the ids of what it became in the record."""

    turn: Turn
    message: str | None
    message_step: str | None
    calls_step: str | None
    now: Seconds


def turn_stored(run: Run, stored: StoredTurn, mine: Announced | None, open: Open | None, **changes: Any) -> Told:
    """Tell of a turn that is stored: what was not told of it yet, its ends, and the run's end if it is that.

    Args:
        run: as it was before.
        mine: what was told while the model worked, and still stands.
        open: the step that is open; if it is not of `mine`, another attempt told of it and comes to nothing.
        changes: fields of the run that are written with its end.
    """
    turn = stored.turn
    entries = list(mine.rest) if mine else _end(open, "failed", "run_failed", stored.now, DIED) if open else []
    message = _message_told(stored, mine)
    calls, still = _calls_told(stored, mine)
    entries += calls + message if turn.outputs and not (mine and mine.message) else message + calls
    if is_terminal(turn.status):
        return Told([*entries, _run(run, turn.status, **changes)], None)
    return Told(entries, still)


def _message_told(stored: StoredTurn, mine: Announced | None) -> list[Json]:
    if not (stored.turn.message and stored.message and stored.message_step):
        return []
    sent: list[int] = []
    entries: list[Json] = []
    if mine and mine.message:
        sent = list(mine.sent)
    else:
        entries = opened(stored.message_step, stored.now, stored.message).entries
    status = stored.turn.message["status"]
    return [
        *entries,
        {"event": "thread.message.delta", "message": stored.message, "sent": sent},
        {"event": f"thread.message.{status}", "message": stored.message},
        {"event": "thread.run.step.completed", "step": stored.message_step},
    ]


def _calls_told(stored: StoredTurn, mine: Announced | None) -> tuple[list[Json], Open | None]:
    turn, step = stored.turn, stored.calls_step
    if not (turn.calls and step) or (mine and mine.calls_done):
        return [], None
    known = mine.calls if mine and mine.calls_step else ()
    entries = [] if mine and mine.calls_step else opened(step, stored.now).entries
    fresh = [call["id"] for call in turn.calls if call["id"] not in known]
    entries += [{"event": "thread.run.step.delta", "step": step, "calls": fresh}] if fresh else []
    put_out = [call["id"] for call in turn.calls if call["id"] in turn.outputs and _shows_outputs(call)]
    entries += [{"event": "thread.run.step.delta", "step": step, "outputs": put_out}] if put_out else []
    ended: Literal["failed", "completed"] | None = None
    if turn.last_error:
        ended = "failed"
    elif len(turn.outputs) == len(turn.calls):
        ended = "completed"
    if ended:
        return [*entries, {"event": f"thread.run.step.{ended}", "step": step}], None
    return entries, Open(step, mine.at if mine and mine.calls_step else stored.now, recorded=True)


# In the log


def open_json(open: Open | None) -> Json | None:
    """Return the open step as the log keeps it."""
    return open._asdict() if open else None


def ends(entry: Json) -> bool:
    """Return whether a stream ends with this event of its run: nothing follows it without somebody's word."""
    name = entry["event"].removeprefix("thread.run.")
    return name == "requires_action" or is_terminal(name)
