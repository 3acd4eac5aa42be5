"""Speech in: sound in messages becomes their text, in the request or, if it is long or a file, within the next run."""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assistant_engine.domain import ids
from assistant_engine.domain.audio_types import AUDIO_TYPES, HEAD_BYTES, audio_type
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.errors import ApiError, InvalidRequest, NotFound
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import sound_of
from assistant_engine.domain.speech import INLINE_SECONDS, MAX_AUDIO_BYTES, Transcript, told_by
from assistant_engine.domain.speech_payloads import TranscribeEvent
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import speech_function, transcripts
from assistant_engine.resources.budgets import check_budgets
from assistant_engine.store import Idempotency, Replayed, Store
from assistant_engine.store.files import PREFIX

REQUEST_SECONDS = 20
"""How long a request waits for a transcript, of the 29 s that it may take."""


@contextmanager
def taken_in(
    store: Store,
    messages: Sequence[Json],
    now_ms: Milliseconds,
    *,
    path: str = "",
    thread: Thread | None = None,
    idempotency: Idempotency | None = None,
) -> Iterator[list[Json]]:
    """Take the sound of messages in: the block gets the messages with text in its place, and writes them.

    A sound in the request becomes a file, which goes with its thread; it is removed if the block fails.

    Args:
        messages: valid `CreateMessageRequest`s.
        path: of their parameter, such as `messages`; empty for a request that is a message itself.
        thread: that they are for, if it exists.

    Raises:
        InvalidRequest: a file is no sound, too large or too long; nothing is said; speech is off.
        Unavailable: it can't be transcribed now, or not in the time that a request has.
        QuotaExceeded: the project's budget of this day is used up.
        Replayed, Conflict: the idempotency key was used.
    """
    made: list[str] = []
    if idempotency:
        store.check(idempotency)
    if thread and thread.active_run:
        raise InvalidRequest(f"Can't add messages to {thread.id} while a run {thread.active_run} is active.")
    try:
        taken = []
        for index, message in enumerate(messages):
            if found := sound_of(message):
                part, sound = found
                param = f"{path}[{index}].content[{part}]" if path else f"content[{part}]"
                message = _taken_in(store, message, part, sound, now_ms, f"{param}.input_audio", thread, made)
            taken.append(message)
        yield taken
    except (ApiError, Replayed):
        for file_id in made:
            store.files.bury(file_id)
            store.sounds.forget_transcript(file_id)
        raise


def _taken_in(
    store: Store,
    message: Json,
    part: int,
    sound: Json,
    now_ms: Milliseconds,
    param: str,
    thread: Thread | None,
    made: list[str],
) -> Json:
    speech_function.require_on(param)
    audio: Json = {"seconds": None, "transcribed_by": None, "part": part, "inline": "data" in sound, "waits": True}
    text = ""
    if "data" in sound:
        check_budgets(store, "", now_ms, None)
        file = _keep(store, base64.b64decode(sound["data"]), now_ms)
        made.append(file["id"])
        transcript = _transcribed(store, file["id"], now_ms, f"{param}.data", thread)
        if transcript:
            text = transcript.text
            audio |= {**told_by(transcript), "waits": False}
    else:
        file = _fit(store, sound["file_id"], f"{param}.file_id")
    content = [*message["content"]]
    content[part] = {"type": "text", "text": text}
    attachments = [*(message.get("attachments") or []), {"file_id": file["id"], "tools": []}]
    return {**message, "content": content, "attachments": attachments, "audio": {"file_id": file["id"], **audio}}


def _keep(store: Store, data: bytes, now_ms: Milliseconds) -> Json:
    kind = audio_type(data)
    assert kind  # The schema has looked.
    file = new_file(ids.new_id(PREFIX, now_ms), f"audio.{kind}", len(data), "user_data", seconds_of(now_ms))
    store.files.create(file, AUDIO_TYPES[kind], data)
    return file


def _fit(store: Store, file_id: str, param: str) -> Json:
    """Return a file that may be sound.

    Raises:
        InvalidRequest: it can't be.
    """
    try:
        file = store.files.get(file_id)
        kind = audio_type(store.files.head(file_id, HEAD_BYTES)) if file["bytes"] else None
    except NotFound as missing:
        raise InvalidRequest(missing.message, param=param, code="invalid_value") from None
    if file["bytes"] > MAX_AUDIO_BYTES:
        raise InvalidRequest(
            f"The file {file_id} is too large for audio: {file['bytes']:,} bytes, at most {MAX_AUDIO_BYTES:,}.",
            param=param,
            code="audio_too_large",
        )
    if kind is None:
        raise InvalidRequest(
            f"The file {file_id} is not audio. Supported are {', '.join(AUDIO_TYPES)}, told by their bytes.",
            param=param,
            code="unsupported_format",
        )
    return file


def _transcribed(
    store: Store, file_id: str, now_ms: Milliseconds, param: str, thread: Thread | None
) -> Transcript | None:
    """Return the transcript of a sound of a request; None if it is so long that the next run transcribes it."""
    event: TranscribeEvent = {"key": store.files.key(file_id), "most_seconds": INLINE_SECONDS}
    result = speech_function.ask(event, REQUEST_SECONDS, param)
    if "longer" in result:
        return None
    transcript = Transcript(**result["transcript"])
    user = thread.metadata.get("user_id") if thread else None
    transcripts.keep(store, file_id, transcript, now_ms, thread_id=thread.id if thread else None, user=user)
    if not transcript.text:
        raise InvalidRequest(transcripts.NO_SPEECH, param=param, code="audio_silent")
    return transcript


def of_bytes(store: Store, data: bytes, options: TranscribeEvent, now_ms: Milliseconds, seconds: int) -> Transcript:
    """Transcribe sound that is kept nowhere.

    Args:
        options: all but `key`, which is made here.
        seconds: how long it may take.

    Raises:
        InvalidRequest: it is no sound, too large or too long; nothing is said; speech is off.
        Unavailable: it can't be transcribed now, or not in time.
        QuotaExceeded: the project's budget of this day is used up.
    """
    speech_function.require_on("file")
    if audio_type(data) is None:
        raise InvalidRequest(
            f"Invalid 'file': it is not audio. Supported are {', '.join(AUDIO_TYPES)}, told by their bytes.",
            param="file",
            code="unsupported_format",
        )
    check_budgets(store, "", now_ms, None)
    key = store.sounds.put_request(data)
    try:
        result = speech_function.ask({**options, "key": key}, seconds, "file")
    finally:
        store.sounds.delete_request(key)
    transcript = Transcript(**result["transcript"])
    store.sounds.count(store.usage.count_speech(transcripts.usage_of(transcript), key, now_ms))
    if not transcript.text:
        raise InvalidRequest(transcripts.NO_SPEECH, param="file", code="audio_silent")
    return transcript
