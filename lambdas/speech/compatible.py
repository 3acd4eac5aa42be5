"""Any server with OpenAI's `POST /audio/transcriptions` and `POST /audio/speech`."""

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import openai

from assistant_engine.domain.json_data import Json, well_formed
from assistant_engine.domain.speech import Transcript
from assistant_engine.domain.speech_payloads import SpeakEvent, TranscribeEvent
from assistant_engine.runtime.settings import configured
from assistant_engine.runtime.speech_settings import SpeechProvider
from providers import Busy, Sound, Unfit

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_SPEAK_SECONDS = 120
_TRANSCRIBE_SECONDS = 840
_MAX_MESSAGE_CHARACTERS = 300

_NAMES = {"mp4": "m4a"}
"""The suffix of a file's name by its container, where it is another word: such servers go by the name."""


class Compatible:
    """The provider `openai`."""

    most_characters = 4_096

    def transcribe(self, sound: Sound, asked: TranscribeEvent) -> Transcript:
        """Return what is said; see `Provider`."""
        model = configured(SpeechProvider).transcription_model
        form: dict[str, Any] = {"model": model, "response_format": "json"}
        for name in ("language", "prompt", "temperature"):
            if name in asked:
                form[name] = asked[name]
        if asked.get("keywords"):
            form["keywords[]"] = asked["keywords"]
        if asked.get("timestamps"):
            form |= {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        answer = self._transcription(sound, form)
        if answer is None and form["response_format"] != "json":  # Newer models give no times.
            plain = {name: form[name] for name in form if name != "timestamp_granularities[]"}
            answer = self._transcription(sound, {**plain, "response_format": "json"})
        if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
            raise Busy("The speech server answered with something that is no transcript.")
        usage = billed if isinstance(billed := answer.get("usage"), dict) else {}
        known = [sound.seconds, answer.get("duration"), usage.get("seconds")]
        seconds = next((float(each) for each in known if isinstance(each, int | float) and math.isfinite(each)), 0.0)
        language = answer.get("language")
        return Transcript(
            well_formed(answer["text"]).replace("\0", "").strip(),
            max(0.0, seconds),
            model,
            language if isinstance(language, str) else None,
            _times(answer.get("words"), "word"),
            _times(answer.get("segments"), "text"),
        )

    def check(self, asked: SpeakEvent) -> None:
        """Leave it to the server."""

    def speak(self, text: str, asked: SpeakEvent) -> bytes:
        """Return a text as sound; see `Provider`."""
        body: Json = {
            "model": self.speech_model(asked),
            "input": text,
            "voice": asked.get("voice") or configured(SpeechProvider).speech_voice or "alloy",
            "response_format": asked["format"],
        }
        for name in ("instructions", "speed"):
            if name in asked:
                body[name] = asked[name]
        client = _client().with_options(timeout=_SPEAK_SECONDS)
        try:
            answer: bytes = client.post(
                "/audio/speech",
                body=body,
                cast_to=openai.HttpxBinaryResponseContent,
                options={"headers": {"Accept": "application/octet-stream"}},
            ).content
        except openai.APIError as error:
            raise _meaning(error) from None
        return answer

    def speech_model(self, asked: SpeakEvent) -> str:
        """Return the name of the model that speaks."""
        return configured(SpeechProvider).speech_model

    def _transcription(self, sound: Sound, form: dict[str, Any]) -> Any:
        """Return the server's answer; None where it gives no transcript of this kind."""
        name = f"sound.{_NAMES.get(sound.kind, sound.kind)}"
        client = _client().with_options(timeout=_TRANSCRIBE_SECONDS)
        try:
            return client.post(
                "/audio/transcriptions",
                body=form,
                files={"file": (name, sound.data)},
                cast_to=object,
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )
        except openai.BadRequestError as error:
            if form["response_format"] != "json" and error.param in ("response_format", "timestamp_granularities[]"):
                return None
            if form["response_format"] != "json" and "response_format" in str(error.body):
                return None
            raise _meaning(error) from None
        except openai.APIError as error:
            raise _meaning(error) from None


def _times(found: Any, name: str) -> list[Json]:
    """Return the words, or segments, of a transcript with their times, as far as they are what they should be."""
    if not isinstance(found, list):
        return []
    return [
        {name: well_formed(str(each[name])), "start": float(each["start"]), "end": float(each["end"])}
        for each in found
        if isinstance(each, dict)
        and name in each
        and all(isinstance(each.get(edge), int | float) for edge in ("start", "end"))
    ]


def _meaning(error: openai.APIError) -> Exception:
    """Return what an answer of the server means."""
    if not isinstance(error, openai.APIStatusError):
        return Busy("The speech server could not be reached in time.")
    status = error.status_code
    if status in (401, 403):
        _client.cache_clear()  # A new key in the secret is read by the next call.
        return Busy("The speech server does not accept the key of this deployment.")
    if status in (400, 413, 415, 422):
        message = error.body.get("message") if isinstance(error.body, dict) else None
        said = well_formed(message[:_MAX_MESSAGE_CHARACTERS]) if isinstance(message, str) else ""
        code = error.code if isinstance(error.code, str) and error.code.isidentifier() else "invalid_audio"
        return Unfit(f"The speech server refused it{f': {said}' if said else '.'}", code)
    if status in (408, 409, 429) or status >= 500:
        return Busy("The speech server is busy or failed.")
    return Busy(f"The speech server refused this deployment (status {status}).")


@cache
def _client() -> openai.OpenAI:
    # The package itself repeats what may be repeated, with jitter, and heeds Retry-After.
    return openai.OpenAI(api_key=_key(), base_url=configured(SpeechProvider).speech_base_url or None, max_retries=2)


def _key() -> str:
    secrets: SecretsManagerClient = boto3.client("secretsmanager")
    try:
        secret = secrets.get_secret_value(SecretId=configured(SpeechProvider).speech_secret_arn)
        key: str = secret.get("SecretString", "").strip()
    except secrets.exceptions.ResourceNotFoundException:
        key = ""  # So AWS answers for a secret that was never given a value.
    if not key:
        raise Busy("This deployment has no key for its speech server yet: see the stack's secrets.")
    return key
