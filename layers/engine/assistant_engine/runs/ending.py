"""Ends a run without a further turn, and says what the state machine is told of a run that has ended."""

import json

from assistant_engine.domain import accounting
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.message import text_of
from assistant_engine.domain.run import Run
from assistant_engine.runtime import metrics
from assistant_engine.store import Store

ANSWER_BYTES = 128 * 1024
"""Bytes of answer in the output of an execution that another AWS service started."""


def finish(
    store: Store,
    run: Run,
    status: str,
    now_ms: Milliseconds,
    *,
    last_error: Json | None = None,
    incomplete_details: Json | None = None,
) -> Json:
    """End a run without a further turn and tell the state machine.

    An end that it has already stands, and a run that was to be cancelled is.
    """
    if run.status in TERMINAL:
        return ended(store, run)
    if run.status == "cancelling":
        status, last_error = "cancelled", None  # Whatever else happened to it: it was asked to.
    tools = store.steps.pending(run)
    account = accounting.closed(run, accounting.without_turn(run, tools, now_ms), now_ms)
    run = store.transitions.settle(run, tools, status, account, now_ms, last_error, incomplete_details)
    metrics.run_ended(run)
    return ended(store, run)


def ended(store: Store, run: Run) -> Json:
    """What the state machine is told of a run that has ended: its status, and the run or the error."""
    told: Json = {"status": run.status, "turn": run.turn}
    ids_of_run = {"thread_id": run.thread_id, "run_id": run.id}
    if run.status in ("completed", "incomplete"):
        finished: Json = {
            **ids_of_run,
            "assistant_id": run.assistant_id,
            "status": run.status,
            "usage": run.usage.api(),
        }
        finished |= {"incomplete_details": run.incomplete_details}
        created = store.steps.message_ids(run.thread_id, run.id)
        finished["messages"] = (
            _answer(store, run, created) if run.answers_in_output else [{"message_id": name} for name in created]
        )
        return {**told, "run": finished}
    code = run.last_error["code"] if run.last_error else run.status
    return {**told, "error": code, "cause": json.dumps(ids_of_run)}


def _answer(store: Store, run: Run, message_ids: list[str]) -> list[Json]:
    left = ANSWER_BYTES
    answer: list[Json] = []
    for message in store.messages.by_ids(run.thread_id, message_ids):
        text = text_of(message)
        cut = text
        while cut and json_size(cut) > left:
            cut = cut[: min(len(cut) - 1, len(cut) * left // json_size(cut))]
        left -= json_size(cut)
        answer.append({"message_id": message["id"], "text": cut, **({"truncated": True} if cut != text else {})})
    return answer
