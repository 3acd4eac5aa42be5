"""Makes one attempt at a run's turn: one call of the model, and the transaction that stores what came of it."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from assistant_engine.domain import accounting, builtin_tools
from assistant_engine.domain.annotations import annotated
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.run import ErrorCode, Run
from assistant_engine.domain.stream import Announced
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage
from assistant_engine.model import client, provider_files
from assistant_engine.model.context import Prompt, Unheard, prompt_of
from assistant_engine.model.exchange import Cancelled
from assistant_engine.model.response import UnusableResponse, read_turn
from assistant_engine.runs import ending, line, thread_files
from assistant_engine.runs.live_turn import LiveTurn
from assistant_engine.runs.outcome import MOVED, Ended, Moved, TakeNextTurn, Wait
from assistant_engine.runtime import metrics
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import HostedTools, TurnLimits, configured
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.event_log import Tail
from assistant_engine.tools import registry

MAX_MODEL_SECONDS = 870
"""Time for the model within the 900 s of a Lambda function."""


MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Stored:
    """The turn is in the record, which tells how the run goes on."""


STORED = Stored()


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the model.

    Attributes:
        began_ms: when the attempt began, milliseconds since 1970.
        ended_ms: when the answer was there.
        model_ms: how long the model took.
    """

    response: Json
    began_ms: Milliseconds
    ended_ms: Milliseconds
    model_ms: int


def attempt(store: Store, run: Run, tools: ToolStep | None) -> Ended | Wait | TakeNextTurn | Moved | Stored:
    """Call the model for the run's next turn and store the outcome.

    Args:
        tools: the tool step of the turn before.
    """
    began_ms = now_ms()
    try:
        prompt = prompt_of(store, run)
    except Unheard as unheard:
        from assistant_engine.runs import hearing  # Few runs are spoken to.

        return hearing.hear(store, run, unheard.messages)
    except ApiError as error:
        return _fail(store, run, "server_error" if error.status >= 500 else "invalid_prompt", error.message)
    try:
        run, tail = store.transitions.begin_attempt(run, began_ms)
    except ConditionFailed:
        return MOVED
    if prompt.over:
        return ending.finish(store, run, "incomplete", now_ms(), incomplete_details={"reason": prompt.over})
    live = LiveTurn(store, run, tail, prompt.images) if run.streams else None
    try:
        answer = _ask(store, run, prompt, began_ms, live)
        if not isinstance(answer, _Answer):
            return answer
        turn = _turn_of(store, run, prompt, answer)
        if live:
            turn = live.ordered(turn)
        announced, tail = live.finish(turn) if live else (None, tail)
    except UnusableResponse as why:
        return _fail(store, run, "server_error", str(why))
    except Cancelled:
        return MOVED
    return _store(store, run, turn, tools, answer, announced, tail)


def _ask(
    store: Store, run: Run, prompt: Prompt, began_ms: Milliseconds, live: LiveTurn | None
) -> _Answer | Ended | Wait | Moved:
    request_id = f"{run.id}/{run.turn}/{run.attempts}"
    retries = run.attempts - run.turn - 1
    timeout = max(1.0, min(MAX_MODEL_SECONDS, run.expires_at - now_ms() / 1000))

    def cancelled() -> bool:
        with suppress(Exception):  # A look that fails is no reason to drop the call.
            return store.runs.status(run.thread_id, run.id) not in ("queued", "in_progress")
        return False

    called = time.monotonic()
    try:
        if live:
            body = {**prompt.body, "stream": True}
            response = live.settled(client.respond(body, request_id, timeout, retries, cancelled, live.hear))
        else:
            response = client.respond(prompt.body, request_id, timeout, retries, cancelled)
    except client.TryAgain as busy:
        metrics.model_failed(run, busy.code)
        return _try_again(store, run, request_id, busy)
    except client.Refused as refused:
        logger.warning("model call %s: %s", request_id, _kind(refused))
        metrics.model_failed(run, refused.code)
        _note(store, run, refused, None)
        return _fail(store, run, refused.code, refused.message)
    return _Answer(response, began_ms, now_ms(), round(1000 * (time.monotonic() - called)))


def _try_again(store: Store, run: Run, request_id: str, busy: client.TryAgain) -> Ended | Wait | Moved:
    """Wait for the model; or fail, if it has been tried again often enough or asks for more time than the run has."""
    left = run.expires_at - seconds_of(now_ms())
    if left <= 1:
        return Wait(run.turn, 1)  # The time was up while the model worked: the run expires.
    if run.attempts - run.turn > configured(TurnLimits).max_retries or busy.wait_seconds >= left:
        logger.warning("model call %s: %s, not tried again", request_id, _kind(busy))
        _note(store, run, busy, None)
        return _fail(store, run, busy.code, busy.message)
    logger.warning("model call %s: %s, tried again in %s s", request_id, _kind(busy), busy.wait_seconds)
    _note(store, run, busy, busy.wait_seconds)
    return Wait(run.turn, busy.wait_seconds)


