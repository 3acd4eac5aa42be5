"""Makes and writes the records of runs that ended elsewhere: nothing here drives or continues them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain import clock, ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json, dicts_of
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.models import cost_of
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.partition import key_of
from assistant_engine.store.run_item import ended_place, item_of
from assistant_engine.store.transfer import Row, Transfer, pointer

_MOMENTS = {"completed": "completed_at", "cancelled": "cancelled_at", "failed": "failed_at"}
_STEP_MOMENTS = ("completed_at", "cancelled_at", "expired_at", "failed_at")
_DEFAULTS: Json = {
    "model": "",
    "instructions": "",
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "response_format": "auto",
    "temperature": None,
    "top_p": None,
    "reasoning_effort": None,
    "max_prompt_tokens": None,
    "max_completion_tokens": None,
    "truncation_strategy": {"type": "auto", "last_messages": None},
}


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        steps: its steps (`RunStepObject`), in order.
    """

    run: Run
    ended_ms: Milliseconds
    steps: list[Json]

    def item(self, blobs: Blobs) -> Json:
        """Return the run's item, as a run that ended here has it."""
        run = self.run
        moments = {name: getattr(run, name) for name in ("started_at", *_MOMENTS.values())}
        ended = {
            **moments,
            **{name: figure for name, figure in run.account.figures().items() if figure or name == "cost"},
            "last_error": run.last_error,
            "incomplete_details": run.incomplete_details,
            "ended_ms": self.ended_ms,
            **ended_place(run.project, run.id, self.ended_ms),
        }
        return {**item_of(run, blobs), **ended, "open_shard": None}

    def step_items(self, blobs: Blobs) -> Iterable[Json]:
        """Return the items of its steps."""
        for step in self.steps:
            told = {name: step[name] for name in _STEP_MOMENTS if step[name] is not None}
            yield {
                **key_of(self.run.thread_id, step["id"]),
                "step_status": step["status"],
                **told,
                "last_error": step["last_error"],
                **blobs.pack("document", step, f"text/{self.run.thread_id}/{step['id']}.json"),
            }


