"""`in_progress`: one model call, unless the record says that there is something to do or to wait for first."""

import os
from contextlib import suppress
from dataclasses import replace

from assistant_engine import conversation, images, model, registry, runs
from assistant_engine.errors import ApiError
from assistant_engine.lifecycle import TERMINAL, next_action
from assistant_engine.records import Json, Run, ToolStep, Turn
from assistant_engine.step import logger, now_ms, step, store
from assistant_engine.store.dynamodb import ConditionFailed

MOST_MESSAGES = 500
"""Messages of the thread that a turn reads at most, however long the thread is."""

FOLLOWER_WAIT_SECONDS = 10
"""How often at first an execution looks at a run that another execution drives; later at quarters of the run's age."""

MODEL_SECONDS = 870
"""Time for the model within the 900 s of a Lambda function."""


@step
def handler(event: Json) -> Json:
    """Take the run's next step.

    Args:
        event: `{"thread_id", "run_id", "turn", "execution" (name), "outputs": [{"tool_call_id", "output" |
        "output_key"}]}`.

    Returns:
        `{"status", "turn"}` and, by status: `calls` (call_tools), `wait_seconds` (backoff), `run` (completed,
        incomplete), `error` and `cause` (expired, cancelled, failed). With `in_progress` the next turn can be taken at
        once: the model called nothing that anybody serves.
    """
    run = store().runs.get(event["thread_id"], event["run_id"])
    tools = store().steps.pending(run)
    if tools and event["outputs"] and next_action(run, event["turn"], tools, now_ms() // 1000) == "call_tools":
        # Outputs of a run that was cancelled or is over come too late.
        tools = store().steps.record_outputs(run, tools, _outputs(event["outputs"]), now_ms() // 1000)
    taken = False
    for _ in range(3):
        now = now_ms() // 1000
        if tools:
            tools = store().steps.record_outputs(run, tools, runs.refused(run, tools), now)
        action = next_action(run, event["turn"], tools, now)
        follows = event["execution"] != run.execution
        if follows and action not in TERMINAL:
            wait = max(FOLLOWER_WAIT_SECONDS, (now - run.created_at) // 4)
            return _wait(run, min(wait, run.expires_at - now))
        if action == "call_tools" and tools and run.status == "in_progress":
            return {"status": action, "turn": run.turn, "calls": runs.calls(run, tools)}
        if action == "requires_action":
            return {"status": action, "turn": run.turn}
        if action == "late":
            return {"status": "in_progress", "turn": run.turn} if taken else _wait(run, 1)
        # Cancelled meanwhile, or answered, or another delivery was first: the record tells.
        with suppress(ConditionFailed):
            if action == "call_tools":  # The client has approved them.
                run = store().runs.resume(run)
                continue
            if action != "call_model":
                return runs.finish(store(), run, action, now)
            if told := _take_turn(run):
                return told
            taken = True
        run = store().runs.get(run.thread_id, run.id)
        tools = store().steps.pending(run)
    return _wait(run, 1)


def _outputs(outputs: list[Json]) -> dict[str, Json]:
    return {
        output["tool_call_id"]: {"text": output["output"]} if "output" in output else {"key": output["output_key"]}
        for output in outputs
    }


def _wait(run: Run, seconds: int) -> Json:
    return {"status": "backoff", "turn": run.turn, "wait_seconds": max(1, seconds)}


def _take_turn(run: Run) -> Json | None:
    """Call the model and store what came of it; None when the record tells how the run goes on."""
    try:
        body, over = _request(run)
    except ApiError as error:
        code = "server_error" if error.status >= 500 else "invalid_prompt"
        return _fail(run, code, error.message)
    run = store().runs.begin_attempt(run, now_ms() // 1000)
    if over:
        return runs.finish(store(), run, "incomplete", now_ms() // 1000, incomplete_details={"reason": over})
    request_id = f"{run.id}/{run.turn}/{run.attempts}"
    retries = run.attempts - run.turn - 1
    left = run.expires_at - now_ms() / 1000

    def cancelled() -> bool:
        with suppress(Exception):  # A look that fails is no reason to drop the call.
            return store().runs.status(run.thread_id, run.id) not in ("queued", "in_progress")
        return False

    try:
        response = model.respond(body, request_id, max(1.0, min(MODEL_SECONDS, left)), retries, cancelled)
    except model.Cancelled:
        raise ConditionFailed([]) from None
    except model.TryAgain as busy:
        return _try_again(run, request_id, busy)
    except model.Refused as refused:
        logger.warning("model call %s: %s", request_id, refused.code)
        return _fail(run, refused.code, refused.message)
    return _store_turn(run, body, response)


def _try_again(run: Run, request_id: str, busy: model.TryAgain) -> Json:
    """Wait for the model; or fail, if it has been tried again often enough or asks for more time than the run has."""
    left = run.expires_at - now_ms() // 1000
    if left <= 1:
        return _wait(run, 1)  # The time was up while the model worked: the run expires.
    if run.attempts - run.turn > int(os.environ["MOST_RETRIES"]) or busy.wait_seconds >= left:
        logger.warning("model call %s: %s, not tried again", request_id, busy.code)
        return _fail(run, busy.code, busy.message)
    logger.warning("model call %s: %s, tried again in %s s", request_id, busy.code, busy.wait_seconds)
    return _wait(run, busy.wait_seconds)


def _fail(run: Run, code: str, message: str) -> Json:
    return runs.finish(store(), run, "failed", now_ms() // 1000, last_error={"code": code, "message": message})


def _request(run: Run) -> tuple[Json, str | None]:
    """The body of the model call, and the token budget that leaves no room for it, if one does.

    Raises:
        NotFound, InvalidRequest: an image of a message was deleted, is none, or can't be fetched.
    """
    settings = run.settings
    budget = int(os.environ["CONTEXT_TOKENS"])
    if settings["max_prompt_tokens"]:
        budget = min(budget, settings["max_prompt_tokens"] - run.usage.prompt_tokens)
    most = MOST_MESSAGES
    automatic = settings["truncation_strategy"]["type"] == "auto"
    if not automatic:
        most = min(most, settings["truncation_strategy"]["last_messages"])
    # What the run itself has said stands in its turns, together with the calls around it.
    messages, more = store().threads.newest_messages(
        run.thread_id, most, budget * conversation.BYTES_PER_TOKEN, without_run=run.id
    )
    if automatic and more and (first := store().threads.first_message(run.thread_id, run.id)):
        messages = [first, *(message for message in messages if message["id"] != first["id"])]
    # An empty answer of the model says nothing, and some servers refuse a message that does.
    messages = [message for message in messages if message["role"] == "user" or conversation.text_of(message)]
    turns: list[list[Json]] = store().runs.turns(run) if run.turn else []
    steps: list[ToolStep] = store().steps.tool_steps(run) if run.turn else []
    body = conversation.model_request(settings, messages, turns, store().steps.output_texts(steps), run.usage)
    fits = conversation.fit(body, budget, len(messages), keep_first=automatic)
    if settings["max_prompt_tokens"] and not fits:
        return body, "max_prompt_tokens"
    if body.get("max_output_tokens", conversation.SMALLEST_OUTPUT_TOKENS) < conversation.SMALLEST_OUTPUT_TOKENS:
        return body, "max_completion_tokens"
    images.put_bytes(body["input"], store(run.project).files)
    return body, None


def _store_turn(run: Run, body: Json, response: Json) -> Json | None:
    now = now_ms()
    try:
        turn = conversation.outcome(response, run.assistant_id, run.id, now // 1000)
    except conversation.Unusable as why:
        return _fail(run, "server_error", str(why))
    if turn.calls and (reached := _limit_reached(run, body, turn)):
        turn = replace(turn, status="failed", last_error={"code": "server_error", "message": reached})
    served = {entry["function_name"]: entry for entry in run.functions}
    server_calls = [call["id"] for call in turn.calls if call["function"]["name"] in served]
    asking = {name for name, entry in served.items() if registry.needs_approval(entry)}
    to_approve = [call["id"] for call in turn.calls if call["function"]["name"] in asking]
    used = run.usage + turn.usage
    cost = runs.cost_of(run.settings["model"], used.prompt_tokens, used.completion_tokens)
    store().runs.store_turn(run, turn, server_calls, to_approve, cost, now)
    if turn.status not in TERMINAL:
        return None
    return runs.ended(store(), store().runs.get(run.thread_id, run.id))


def _limit_reached(run: Run, body: Json, turn: Turn) -> str | None:
    """Which limit leaves no room for the calls of this turn, or for the turn that would read their outputs."""
    turns, calls = int(os.environ["MOST_TURNS"]), int(os.environ["MOST_CALLS"])
    if run.turn + 1 >= turns:
        return f"The run called tools in each of its {turns} turns; this deployment allows no more turns."
    if sum(item["type"] == "function_call" for item in body["input"]) + len(turn.calls) > calls:
        return f"The run called more than {calls} tools, the most that this deployment allows."
    return None
