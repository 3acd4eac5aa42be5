"""Transcribes the sound of messages that wait for it, before the model is asked."""

import random
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue

from assistant_engine.domain.clock import Seconds, seconds_of
from assistant_engine.domain.errors import ApiError, NotInTime, Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import ErrorCode, Run
from assistant_engine.domain.speech import Transcript, heard
from assistant_engine.domain.speech_payloads import TranscribeEvent
from assistant_engine.resources import speech_function, transcripts
from assistant_engine.runs import ending
from assistant_engine.runs.outcome import MOVED, Ended, Moved, TakeNextTurn, Wait
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.log import logger
from assistant_engine.store import Store

MAX_SECONDS = 840
"""Time for one sound within the 900 s of a Lambda function."""

LOOK_SECONDS = 2.0
"""How often the run's record is looked at meanwhile."""

LEASE_SECONDS = 30
"""How long nobody else takes up a sound whose step has died."""

ATTEMPTS = 3
"""How often a busy provider is asked for one sound."""


class _Stopped(Exception):
    """The run was cancelled, or its time is up."""


def hear(store: Store, run: Run, messages: list[Json]) -> Ended | Wait | Moved | TakeNextTurn:
    """Write the text of messages that wait for it. It is safe to do again: each sound is transcribed once.

    Args:
        messages: of the run's thread, as they are stored.
    """
    for message in messages:
        file_id = message["audio"]["file_id"]
        try:
            transcript = _transcript(store, run, file_id)
        except _Stopped:
            return MOVED
        except ApiError as error:
            code: ErrorCode = "server_error" if isinstance(error, Unavailable) else "invalid_prompt"
            return _fail(store, run, message, code, f"The audio of message {message['id']}: {error.message}")
        if transcript is None:
            return Wait(run.turn, 2)
        if not transcript.text:
            return _fail(store, run, message, "invalid_prompt", f"{transcripts.NO_SPEECH} ({message['id']})")
        store.messages.write_transcript(run.thread_id, heard(message, transcript))
    # The step that follows has its whole time for the model.
    return TakeNextTurn(run.turn)


def _transcript(store: Store, run: Run, file_id: str) -> Transcript | None:
    """Return the transcript of a file; None while another delivery of the step is at it.

    Raises:
        _Stopped
        NotFound, InvalidRequest, Unavailable: why there is none.
    """
    owner = store.of(run.project)
    owner.files.get(file_id)
    if known := store.sounds.transcript(file_id):
        return known
    now = seconds_of(now_ms())
    if not store.sounds.claim_transcript(file_id, now, Seconds(now + LEASE_SECONDS)):
        return None
    try:
        event: TranscribeEvent = {"key": owner.files.key(file_id)}
        result = _asked(store, run, file_id, event)
        transcript = Transcript(**result)
        transcripts.keep(
            owner,
            file_id,
            transcript,
            now_ms(),
            thread_id=run.thread_id,
            assistant_id=run.assistant_id,
            user=run.user,
        )
    except BaseException:
        store.sounds.release_transcript(file_id)
        raise
    return transcript


def _asked(store: Store, run: Run, file_id: str, event: TranscribeEvent) -> Json:
    deadline = time.monotonic() + MAX_SECONDS
    for attempt in range(ATTEMPTS):
        try:
            return _ask(store, run, file_id, event, deadline)
        except Unavailable as busy:
            logger.warning("run %s: speech: %s", run.id, busy.code)
            if attempt == ATTEMPTS - 1 or busy.code == "speech_timeout":
                raise
        time.sleep(random.uniform(0, 2 ** (attempt + 1)))
    raise AssertionError("unreachable")


def _ask(store: Store, run: Run, file_id: str, event: TranscribeEvent, deadline: float) -> Json:
    """Ask once, in a thread of its own, so that it can be left when the run is cancelled or its time is up."""
    answers: SimpleQueue[Json | Exception] = SimpleQueue()

    def work() -> None:
        try:
            answers.put(speech_function.ask(event, MAX_SECONDS)["transcript"])
        except Exception as error:
            answers.put(error)

    threading.Thread(target=work, daemon=True).start()
    while True:
        left = run.expires_at - now_ms() / 1000
        if left <= 0:
            raise _Stopped
        if time.monotonic() >= deadline:
            raise NotInTime("Speech takes too long.", code="speech_timeout")
        try:
            answer = answers.get(timeout=min(LOOK_SECONDS, left))
        except Empty:
            if _is_over(store, run):
                raise _Stopped from None
            store.sounds.hold_transcript(file_id, Seconds(seconds_of(now_ms()) + LEASE_SECONDS))
            continue
        if isinstance(answer, Exception):
            raise answer
        return answer


def _is_over(store: Store, run: Run) -> bool:
    with suppress(Exception):  # A look that fails is no reason to drop the work.
        return store.runs.status(run.thread_id, run.id) not in ("queued", "in_progress")
    return False


def _fail(store: Store, run: Run, message: Json, code: ErrorCode, said: str) -> Ended | Moved:
    """End the run, and let the message wait no longer: the next run goes on without it."""
    outcome = ending.finish(store, run, "failed", now_ms(), last_error={"code": code, "message": said})
    if isinstance(outcome, Ended) and code == "invalid_prompt":
        given_up = {**message, "audio": {**message["audio"], "waits": False}}
        store.messages.write_transcript(run.thread_id, given_up)
    return outcome
