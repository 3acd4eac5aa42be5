"""Amazon Transcribe and Amazon Polly, by the function's own role: no key.

`TranscribeAudio` is newer than the boto3 of Lambda's runtime: the layer `speech` brings one that has it.
https://docs.aws.amazon.com/transcribe/latest/APIReference/API_TranscribeAudio.html
https://docs.aws.amazon.com/polly/latest/dg/API_SynthesizeSpeech.html
"""

from functools import cache
from typing import Any
from xml.sax.saxutils import escape

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from assistant_engine.domain.speech import Transcript, wav
from assistant_engine.domain.speech_payloads import SpeakEvent, TranscribeEvent
from providers import Busy, Sound, Unfit

LANGUAGES = ("en", "es", "fr", "it", "de", "ja", "pt", "ko", "zh-CN", "zh-TW", "zh-HK")
"""Those of `TranscribeAudio`; it identifies the language where another one, or none, is given."""

VOICES = {
    "en": "Joanna",
    "es": "Lupe",
    "fr": "Lea",
    "it": "Bianca",
    "de": "Vicki",
    "ja": "Takumi",
    "pt": "Camila",
    "ko": "Seoyeon",
    "zh": "Zhiyu",
    "nl": "Laura",
    "sv": "Elin",
    "pl": "Ola",
    "hi": "Kajal",
    "ar": "Hala",
}
"""The neural voice of a language. Source: Amazon Polly, "Available voices"."""

FORMATS = {"mp3": "mp3", "opus": "ogg_opus", "pcm": "pcm", "wav": "pcm"}
"""Polly's name for a format. AAC and FLAC it does not speak."""

SAMPLE_RATE = 16_000
"""Of PCM, and of the WAV that is made of it. Neural voices speak no more."""

_OF_OPENAI = {
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"),
    "",
}
"""The voices of OpenAI, which their clients must name: the deployment's own speaks for them."""

_PROBLEMS = {
    "audioTooLong": "audio_too_long",
    "audioTooShort": "audio_too_short",
    "unsupportedAudioFormat": "unsupported_format",
    "unsupportedChannelCount": "unsupported_format",
    "invalidAudio": "invalid_audio",
    "audioFileTooLarge": "audio_too_large",
}
"""Our code for each `Reason` of a `BadRequestException`."""

_MAX_PHRASES = 100