def _kind(refused: client.Refused) -> str:
    """Return what a log may hold of a failed call: its code and the server's status, and none of the server's words."""
    return f"{refused.code}, {f'status {refused.status}' if refused.status else 'no status'}"


def _note(store: Store, run: Run, refused: client.Refused, wait_seconds: int | None) -> None:
    """Record an attempt that came to nothing, with the reason and, if there is a next one, when that comes."""
    failed_ms = now_ms()
    attempt = {
        "attempt": run.attempts,
        "turn": run.turn,
        "failed_ms": failed_ms,
        "status": refused.status,
        "reason": refused.message[:MAX_REASON_CHARACTERS],
        "next_ms": None if wait_seconds is None else failed_ms + 1000 * wait_seconds,
    }
    with suppress(ConditionFailed):  # Another writer moved the run: what is done next shows it.
        store.transitions.note_failed_attempt(run, attempt)


def _fail(store: Store, run: Run, code: ErrorCode, message: str) -> Ended | Moved:
    return ending.finish(store, run, "failed", now_ms(), last_error={"code": code, "message": message})


def _turn_of(store: Store, run: Run, prompt: Prompt, answer: _Answer) -> Turn:
    """Return what the answer makes of the turn, with the files and citations in it.

    Raises:
        UnusableResponse: nothing can be made of it.
    """
    files = provider_files.import_files(store.of(run.project).files, answer.response)
    turn = read_turn(answer.response, run.assistant_id, run.id, seconds_of(answer.ended_ms), files)
    if not is_terminal(turn.status) and (reached := _limit_reached(run, prompt.body, turn)):
        turn = replace(turn, status="failed", last_error={"code": "server_error", "message": reached})
    if turn.message:
        others = partial(thread_files.by_path, store, run)
        content, attachments = annotated(turn.message["content"], prompt.results, prompt.shown_since, others)
        message = {**turn.message, "content": content, "attachments": attachments}
        if run.speaks == "voice" or (run.speaks == "hybrid" and prompt.spoken_to):
            message["audio"] = {"spoken": True}
        turn = replace(turn, message=message)
    return turn


def _limit_reached(run: Run, body: Json, turn: Turn) -> str | None:
    """Return which limit leaves no room for the calls of this turn, or for the turn that would read their outputs."""
    limits = configured(TurnLimits)
    if run.turn + 1 >= limits.max_turns:
        return f"The run called tools in each of its {limits.max_turns} turns; this deployment allows no more turns."
    made = sum(item["type"] == "function_call" for item in body["input"])
    if made + len(turn.calls) > limits.max_calls:
        return f"The run called more than {limits.max_calls} tools, the most that this deployment allows."
    return None


def _store(
    store: Store,
    run: Run,
    turn: Turn,
    tools: ToolStep | None,
    answer: _Answer,
    announced: Announced | None,
    tail: Tail,
) -> Ended | Moved | Stored:
    # Earlier attempts at this turn, and the waits after them, are the model's time, too.
    waited_ms = max(0, answer.began_ms - (run.asked_ms or answer.began_ms))
    account = accounting.with_turn(run, turn, tools, waited_ms + answer.model_ms)
    if is_terminal(turn.status):
        account = accounting.closed(run, account, answer.ended_ms)
    try:
        message, called = store.transitions.store_turn(
            run, turn, *_served(run, turn), account, answer.ended_ms, announced, tail
        )
    except ConditionFailed:
        return MOVED
    if called:
        line.call(store, run.thread_id, called)
    metrics.turn_taken(run, turn.usage, now_ms() - answer.began_ms, answer.model_ms)
    if not is_terminal(turn.status):
        return STORED
    said = None if run.turn else [message] if message else []
    run = _as_written(run, turn, account)
    metrics.run_ended(run)
    return ending.ended(store, run, said)


def _as_written(run: Run, turn: Turn, account: RunUsage) -> Run:
    """Return what the machine and the metrics are told of a run that this turn has ended, without reading it again."""
    return replace(
        run,
        status=turn.status,
        turn=run.turn + 1,
        account=account,
        last_error=turn.last_error,
        incomplete_details=turn.incomplete_details,
    )


def _served(run: Run, turn: Turn) -> tuple[list[str], list[str]]:
    """Return the ids of the turn's calls that tools of the stack serve, and of those that wait for a yes."""
    ours = builtin_tools.offered(run.settings["tools"], configured(HostedTools).hosted_tools)
    served = {*ours, *(entry["function_name"] for entry in run.functions)}
    asking = {entry["function_name"] for entry in run.functions if registry.needs_approval(entry)}
    named = [(call["id"], call["function"]["name"]) for call in turn.calls]
    return [id for id, name in named if name in served], [id for id, name in named if name in asking]
