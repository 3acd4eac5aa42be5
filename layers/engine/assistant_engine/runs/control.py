"""Waits for a run's client, takes the outputs of its tools, and cancels the run for it."""

from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import ACTIVE
from assistant_engine.domain.next_action import next_action
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runs.tool_calls import inline_bytes
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed

NOT_APPROVED = "Error: the user did not approve this call."
"""What the model is told of a call that the client said no to."""


def wait_for_client(
    store: Store, thread_id: ThreadId, run_id: str, turn: int, task_token: str, now_ms: Milliseconds
) -> bool:
    """Let the run wait for its client, if there is something to wait for.

    Args:
        turn: the turn whose calls are the client's.
        task_token: wakes the execution.
        now_ms: milliseconds since 1970.

    Returns:
        Whether the run waits. It does not if the outputs are there already, or it was cancelled or has ended.

    Raises:
        NotFound: no such run.
    """
    run = store.runs.get(thread_id, run_id)
    tools = store.steps.pending(run)
    if tools is None or next_action(run, turn, tools, seconds_of(now_ms)) != "requires_action":
        return False
    try:
        store.transitions.wait_for_outputs(run, tools, task_token, now_ms)
    except ConditionFailed:
        return False
    return True


def submit_tool_outputs(
    store: Store,
    thread_id: ThreadId,
    run_id: str,
    tool_outputs: list[Json],
    now_ms: Milliseconds,
    *,
    streams: bool = False,
) -> Run:
    """Take the client's outputs and queue the run again. `wake` the execution afterwards.

    Args:
        tool_outputs: `[{"tool_call_id", "output"}]`, one for each call that the run waits for. Of a call that waits for
            approval the output is `yes` or `no`.
        now_ms: milliseconds since 1970.
        streams: whether the run writes a log of its events from here on.

    Raises:
        NotFound: no such run.
        InvalidRequest: the run does not wait, or the outputs are not those that it waits for.
    """
    run = store.runs.get(thread_id, run_id)
    # The execution that waits for them writes that a run has expired, a moment after it has.
    status = "expired" if run.status in ACTIVE and seconds_of(now_ms) >= run.expires_at else run.status
    if status != "requires_action":
        raise InvalidRequest(f'Runs in status "{status}" do not accept tool outputs.')
    tools = store.steps.pending(run)
    waiting = [call["id"] for call in tools.unanswered(server=False)] if tools else []
    given = [output["tool_call_id"] for output in tool_outputs]
    if extra := sorted(set(given) - set(waiting)):
        raise InvalidRequest(
            f"Unexpected tool outputs for call ids {extra}. Expected outputs for call ids {waiting}.",
            param="tool_outputs",
        )
    if len(set(given)) < len(given):
        raise InvalidRequest("Each tool_call_id may be given only once.", param="tool_outputs")
    if missing := [call_id for call_id in waiting if call_id not in given]:
        raise InvalidRequest(f"Expected tool outputs for call ids {missing}, got {given}.", param="tool_outputs")
    assert tools is not None
    limit = inline_bytes(tools)
    outputs = {}
    for index, given_output in enumerate(tool_outputs):
        call_id, text = given_output["tool_call_id"], given_output.get("output") or ""
        if call_id not in tools.to_approve:
            outputs[call_id] = store.steps.pack_output(run, text, limit)
        elif (word := text.strip().lower()) == "no":
            outputs[call_id] = {"text": NOT_APPROVED}
        elif word != "yes":
            raise InvalidRequest(
                f"Invalid 'tool_outputs[{index}].output': the call waits for approval, so it is 'yes' or 'no'.",
                param=f"tool_outputs[{index}].output",
                code="invalid_value",
            )
    try:
        return store.transitions.submit_outputs(run, tools._replace(to_approve=[]), outputs, now_ms, streams=streams)
    except ConditionFailed:
        current = store.runs.get(thread_id, run_id)
        raise InvalidRequest(f'Runs in status "{current.status}" do not accept tool outputs.') from None


def cancel(store: Store, thread_id: ThreadId, run_id: str, now: Seconds) -> Run:
    """Ask for the run to be cancelled. `wake` the execution afterwards.

    Raises:
        NotFound: no such run.
        InvalidRequest: the run has ended.
    """
    run = store.runs.get(thread_id, run_id)
    if run.status == "cancelling":
        return run
    try:
        return store.transitions.request_cancel(run, now)
    except ConditionFailed:
        current = store.runs.get(thread_id, run_id)
        if current.status == "cancelling":
            return current
        raise InvalidRequest(f"Cannot cancel run with status '{current.status}'.") from None
