"""Keeps what was heard in files, once for each file, with its usage."""

import math
from contextlib import suppress

from assistant_engine.domain import speech_models
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.speech import Transcript
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.usage import SpeechUsage
from assistant_engine.store import Store

NO_SPEECH = "There is no speech in the audio."


def usage_of(transcript: Transcript) -> SpeechUsage:
    """Return the usage of a transcript: its seconds, rounded up."""
    return speech_models.heard(transcript.model, math.ceil(transcript.seconds))


def keep(
    store: Store,
    file_id: str,
    transcript: Transcript,
    now_ms: Milliseconds,
    *,
    thread_id: ThreadId | None = None,
    assistant_id: str | None = None,
    user: str | None = None,
) -> None:
    """Keep the transcript of a file, and count it once."""
    counted = store.usage.count_speech(
        usage_of(transcript), file_id, now_ms, thread_id=thread_id, assistant_id=assistant_id, user=user
    )
    with suppress(NotFound):
        file = store.files.get(file_id)
        store.sounds.keep_transcript(file_id, transcript, counted, file.get("expires_at"))
