"""The process of the local speech server: `python -m local.speech_process <port>`.

It serves OpenAI's `/v1/audio/transcriptions` and `/v1/audio/speech` with packaged engines, as their reference describes
them (https://developers.openai.com/api/reference/resources/audio). What is said is in no line of its log.
"""

import json
import logging
import math
import re
import sys
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local import audio_formats, espeak, speech
from local.callers import is_from_a_program
from local.paths import ROOT

MAX_FILE_BYTES = 25 * 2**20
MAX_INPUT_CHARACTERS = 4_096
MIN_SECONDS = 0.1
SILENCE = 100
"""The largest sample of a sound that counts as silence: 1/300 of the largest there is."""

WHAT_IT_IS = (
    "A stand-in on this machine: espeak-ng 1.52 speaks, and pocketsphinx 5.1 writes down the sentences of the samples,"
    " and other English as well as it can."
)


class Refused(Exception):
    """A request that is not served; `param` names what is wrong with it."""

    def __init__(self, message: str, param: str | None, code: str = "invalid_value", status: int = 400) -> None:
        super().__init__(message)
        self.param, self.code, self.status = param, code, status

    @property
    def response(self) -> Response:
        """Return the error as OpenAI's API writes it."""
        error = {"message": str(self), "type": "invalid_request_error", "param": self.param, "code": self.code}
        return _json({"error": error}, self.status)


