"""`/v1/audio`. The function `stream` answers all of it: it has the time, and sends any size."""

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response

from answers import StreamedAnswer
from assistant_engine.domain.json_data import Json
from assistant_engine.schemas.audio import CreateSpeechRequest, CreateTranscriptionRequest
from message_speech import SOUNDS, answer
from routes import Answer, Request, Routes

if TYPE_CHECKING:
    from assistant_engine.domain.speech import Transcript
    from assistant_engine.domain.speech_payloads import SpeakEvent, TranscribeEvent
    from assistant_engine.resources.speaking import Sound

# What speech takes is imported where it is needed: few requests are of it, and every cold start would pay for it.

routes = Routes("Audio")

TRANSCRIPTION_SECONDS = 280
"""Time for a transcript: API Gateway gives up on an answer that does not begin within 5 minutes."""

_EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


@routes.post(
    "/audio/transcriptions",
    "createTranscription",
    "Transcribe audio",
    body=CreateTranscriptionRequest,
    file="file",
    answer="Transcription",
    streams=True,
    media=("text/plain",),
)
def transcribe(request: Request) -> Answer:
    from assistant_engine.domain import transcript_formats as formats
    from assistant_engine.resources import transcription

    assert request.file
    asked = request.body
    event: TranscribeEvent = {"key": ""}
    languages = asked.get("languages") or []
    if language := asked.get("language") or (languages[0] if len(languages) == 1 else None):
        event["language"] = language
    for name in ("prompt", "keywords"):
        if asked.get(name):
            event[name] = asked[name]
    if "temperature" in asked:
        event["temperature"] = float(asked["temperature"])
    kind = asked["response_format"]
    if kind in ("verbose_json", "srt", "vtt"):
        event["timestamps"] = True
    found = transcription.of_bytes(request.store, request.file.data, event, request.now_ms, TRANSCRIPTION_SECONDS)
    if asked.get("stream", "").lower() == "true":
        return StreamedAnswer(200, _EVENTS, _told(found))
    if kind == "verbose_json":
        return formats.verbose_of(found, asked.get("timestamp_granularities") or [])
    texts = {"text": f"{found.text}\n", "srt": formats.srt_of(found), "vtt": formats.vtt_of(found)}
    if kind in texts:
        return Response(200, "text/plain; charset=utf-8", texts[kind])
    return formats.json_of(found)


@routes.post("/audio/speech", "createSpeech", "Speak a text", body=CreateSpeechRequest, answer=None, media=SOUNDS)
def speak(request: Request) -> StreamedAnswer:
    from assistant_engine.resources import speaking

    asked = request.body
    event: SpeakEvent = {"key": "", "text": asked["input"], "format": asked.get("response_format", speaking.FORMAT)}
    voice = asked.get("voice")
    if voice:
        event["voice"] = voice if isinstance(voice, str) else voice["id"]
    if asked.get("instructions"):
        event["instructions"] = asked["instructions"]
    if asked.get("speed", 1) != 1:
        event["speed"] = asked["speed"]
    sound = speaking.of_text(request.store, event, request.now_ms)
    if asked.get("stream_format") == "sse":
        return StreamedAnswer(200, _EVENTS, _spoken(sound))
    return answer(sound)


def _told(transcript: "Transcript") -> Iterator[bytes]:
    yield _event({"type": "transcript.text.delta", "delta": transcript.text})
    # Without usage: here the API knows tokens alone, and no duration.
    yield _event({"type": "transcript.text.done", "text": transcript.text})


def _spoken(sound: "Sound") -> Iterator[bytes]:
    for chunk in sound.chunks:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(chunk).decode()})
    yield _event({"type": "speech.audio.done"})


def _event(data: Json) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
