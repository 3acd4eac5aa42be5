"""`in_progress`: one model call, unless the record says that there is something to do or to wait for first."""

import os
import time
from contextlib import suppress
from dataclasses import replace

from assistant_engine.domain import accounting, builtin_tools
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL, next_action
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.model import client, provider_files
from assistant_engine.model.context import Prompt, prompt_of
from assistant_engine.model.response import UnusableResponse, read_turn
from assistant_engine.resources import vector_stores
from assistant_engine.runs import ending, tool_calls
from assistant_engine.runtime import metrics
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.handler import lambda_handler
from assistant_engine.runtime.log import logger
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.shared import store
from assistant_engine.store.steps import output_key
from assistant_engine.tools import registry

FOLLOWER_WAIT_SECONDS = 10
"""How often at first an execution looks at a run that another execution drives; later at quarters of the run's age."""

MODEL_SECONDS = 870
"""Time for the model within the 900 s of a Lambda function."""


@lambda_handler
def handler(event: Json) -> Json:
    """Take the run's next step.

    Args:
        event: `{"thread_id", "run_id", "turn", "execution" (name), "outputs": [{"tool_call_id", "output" |
        "output_key", "began_ms"?, "ended_ms"?}]}`.

    Returns:
        `{"status", "turn"}` and, by status: `calls` (call_tools), `wait_seconds` (backoff), `run` (completed,
        incomplete), `error` and `cause` (expired, cancelled, failed). With `in_progress` the next turn can be taken at
        once: the model called nothing that anybody serves.
    """
    run = store().runs.get(event["thread_id"], event["run_id"])
    tools = store().steps.pending(run)
    if tools and event["outputs"] and next_action(run, event["turn"], tools, seconds_of(now_ms())) == "call_tools":
        # Outputs of a run that was cancelled or is over come too late.
        tools = store().steps.record_outputs(run, tools, _outputs(run, event["outputs"]), seconds_of(now_ms()))
    taken = False
    for _ in range(3):
        now = seconds_of(now_ms())
        if tools:
            tools = store().steps.record_outputs(run, tools, tool_calls.refused(run, tools), now)
        action = next_action(run, event["turn"], tools, now)
        follows = event["execution"] != run.execution
        if follows and action not in TERMINAL:
            wait = max(FOLLOWER_WAIT_SECONDS, (now - run.created_at) // 4)
            return _wait(run, min(wait, run.expires_at - now))
        if action == "call_tools" and tools and run.status == "in_progress":
            asked = {"calls": tool_calls.calls(run, tools), "inputs": tool_calls.inputs(store(), run, tools, now)}
            return {"status": action, "turn": run.turn, **asked}
        if action == "requires_action":
            return {"status": action, "turn": run.turn}
        if action == "late":
            return {"status": "in_progress", "turn": run.turn} if taken else _wait(run, 1)
        # Cancelled meanwhile, or answered, or another delivery was first: the record tells.
        with suppress(ConditionFailed):
            if action == "call_tools":  # The client has approved them.
                run = store().transitions.resume(run)
                continue
            if action != "call_model":
                return ending.finish(store(), run, action, now_ms())
            if vector_stores.still_reading(store(), run, now):
                return _wait(run, (now - run.created_at) // 4)
            if told := _take_turn(run, tools):
                return told
            taken = True
        run = store().runs.get(run.thread_id, run.id)
        tools = store().steps.pending(run)
    return _wait(run, 1)


def _outputs(run: Run, outputs: list[Json]) -> dict[str, Json]:
    return {
        output["tool_call_id"]: {
            **({"text": output["output"]} if "output" in output else _in_the_bucket(run, output)),
            **{name: output[name] for name in ("began_ms", "ended_ms") if name in output},
        }
        for output in outputs
    }


def _in_the_bucket(run: Run, output: Json) -> Json:
    """Where a large output lies, if that is where the tool of this very call puts it: it could name any object."""
    key, call_id = output["output_key"], output["tool_call_id"]
    modules = {entry["module_name"] for entry in run.functions} | set(builtin_tools.FUNCTIONS)
    own = {output_key(module, run.thread_id, run.id, run.turn - 1, call_id) for module in modules}
    return {"key": key} if key in own else {"text": "Error: the tool gave no answer that is its own."}


def _wait(run: Run, seconds: int) -> Json:
    return {"status": "backoff", "turn": run.turn, "wait_seconds": max(1, seconds)}


def _take_turn(run: Run, tools: ToolStep | None) -> Json | None:
    """Call the model and store what came of it; None when the record tells how the run goes on.

    Args:
        tools: the tool step of the turn before.
    """
    began_ms = now_ms()
    try:
        prompt = prompt_of(store(), run)
    except ApiError as error:
        code = "server_error" if error.status >= 500 else "invalid_prompt"
        return _fail(run, code, error.message)
    run = store().transitions.begin_attempt(run, began_ms)
    if prompt.over:
        return ending.finish(store(), run, "incomplete", now_ms(), incomplete_details={"reason": prompt.over})
    request_id = f"{run.id}/{run.turn}/{run.attempts}"
    retries = run.attempts - run.turn - 1
    left = run.expires_at - now_ms() / 1000

    def cancelled() -> bool:
        with suppress(Exception):  # A look that fails is no reason to drop the call.
            return store().runs.status(run.thread_id, run.id) not in ("queued", "in_progress")
        return False

    called = time.monotonic()
    try:
        response = client.respond(prompt.body, request_id, max(1.0, min(MODEL_SECONDS, left)), retries, cancelled)
    except client.Cancelled:
        raise ConditionFailed([]) from None
    except client.TryAgain as busy:
        metrics.model_failed(run, busy.code)
        return _try_again(run, request_id, busy)
    except client.Refused as refused:
        logger.warning("model call %s: %s", request_id, refused.code)
        metrics.model_failed(run, refused.code)
        return _fail(run, refused.code, refused.message)
    return _store_turn(run, prompt, response, tools, began_ms, round(1000 * (time.monotonic() - called)))


def _try_again(run: Run, request_id: str, busy: client.TryAgain) -> Json:
    """Wait for the model; or fail, if it has been tried again often enough or asks for more time than the run has."""
    left = run.expires_at - seconds_of(now_ms())
    if left <= 1:
        return _wait(run, 1)  # The time was up while the model worked: the run expires.
    if run.attempts - run.turn > int(os.environ["MOST_RETRIES"]) or busy.wait_seconds >= left:
        logger.warning("model call %s: %s, not tried again", request_id, busy.code)
        return _fail(run, busy.code, busy.message)
    logger.warning("model call %s: %s, tried again in %s s", request_id, busy.code, busy.wait_seconds)
    return _wait(run, busy.wait_seconds)


def _fail(run: Run, code: str, message: str) -> Json:
    return ending.finish(store(), run, "failed", now_ms(), last_error={"code": code, "message": message})


def _store_turn(
    run: Run, prompt: Prompt, response: Json, tools: ToolStep | None, began_ms: Milliseconds, model_ms: int
) -> Json | None:
    now = now_ms()
    try:
        made = provider_files.import_files(store().of(run.project).files, response)
        turn = read_turn(response, run.assistant_id, run.id, now // 1000, made)
    except UnusableResponse as why:
        return _fail(run, "server_error", str(why))
    if turn.status not in TERMINAL and (reached := _limit_reached(run, prompt.body, turn)):
        turn = replace(turn, status="failed", last_error={"code": "server_error", "message": reached})
    if turn.message:
        content, attachments = builtin_tools.annotated(turn.message["content"], prompt.results, prompt.shown_since)
        turn = replace(turn, message={**turn.message, "content": content, "attachments": attachments})
    served = {*builtin_tools.offered(run.settings["tools"]), *(entry["function_name"] for entry in run.functions)}
    server_calls = [call["id"] for call in turn.calls if call["function"]["name"] in served]
    asking = {entry["function_name"] for entry in run.functions if registry.needs_approval(entry)}
    to_approve = [call["id"] for call in turn.calls if call["function"]["name"] in asking]
    # Earlier attempts at this turn, and the waits after them, are the model's time, too.
    waited_ms = max(0, began_ms - (run.asked_ms or began_ms))
    account = accounting.with_turn(run, turn, tools, waited_ms + model_ms)
    if turn.status in TERMINAL:
        account = accounting.closed(run, account, now)
    store().transitions.store_turn(run, turn, server_calls, to_approve, account, now)
    metrics.turn_taken(run, turn.usage, now_ms() - began_ms, model_ms)
    if turn.status not in TERMINAL:
        return None
    run = store().runs.get(run.thread_id, run.id)
    metrics.run_ended(run)
    return ending.ended(store(), run)


def _limit_reached(run: Run, body: Json, turn: Turn) -> str | None:
    """Which limit leaves no room for the calls of this turn, or for the turn that would read their outputs."""
    turns, calls = int(os.environ["MOST_TURNS"]), int(os.environ["MOST_CALLS"])
    if run.turn + 1 >= turns:
        return f"The run called tools in each of its {turns} turns; this deployment allows no more turns."
    if sum(item["type"] == "function_call" for item in body["input"]) + len(turn.calls) > calls:
        return f"The run called more than {calls} tools, the most that this deployment allows."
    return None
