"""Asks a stack with sound, and hears it."""

import base64
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import openai

from assistant_engine.domain.json_data import Json
from local import speech
from tests.support.local_stack import DIRECTORY
from tests.support.speech_server import SpeechServer


@contextmanager
def engines(speech_server: SpeechServer) -> Iterator[str]:
    """Have the local engines hear and speak for the stack meanwhile; the base URL of their server."""
    url = f"http://127.0.0.1:{speech.start(DIRECTORY)}/v1"
    with speech_server.forwarding(url):
        yield url
    speech.stop(DIRECTORY)


def words(*more: str) -> str:
    """Return a text of its own that the offline model answers as `say` tells it."""
    return f"say {uuid.uuid4().hex[:12]} {' '.join(more)}".strip()


def part(data: bytes, **more: Any) -> Json:
    return {"type": "input_audio", "input_audio": {"data": base64.b64encode(data).decode(), "format": "wav", **more}}


def spoken(data: bytes, *before: Json) -> Json:
    return {"role": "user", "content": [*before, part(data)]}


def of_file(file_id: str) -> Json:
    return {"role": "user", "content": [{"type": "input_audio", "input_audio": {"file_id": file_id}}]}


def text_of(message: Json) -> str:
    return "\n".join(part["text"]["value"] for part in message["content"])


def made(answer: httpx2.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer: httpx2.Response, status: int, code: str, param: str | None) -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["param"]) == (code, param), error


def upload(client: openai.OpenAI, data: bytes, name: str = "question.wav") -> str:
    return client.files.create(file=(name, data), purpose="user_data").id


def thread_of(http: httpx2.Client) -> str:
    return str(made(http.post("threads", json={}))["id"])


def assistant_of(http: httpx2.Client, **fields: Any) -> str:
    return str(made(http.post("assistants", json={"model": "gpt-6-luna", **fields}))["id"])


def run_of(http: httpx2.Client, thread: str, assistant: str, **fields: Any) -> Json:
    run = made(http.post(f"threads/{thread}/runs", json={"assistant_id": assistant, **fields}))
    deadline = time.monotonic() + 120
    while run["status"] in ("queued", "in_progress", "cancelling"):
        assert time.monotonic() < deadline, run
        time.sleep(0.2)
        run = made(http.get(f"threads/{thread}/runs/{run['id']}"))
    return dict(run)


def messages_of(http: httpx2.Client, thread: str) -> list[Json]:
    return list(made(http.get(f"threads/{thread}/messages", params={"order": "asc"}))["data"])


def answered(http: httpx2.Client, said: str, **fields: Any) -> tuple[str, Json]:
    """Have an assistant say something; the thread and the message."""
    thread = thread_of(http)
    made(http.post(f"threads/{thread}/messages", json={"role": "user", "content": said}))
    assert run_of(http, thread, assistant_of(http, **fields))["status"] == "completed"
    return thread, messages_of(http, thread)[-1]