class Amazon:
    """The provider `aws`.

    Args:
        voice: a voice of Polly that speaks where none is named; empty for the language's.
    """

    most_characters = 3_000

    def __init__(self, voice: str) -> None:
        self._voice = voice
        self._standard: set[str] = set()  # the voices that have no neural engine, as far as is known

    def transcribe(self, sound: Sound, asked: TranscribeEvent) -> Transcript:
        """Return what is said; see `Provider`."""
        request: dict[str, Any] = {"Media": {"MediaBytes": sound.data}}
        language = _language(asked.get("language"))
        if language:
            request["Language"] = language
        else:
            request["LanguageDetectionMode"] = "IDENTIFY_LANGUAGE"
        if language and asked.get("keywords"):
            phrases = [{"Text": word[:256]} for word in asked["keywords"][:_MAX_PHRASES]]
            request["VocabularySettings"] = [{"Language": language, "Phrases": phrases}]
        try:
            answer = _transcribe().transcribe_audio(**request)["TranscriptResponse"]
        except ClientError as error:
            reason = error.response.get("Reason", "")
            if error.response["Error"]["Code"] == "BadRequestException":
                said = "The audio can't be transcribed" + (f" ({reason})." if reason in _PROBLEMS else ".")
                raise Unfit(said, _PROBLEMS.get(reason, "invalid_audio")) from None
            raise _refusal(error) from None
        except (BotoCoreError, HTTPClientError):
            raise Busy("Amazon Transcribe could not be reached in time.") from None
        words = [
            {"word": item["Content"], "start": item["StartTime"], "end": item["EndTime"]}
            for item in answer["Results"].get("Items", [])
            if "EndTime" in item
        ]
        seconds = sound.seconds or max((word["end"] for word in words), default=0.0)
        text = answer["Results"].get("Transcript", "").strip()
        told = answer.get("Metadata", {}).get("LanguageCode")
        return Transcript(text, seconds, "amazon-transcribe", told, words)

    def check(self, asked: SpeakEvent) -> None:
        """Check the format and the speed."""
        if asked["format"] not in FORMATS:
            raise Unfit(f"This deployment speaks {', '.join(FORMATS)}.", "unsupported_format")
        if not 0.25 <= asked.get("speed", 1) <= 2:
            raise Unfit("This deployment speaks at a speed of 0.25 to 2.", "unsupported_value")

    def speak(self, text: str, asked: SpeakEvent) -> bytes:
        """Return a text as sound; see `Provider`."""
        kind = asked["format"]
        request: dict[str, Any] = {
            "OutputFormat": FORMATS[kind],
            "VoiceId": self._voice_of(asked),
            "Engine": self._engine_of(asked),
            "Text": text,
            **({"SampleRate": str(SAMPLE_RATE)} if FORMATS[kind] == "pcm" else {}),
        }
        if (speed := asked.get("speed", 1)) != 1:
            request["TextType"] = "ssml"
            request["Text"] = f'<speak><prosody rate="{round(100 * speed)}%">{escape(text)}</prosody></speak>'
        sound = self._synthesize(request)
        return wav(sound, SAMPLE_RATE) if kind == "wav" else sound

    def speech_model(self, asked: SpeakEvent) -> str:
        """Return the name that the speech of the voice's engine is priced by."""
        return f"amazon-polly-{self._engine_of(asked)}"

    def _engine_of(self, asked: SpeakEvent) -> str:
        return "standard" if self._voice_of(asked) in self._standard else "neural"

    def _synthesize(self, request: dict[str, Any]) -> bytes:
        try:
            sound: bytes = _polly().synthesize_speech(**request)["AudioStream"].read()
            return sound
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "EngineNotSupportedException" and request["Engine"] == "neural":
                self._standard.add(request["VoiceId"])
                return self._synthesize({**request, "Engine": "standard"})
            if code in ("ValidationException", "EngineNotSupportedException"):
                raise Unfit("Amazon Polly has no such voice in this region.", "invalid_voice") from None
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 400 and "Throttling" not in code:
                raise Unfit("Amazon Polly can't speak this text.", "invalid_text") from None
            raise _refusal(error) from None
        except (BotoCoreError, HTTPClientError):
            raise Busy("Amazon Polly could not be reached in time.") from None

    def _voice_of(self, asked: SpeakEvent) -> str:
        name = asked.get("voice", "")
        if name.lower() not in _OF_OPENAI:
            return name
        spoken = asked.get("language", "").partition("-")[0].lower()
        return VOICES.get(spoken) or self._voice or VOICES["en"]


def _language(asked: str | None) -> str | None:
    """Return what `TranscribeAudio` calls the language of a code (`en`, `de-AT`, `zh`); None if it has none."""
    if not asked:
        return None
    if asked.lower() == "zh":
        return "zh-CN"
    names = {name.lower(): name for name in LANGUAGES}
    return names.get(asked.lower()) or names.get(asked.partition("-")[0].lower())


def _refusal(error: ClientError) -> Exception:
    """Return what an answer means that is nobody's mistake: busy, or not allowed to this deployment."""
    code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    if status in (429, 503) or status >= 500 or "Throttling" in code or code == "LimitExceededException":
        return Busy("The speech service is busy.")
    return Busy(f"The speech service refused this deployment ({code}).")


@cache
def _transcribe() -> Any:
    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=2, read_timeout=840)
    return boto3.client("transcribe", config=config)


@cache
def _polly() -> Any:
    config = Config(
        retries={"mode": "standard", "max_attempts": 5}, connect_timeout=2, read_timeout=60, max_pool_connections=8
    )
    return boto3.client("polly", config=config)
