"""Ends a run without a further turn, and makes the output of an execution whose run has ended."""

from assistant_engine.domain import accounting
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.domain.lifecycle import TerminalStatus, is_terminal
from assistant_engine.domain.message import text_of
from assistant_engine.domain.payloads import FinishedRun
from assistant_engine.domain.run import Run
from assistant_engine.runs import line
from assistant_engine.runs.outcome import MOVED, Ended, Moved
from assistant_engine.runtime import metrics
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed

MAX_ANSWER_BYTES = 128 * 1024
"""Bytes of answer in the output of an execution that another AWS service started."""


def finish(
    store: Store,
    run: Run,
    status: TerminalStatus,
    now_ms: Milliseconds,
    *,
    last_error: Json | None = None,
    incomplete_details: Json | None = None,
) -> Ended | Moved:
    """End a run without a further turn.

    An end that it has already stands, and a run that was to be cancelled is.
    """
    if is_terminal(run.status):
        line.call_again(store, run.thread_id)
        return ended(store, run)
    if run.status == "cancelling":
        status, last_error = "cancelled", None  # Whatever else happened to it: it was asked to.
    tools = store.steps.pending(run)
    account = accounting.closed(run, accounting.without_turn(run, tools, now_ms), now_ms)
    try:
        run, called = store.transitions.settle(run, tools, status, account, now_ms, last_error, incomplete_details)
    except ConditionFailed:
        return MOVED
    if called:
        line.call(store, run.thread_id, called)
    metrics.run_ended(run)
    return ended(store, run)


def ended(store: Store, run: Run, said: list[str] | None = None) -> Ended:
    """Return what the state machine learns about a run that has ended, with its answer if there is one.

    Args:
        said: the ids of the messages that the run added; they are read where they are not known.
    """
    if run.status not in ("completed", "incomplete"):
        return Ended(run, None)
    created = store.steps.message_ids(run.thread_id, run.id) if said is None else said
    finished: FinishedRun = {
        "thread_id": run.thread_id,
        "run_id": run.id,
        "assistant_id": run.assistant_id,
        "status": run.status,
        "usage": run.usage.api(),
        "incomplete_details": run.incomplete_details,
        "messages": _answer(store, run, created) if run.answers_in_output else [{"message_id": id} for id in created],
    }
    return Ended(run, finished)


def _answer(store: Store, run: Run, message_ids: list[str]) -> list[Json]:
    left = MAX_ANSWER_BYTES
    answer: list[Json] = []
    for message in store.messages.by_ids(run.thread_id, message_ids):
        text = text_of(message)
        cut = text
        while cut and json_size(cut) > left:
            cut = cut[: min(len(cut) - 1, len(cut) * left // json_size(cut))]
        left -= json_size(cut)
        answer.append({"message_id": message["id"], "text": cut, **({"truncated": True} if cut != text else {})})
    return answer
