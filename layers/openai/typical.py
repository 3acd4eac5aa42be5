"""Uses the packages as the functions do: the modules that this loads are compiled in the layer.

`make lock` runs it and writes the list, `compiled.txt`. Extend it when a function asks for something else.
"""

import importlib
import json
import pkgutil
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx2
import openai
import pydantic
import python_multipart
from openai.providers import bedrock

PACKAGES = (httpx2, pydantic, python_multipart)
"""Small packages. Which of their modules a function loads depends on what it is asked, so all are compiled."""
COMMAND_LINES = ("__main__", "_main", "mypy", "v1")
"""Modules of them that no function loads."""
SECONDS = 5


class _Model(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"] or 0))
        status = int(self.path.rpartition("/")[2]) if self.path[-3:].isdigit() else 200
        if status == 504:
            time.sleep(2 * SECONDS)
        kind, body = "application/json", json.dumps({"error": {"message": "no", "code": "no"}, "text": "a"}).encode()
        if b'"stream":true' in asked:
            kind, body = "text/event-stream", b'event: a\ndata: {"type": "a"}\n\ndata: [DONE]\n\n'
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # Whoever asked may have gone.
            self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Print nothing."""


def ask(url: str) -> None:
    """Send the requests that functions send; each kind of failure is met."""
    client = openai.OpenAI(api_key="sk-none", base_url=url, max_retries=0)
    client.post("/responses", content=b"{}", cast_to=bytes)
    client.post("/embeddings", body={"input": ["a"]}, cast_to=object)
    client.post(
        "/responses", body={"stream": True}, cast_to=object, stream=True, stream_cls=openai.Stream[object]
    ).close()
    client.post("/audio/speech", body={}, cast_to=openai.HttpxBinaryResponseContent).read()
    form: Any = {"headers": {"Content-Type": "multipart/form-data"}}
    client.post("/audio/transcriptions", body={"a": "b"}, files={"file": ("a", b"a")}, cast_to=object, options=form)
    with client.containers.files.content.with_streaming_response.retrieve("a", container_id="b") as answer:
        list(answer.iter_bytes())
    for status in (400, 401, 403, 404, 409, 422, 429, 500, 504):
        with suppress(openai.APIError):
            client.with_options(timeout=openai.Timeout(1)).post(f"/{status}", body={}, cast_to=object)
    with suppress(openai.APIConnectionError):
        client.with_options(base_url="http://127.0.0.1:9").get("/models", cast_to=object)
    bedrock(endpoint="runtime", region="eu-central-1")


def main() -> None:
    """Ask a model server that is part of this program, and import all of the small packages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    Thread(target=server.serve_forever, daemon=True).start()
    ask(f"http://127.0.0.1:{server.server_port}")
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(part in COMMAND_LINES for part in module.name.split(".")):
                importlib.import_module(module.name)


if __name__ == "__main__":
    main()
