"""Speech out: a message, or any text, as sound."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.speech import spoken_text
from assistant_engine.domain.speech_payloads import SpeakEvent
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import speech_function
from assistant_engine.resources.budgets import check_budgets
from assistant_engine.resources.speech_making import Making, OfMessage, OfText
from assistant_engine.store import Store

FORMAT = "mp3"

_LEAST_SECONDS = 60
_CHARACTERS_A_SECOND = 100
_MAX_SECONDS = 840


@dataclass(frozen=True, slots=True)
class Sound:
    """Speech.

    Attributes:
        chunks: its bytes, as they are made.
    """

    media_type: str
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
    if store.sounds.made(*place):
        found = store.sounds.of_object(key)
        if found is None:
            raise NotFound(f"No message found with id '{message['id']}'.")  # It was deleted meanwhile.
        return Sound(found["media_type"], store.sounds.chunks(key))
    check_budgets(store, message["assistant_id"] or "", now_ms, None)
    event: Any = {**asked, "key": key}
    return _sound(OfMessage(store, event, _seconds_for(text), place, message, thread))


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
    keyed: SpeakEvent = {**event, "key": store.sounds.request_key()}
    return _sound(OfText(store, keyed, _seconds_for(event["text"])))


def _sound(making: Making) -> Sound:
    """Return speech whose first bytes are there: until then, an error is the answer."""
    chunks = making.chunks()
    first = next(chunks, b"")

    def all_chunks() -> Iterator[bytes]:
        try:
            yield first
            yield from chunks
        finally:
            chunks.close()

    return Sound(making.media_type, all_chunks())


def _seconds_for(text: str) -> int:
    return min(_MAX_SECONDS, _LEAST_SECONDS + math.ceil(len(text) / _CHARACTERS_A_SECOND))