def ended_run(
    body: Json,
    steps: Iterable[Json],
    messages: dict[str, str],
    thread: Thread,
    *,
    project: str,
    created_ms: Milliseconds,
    ends_ms: Milliseconds | None,
    reads: tuple[Milliseconds, Milliseconds],
) -> EndedRun:
    """Return a run that ended elsewhere.

    One that was under way has completed if there is a message or usage of it, and has expired otherwise.

    Args:
        body: as the source has it, with its id here and its assistant's.
        messages: the ids of the thread's messages here, by those that they had.
        created_ms: its time in the thread.
        ends_ms: when its last message came, None if it has none.
        reads: see `Run.reads`.
    """
    usage = _usage(body.get("usage") if isinstance(body.get("usage"), dict) else body)
    said = ends_ms is not None or usage.total_tokens
    given = str(body.get("status"))
    status: Any = given if is_terminal(given) else "completed" if said else "expired"
    named = next((clock.moment(body[name]) for name in (*_MOMENTS.values(), "expires_at") if body.get(name)), None)
    ended_ms = Milliseconds(max(created_ms, named or ends_ms or created_ms))
    settings = {name: default if body.get(name) is None else body[name] for name, default in _DEFAULTS.items()}
    made = [_step(step, number, body, thread, messages) for number, step in enumerate(_in_order(list(steps)))]
    user = body["metadata"].get("user_id") or thread.metadata.get("user_id")
    cost = cost_of(settings["model"], usage) if settings["model"] else None
    moments: Json = {_MOMENTS[status]: ended_ms // 1000} if status in _MOMENTS else {}
    run = Run(
        id=body["id"],
        thread_id=thread.id,
        assistant_id=body["assistant_id"],
        status=status,
        created_at=created_ms // 1000,
        expires_at=ended_ms // 1000,
        settings=settings,
        functions=[],
        tool_resources={},
        metadata=body["metadata"],
        execution=body["id"],
        answers_in_output=False,
        due_at=ended_ms // 1000,
        project=project,
        turn=len(made),
        account=RunUsage(usage, model_calls=int(usage.total_tokens > 0), tool_calls=_calls(made), cost=cost),
        user=user,
        reads=reads,
        created_ms=created_ms,
        started_at=_seconds(body.get("started_at")),
        incomplete_details=body.get("incomplete_details"),
        last_error=body.get("last_error"),
        **moments,
    )
    return EndedRun(run, ended_ms, made)


def step_of(run: Run, thread: Thread, number: int, call: Json, created_at: int) -> Json:
    """Return a step (`RunStepObject`) of a run that ended elsewhere which makes one call.

    Args:
        number: its place among the run's steps.
        created_at: seconds since 1970.
    """
    step = {
        "created_at": created_at,
        "completed_at": created_at,
        "status": "completed",
        "step_details": {"tool_calls": [call]},
    }
    return _step(step, number, {"id": run.id, "assistant_id": run.assistant_id}, thread, {})


def put(transfer: Transfer, ended: EndedRun, old: str, *, is_new: bool, further: Sequence[Json] = ()) -> bool:
    """Write a run with its steps and add it to the totals, once; whether it was not there.

    Args:
        old: the id that it had.
        is_new: its thread is made after it, with these totals in its head.
        further: actions of the same transaction.
    """
    run, store, account = ended.run, transfer.store, ended.run.account
    item = {**ended.item(store.blobs), "imported_id": old}
    transfer.put_new(Row("messages", step) for step in ended.step_items(store.blobs))
    rows = [Row("messages", item), pointer(run.thread_id, old, run.id)]
    totals = [
        store.directory.count_run_imported(run.assistant_id, run.thread_id, account),
        *store.usage.count_run_ended(run, account, ended.ended_ms),
        *([] if is_new else [store.threads.add_totals(run.thread_id, account)]),
    ]
    return transfer.put_together(rows, [*totals, *further])


def _in_order(steps: list[Json]) -> list[Json]:
    """Return steps oldest first; lists of the API are newest first unless it is told."""
    times = [clock.moment(step.get("created_at")) or 0 for step in steps]
    given = steps[::-1] if times and times[0] > times[-1] else steps
    return sorted(given, key=lambda step: clock.moment(step.get("created_at")) or 0)


def _usage(told: Any) -> Usage:
    def figure(within: Any, name: str) -> int:
        value = within.get(name) if isinstance(within, dict) else None
        return value if isinstance(value, int) and value > 0 else 0

    if not isinstance(told, dict):
        return Usage()
    details = told.get("prompt_token_details") or told.get("prompt_tokens_details")
    return Usage(
        figure(told, "prompt_tokens"), figure(told, "completion_tokens"), cached_tokens=figure(details, "cached_tokens")
    )


def _step(step: Json, number: int, run: Json, thread: Thread, messages: dict[str, str]) -> Json:
    given = step.get("step_details")
    details: Json = given if isinstance(given, dict) else {}
    kind = "message_creation" if "message_creation" in details else "tool_calls"
    if kind == "message_creation":
        old = str((details["message_creation"] or {}).get("message_id"))
        told: Json = {"type": kind, kind: {"message_id": messages.get(old, old)}}
    else:
        told = {"type": kind, kind: [_call(call) for call in dicts_of(details.get("tool_calls"))]}
    status = step.get("status")
    created = _seconds(step.get("created_at")) or _seconds(run.get("created_at")) or thread.created_at
    ended = status if status in ("completed", "cancelled", "failed", "expired") else "completed"
    return {
        "id": ids.step_id(run["id"], number, int(kind == "tool_calls")),
        "object": "thread.run.step",
        "created_at": created,
        "run_id": run["id"],
        "assistant_id": run["assistant_id"],
        "thread_id": thread.id,
        "type": kind,
        "status": ended,
        **{name: _seconds(step.get(name)) for name in _STEP_MOMENTS},
        "last_error": step.get("last_error"),
        "step_details": told,
        "usage": _usage(step["usage"]).api() if step.get("usage") else None,
        "metadata": {},
    }


def _call(call: Json) -> Json:
    """Return a call with its arguments as text, as the model wrote them."""
    function = call.get("function")
    if isinstance(function, dict) and not isinstance(function.get("arguments"), str):
        arguments = json.dumps(function.get("arguments") or {}, ensure_ascii=False)
        return {**call, "function": {**function, "arguments": arguments}}
    return call


def _calls(steps: list[Json]) -> int:
    return sum(len(step["step_details"].get("tool_calls", [])) for step in steps)


def _seconds(value: Any) -> int | None:
    moment = clock.moment(value)
    return None if moment is None else moment // 1000