def transcribe(request: Request) -> Response:
    """Answer `POST /v1/audio/transcriptions`. Any model's name is taken, and any language is heard as English."""
    file = request.files.get("file")
    if file is None:
        raise Refused("The form has no file.", "file", "missing_required_parameter")
    written_as = request.form.get("response_format", "json")
    if written_as not in ("json", "text", "verbose_json"):
        raise Refused(f"{written_as!r} is not one of json, text, verbose_json.", "response_format")
    if request.form.get("stream", "").lower() == "true":
        raise Refused("This server does not stream.", "stream")
    data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise Refused("The file is larger than 25 MB.", "file", "file_too_large", 413)
    samples = _sound(data)
    seconds = len(samples) / 2 / audio_formats.RATE
    hints = [request.form.get("prompt", ""), *request.form.getlist("keywords"), *request.form.getlist("keywords[]")]
    try:
        from local import recogniser
    except ModuleNotFoundError:
        message = "pocketsphinx has no package for this version of Python, so nothing is transcribed here."
        raise Refused(message, None, "not_available", 501) from None
    heard = recogniser.hear(samples, [*known_sentences(), *_sentences(hints)])
    if written_as == "text":
        return Response(heard.text + "\n", content_type="text/plain; charset=utf-8")
    answer: dict[str, Any] = {
        "text": heard.text,
        "usage": {"type": "duration", "seconds": math.ceil(seconds)},
        "model": speech.TRANSCRIPTION_MODEL,
        "recognised_by": "grammar" if heard.is_known else "dictation",
    }
    if written_as == "verbose_json":
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": seconds,
            "text": heard.text,
            "tokens": [],
            "temperature": 0.0,
        }
        segment |= {"avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0}
        answer |= {"task": "transcribe", "language": "english", "duration": seconds, "segments": [segment]}
    return _json(answer)


def say(request: Request) -> Response:
    """Answer `POST /v1/audio/speech`. Any model's name is taken, and instructions are passed over."""
    try:
        body = json.loads(request.get_data())
    except ValueError:
        raise Refused("The body is not JSON.", None, "invalid_json") from None
    if not isinstance(body, dict):
        raise Refused("The body is not an object.", None, "invalid_json")
    text, voice = body.get("input"), body.get("voice", "alloy")
    speed, written_as = body.get("speed", 1), body.get("response_format", "mp3")
    if not isinstance(text, str) or not 1 <= len(text) <= MAX_INPUT_CHARACTERS:
        raise Refused(f"The input is not a text of 1 to {MAX_INPUT_CHARACTERS} characters.", "input")
    if not isinstance(written_as, str) or written_as not in audio_formats.WRITTEN:
        raise Refused(f"The format is not one of {', '.join(audio_formats.WRITTEN)}.", "response_format")
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.25 <= speed <= 4:
        raise Refused("The speed is not between 0.25 and 4.", "speed")
    if body.get("stream_format", "audio") != "audio":
        raise Refused("This server answers with the sound alone.", "stream_format")
    if not isinstance(voice, str):
        raise Refused("The voice is not a name.", "voice")
    try:
        samples, rate = espeak.speak(text, voice, speed)
    except espeak.UnknownVoice:
        known = ", ".join(espeak.VOICES)
        raise Refused(f"There is no such voice: name one of {known}, or one of espeak-ng's.", "voice") from None
    # What has no sound, such as a dash, is a moment of silence.
    samples = samples or bytes(rate // 5 * 2)
    _, _, content_type = audio_formats.WRITTEN[written_as]
    return Response(audio_formats.write(samples, rate, written_as), content_type=content_type)


def models(request: Request) -> Response:
    """Answer `GET /v1/models` with the two engines."""
    names = (speech.SPEECH_MODEL, speech.TRANSCRIPTION_MODEL)
    data = [
        {"id": name, "object": "model", "created": 0, "owned_by": "this machine", "description": WHAT_IT_IS}
        for name in names
    ]
    return _json({"object": "list", "data": data})


ROUTES: dict[tuple[str, str], Callable[[Request], Response]] = {
    ("POST", "/v1/audio/transcriptions"): transcribe,
    ("POST", "/v1/audio/speech"): say,
    ("GET", "/v1/models"): models,
    ("GET", "/health"): lambda request: _json({"status": "ok"}),
}


@Request.application
def application(request: Request) -> Response:
    """Answer a request, or say in OpenAI's words why it is not served."""
    headers = [(name.lower(), value) for name, value in request.headers.items()]
    try:
        if not is_from_a_program(headers, {request.environ["SERVER_PORT"]}):
            raise Refused("This server answers programs on this machine alone.", None, "forbidden", 403)
        route = ROUTES.get((request.method, request.path))
        if route is None:
            raise Refused(f"There is no {request.method} {request.path} here.", None, "not_found", 404)
        request.max_content_length = MAX_FILE_BYTES + 2**20  # The form around the file.
        response = route(request)
    except Refused as refused:
        response = refused.response
    except RequestEntityTooLarge:
        _read_on(request)
        response = Refused("The file is larger than 25 MB.", "file", "file_too_large", 413).response
    except HTTPException as error:
        response = Refused(error.description or error.name, None, "bad_request", error.code or 400).response
    response.headers["X-Speech-Engine"] = "espeak-ng and pocketsphinx, a stand-in on this machine"
    return response


@cache
def known_sentences() -> tuple[str, ...]:
    """Return the questions of the samples, as they are written."""
    definitions = [json.loads(path.read_text()) for path in sorted((ROOT / "samples").glob("*/sample.json"))]
    return tuple(question["text"] for definition in definitions for question in definition["questions"])


def serve(port: int) -> None:
    """Serve on a port of the loopback address until the process is signalled."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", port, application, threaded=True)
    print(f"The local speech server is ready at http://127.0.0.1:{port}/v1. {WHAT_IT_IS}", flush=True)
    server.serve_forever()


def _sound(data: bytes) -> bytes:
    """Return the samples of a file in which there is something to hear."""
    try:
        samples = audio_formats.read(data)
    except audio_formats.NotAudio as error:
        raise Refused(str(error), "file", "invalid_audio") from None
    except audio_formats.TooLong:
        raise Refused("The sound lasts longer than an hour.", "file", "audio_too_long") from None
    if len(samples) < MIN_SECONDS * 2 * audio_formats.RATE:
        raise Refused("The sound is shorter than 0.1 seconds.", "file", "audio_too_short")
    values = array("h", samples)
    if max(max(values), -min(values)) <= SILENCE:
        raise Refused("There is nothing to hear in this file.", "file", "audio_silent")
    return samples


def _sentences(hints: list[str]) -> list[str]:
    """Return the sentences of a prompt and the keywords: what a caller expects to be said."""
    return [sentence.strip() for hint in hints for sentence in re.split(r"(?<=[.!?])\s+", hint) if sentence.strip()]


def _read_on(request: Request) -> None:
    """Read what is left of a body: whoever is still sending would not see an answer."""
    stream = request.environ["wsgi.input"]
    left = min(request.content_length or 0, 4 * MAX_FILE_BYTES)
    while left > 0 and (chunk := stream.read(min(left, 2**20))):
        left -= len(chunk)


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, ensure_ascii=False), status, content_type="application/json")


if __name__ == "__main__":
    serve(int(sys.argv[1]))
