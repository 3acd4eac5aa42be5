"""The two chatbots of openai_assistant_engine, which only got another address and key, and less patience."""

import base64
import io
import json
import os
import subprocess
import sys
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local import up as local
from local.paths import ROOT
from tests.support.clients import StrictOpenAI
from tests.support.loopback_server import serving

pytestmark = pytest.mark.offline_model


@pytest.fixture
def environment(stack: local.Local, client: StrictOpenAI, model: str) -> dict[str, str]:
    """What both programs know of the stack."""
    assistant = client.beta.assistants.create(model=model, extra_body={"assistant_type": "conversation"})
    return {
        **os.environ,
        "API_URL": stack.settings["SILVAENGINE_URL"],
        "API_KEY": stack.settings["ASSISTANTS_API_KEY"],
        "ASSISTANT_ID": assistant.id,
        "LOOK_SECONDS": "0.1",
    }


def talk(program: str, environment: dict[str, str], *lines: str) -> list[str]:
    """Run a program that is told these lines; return the answers that it prints."""
    command = [sys.executable, "-W", "ignore", str(ROOT / "tests" / "clients" / program)]
    ran = subprocess.run(
        command,
        env=environment,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return [line.partition("AI: ")[2] for line in ran.stdout.splitlines() if "AI: " in line]


def test_the_text_chatbot_talks(environment: dict[str, str]) -> None:
    # "help" is valid base64, which the first engine took for speech.
    answers = talk("silvaengine_chat.py", environment, "say It is 42.", "help", "exit")
    assert answers[0] == "It is 42." and len(answers) == 2


class Speech(BaseHTTPRequestHandler):
    """A service of speech that hears what a recording's bytes are, and speaks in the same way."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/transcriptions"):
            start = body.index(b"RIFF") + 44
            said = base64.b64decode(body[start : body.index(b"\r\n", start)]).decode()
            told = json.dumps({"text": said}).encode()
        else:
            told = recording(json.loads(body)["input"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *args: object) -> None:
        pass


def recording(text: str) -> bytes:
    """Return a WAV file whose frames are a text."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(44_100)
        file.writeframes(base64.b64encode(text.encode()))
    return made.getvalue()


@pytest.fixture
def speech() -> Iterator[str]:
    """The address of a service of speech; the chatbot's own, not the stack's."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Speech)) as origin:
        yield f"{origin}/v1"


def test_the_voice_chatbot_talks(environment: dict[str, str], speech: str, tmp_path: Path) -> None:
    said = tmp_path / "said.wav"
    said.write_bytes(recording("say It is 42."))
    environment |= {"OPENAI_BASE_URL": speech, "OPENAI_API_KEY": "another"}
    assert talk("silvaengine_voice_chat.py", environment, str(said)) == ["It is 42."]
    assert said.with_suffix(".answer").read_bytes() == recording("It is 42.")
