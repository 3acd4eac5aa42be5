"""Hears and speaks: the one function that reaches the provider of speech. It knows the bucket, and no records."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from assistant_engine.domain import speech
from assistant_engine.domain.audio_types import audio_type
from assistant_engine.domain.speech_payloads import MadeSpeech, SpeakEvent, SpeechResult, TranscribeEvent, piece_key
from assistant_engine.runtime import startup
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import configured
from assistant_engine.runtime.speech_settings import Speech
from assistant_engine.store import objects
from durations import seconds_of
from providers import Busy, Provider, Sound, Unfit

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

configured(Speech)

AT_ONCE = 4
"""Parts of a text that are spoken at once."""


def handler(event: Any, context: Any) -> SpeechResult:
    """Transcribe a sound, or speak a text.

    Returns:
        What came of it, or `error`: `unfit` what nobody will ever serve, `busy` what may be served later. No message of
        it holds what was said.
    """
    try:
        return _speak(event) if "text" in event else _transcribe(event)
    except Unfit as error:
        return {"error": {"kind": "unfit", "message": str(error), "code": error.code}}
    except Busy as error:
        logger.warning("speech: %s", error)
        return {"error": {"kind": "busy", "message": str(error), "code": "speech_unavailable"}}
    except Exception as error:
        logger.error("speech failed: %s", fault_of(error).where)
        return {"error": {"kind": "busy", "message": "Speech failed.", "code": "speech_unavailable"}}


def _transcribe(asked: TranscribeEvent) -> SpeechResult:
    data = _read(asked["key"])
    if len(data) > speech.MAX_AUDIO_BYTES:
        raise Unfit(f"The audio is larger than {speech.MAX_AUDIO_BYTES:,} bytes.", "audio_too_large")
    kind = audio_type(data)
    if kind is None:
        raise Unfit("The file is not audio of a supported format.", "unsupported_format")
    seconds = seconds_of(data, kind)
    if seconds and seconds > speech.MAX_AUDIO_SECONDS:
        raise Unfit(f"The audio is longer than {speech.MAX_AUDIO_SECONDS // 60} minutes.", "audio_too_long")
    if (seconds or 0) > asked.get("most_seconds", speech.MAX_AUDIO_SECONDS):
        return {"longer": seconds or 0}
    return {"transcript": asdict(_provider().transcribe(Sound(data, kind, seconds), asked))}


def _speak(asked: SpeakEvent) -> SpeechResult:
    """Speak a text part by part: the bucket has each piece of the sound as soon as it is there, and then the whole."""
    provider = _provider()
    provider.check(asked)
    parts = speech.parts_of(asked["text"], provider.most_characters, streamed=asked["format"] in speech.FOLLOWING)
    if not parts:
        raise Unfit("There is nothing to say.", "invalid_text")
    if len(parts) > 1 and asked["format"] == "flac":
        raise Unfit(f"A text over {provider.most_characters:,} characters can't be FLAC.", "unsupported_format")
    with ThreadPoolExecutor(min(AT_ONCE, len(parts))) as pool:
        spoken = pool.map(lambda part: provider.speak(part, asked), parts)
        sound = next(spoken)
        media_type = speech.media_type(sound, asked["format"])
        if len(parts) > 1:
            made = []
            for number, piece in enumerate(speech.pieces(chain([sound], spoken))):
                _put(piece_key(asked["key"], number), piece, media_type)
                made.append(piece)
            sound = speech.joined(made)
    result: MadeSpeech = {
        "characters": len(asked["text"].strip()),
        "model": provider.speech_model(asked),
        "media_type": media_type,
    }
    # What was made is told with it: whoever asked may have died, and the next one counts it.
    told = {"characters": str(result["characters"]), "model": quote(result["model"])}
    _put(asked["key"], sound, media_type, told)
    return {"made": result}


def _put(key: str, sound: bytes, media_type: str, told: Mapping[str, str] | None = None) -> None:
    _s3().put_object(Bucket=configured(Speech).bucket, Key=key, Body=sound, ContentType=media_type, Metadata=told or {})


def _read(key: str) -> bytes:
    """Return the bytes of a file, or just enough of them to tell that there are too many."""
    found = objects.find(_s3(), configured(Speech).bucket, key)
    if found is None:
        raise Unfit("The file was deleted.", "file_not_found")
    data: bytes = found["Body"].read(speech.MAX_AUDIO_BYTES + 1)
    return data


@cache
def _provider() -> Provider:
    settings = configured(Speech)
    if settings.speech_provider == "aws":
        from amazon import Amazon

        return Amazon(settings.speech_voice)
    from compatible import Compatible

    return Compatible()


@cache
def _s3() -> "S3Client":
    client: S3Client = boto3.client("s3", config=Config(retries={"mode": "standard", "max_attempts": 5}))
    return client


startup.end(_s3)
