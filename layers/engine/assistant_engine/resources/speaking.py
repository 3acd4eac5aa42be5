"""Speech out: a message, or any text, as sound."""

import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain import speech_models
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import ApiError, InvalidRequest, NotFound, NotInTime
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import spoken_text
from assistant_engine.domain.speech_payloads import SpeakEvent
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.resources import speech_function
from assistant_engine.resources.budgets import check_budgets
from assistant_engine.runtime.clock import now_ms as clock_ms
from assistant_engine.store import Store

FORMAT = "mp3"

_LEAST_SECONDS = 60
_CHARACTERS_A_SECOND = 100
_MOST_SECONDS = 840
_LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Sound:
    """Speech.

    Attributes:
        size: how many bytes `chunks` give.
    """

    media_type: str
    size: int
    chunks: Iterator[bytes]


def of_message(
    store: Store,
    thread: Thread,
    message_id: str,
    now_ms: Milliseconds,
    *,
    format: str | None = None,
    voice: str | None = None,
) -> Sound:
    """Return a message as it sounds. It is spoken when it is first asked for, and kept.

    Args:
        format: of `speech.FORMATS`; MP3 unless given.
        voice: the name of one; else the assistant's, or the deployment's.

    Raises:
        NotFound: the thread has no such message.
        InvalidRequest: it says nothing; the provider has no such voice or format; speech is off.
        Unavailable: it can't be spoken now.
        QuotaExceeded: the project's budget of this day is used up.
    """
    speech_function.require_on(None)
    message = store.messages.get(thread.id, message_id)
    text = spoken_text(message)
    if not text:
        raise InvalidRequest(f"The message {message['id']} has no text to speak.", code="nothing_to_say")
    asked = {"text": text, "format": format or FORMAT, **_settings(store, message, voice)}
    digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]
    place = thread.id, message["id"], digest
    key = store.sounds.key(*place)
    if not store.sounds.made(*place):
        check_budgets(store, message["assistant_id"] or "", now_ms, None)
        _make(store, place, {**asked, "key": key}, message, thread)
    found = store.sounds.of_object(key)
    if found is None:
        raise NotFound(f"No message found with id '{message['id']}'.")  # It was deleted meanwhile.
    return Sound(found["media_type"], found["bytes"], store.sounds.chunks(key))


def _settings(store: Store, message: Json, voice: str | None) -> Json:
    """Return how a message is to sound: in the voice of its assistant, if that is still there and has one."""
    settings: Json = {}
    if message["assistant_id"]:
        try:
            settings = store.assistants.get(message["assistant_id"])["voice"] or {}
        except NotFound:
            settings = {}
    named = {"voice": voice or settings.get("name")}
    named |= {name: settings.get(name) for name in ("language", "instructions")}
    return {name: value for name, value in named.items() if value}


def _make(store: Store, place: tuple[ThreadId, str, str], event: Any, message: Json, thread: Thread) -> None:
    """Have a message spoken, unless somebody does so already: then wait for that."""
    seconds = _seconds_for(event["text"])
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        # The bucket tells that it was spoken, also by somebody who died before that was recorded.
        if _is_settled(store, place, event["key"], message, thread):
            return
        now = seconds_of(clock_ms())
        if store.sounds.claim(*place, now, Seconds(now + seconds)):
            try:
                speech_function.ask(event, seconds, None)
            except ApiError:
                store.sounds.release(*place)
                raise
        else:
            time.sleep(_LOOK_SECONDS)
    raise NotInTime("The speech is not ready yet. Please try again.", code="speech_timeout")


def _is_settled(store: Store, place: tuple[ThreadId, str, str], key: str, message: Json, thread: Thread) -> bool:
    made = store.sounds.of_object(key)
    if made is None:
        return False
    counted = store.usage.count_speech(
        speech_models.spoken(made["model"], made["characters"]),
        message["id"],
        clock_ms(),
        thread_id=thread.id,
        assistant_id=message["assistant_id"],
        user=thread.metadata.get("user_id"),
    )
    store.sounds.settle(*place, counted)
    return True


def of_text(store: Store, event: SpeakEvent, now_ms: Milliseconds) -> Sound:
    """Speak a text that is kept nowhere.

    Args:
        event: all but `key`, which is made here.

    Raises:
        InvalidRequest: the provider has no such voice, format or speed; speech is off.
        Unavailable: it can't be spoken now.
        QuotaExceeded: the project's budget of this day is used up.
    """
    speech_function.require_on(None)
    check_budgets(store, "", now_ms, None)
    key = store.sounds.request_key()
    made = speech_function.ask({**event, "key": key}, _seconds_for(event["text"]), "input")["made"]
    usage = speech_models.spoken(made["model"], made["characters"])
    store.sounds.count(store.usage.count_speech(usage, key, now_ms))
    found = store.sounds.of_object(key)

    def chunks() -> Iterator[bytes]:
        try:
            yield from store.sounds.chunks(key)
        finally:
            store.sounds.delete_request(key)

    return Sound(made["media_type"], found["bytes"] if found else 0, chunks())


def _seconds_for(text: str) -> int:
    return min(_MOST_SECONDS, _LEAST_SECONDS + math.ceil(len(text) / _CHARACTERS_A_SECOND))
