"""The model that the local stack calls: servers without a key, what a server says of itself, no stack as a model."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local import given, model_choice
from local.model_choice import ModelChoice
from local.processes import LocalError, free_port
from tests.support.loopback_server import serving


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "MODEL_ALIASES", "EMBEDDING_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(given, "ROOT", tmp_path)


@contextmanager
def _server(answers: dict[str, tuple[int, Any]]) -> Iterator[str]:
    """A server that answers GETs by their paths; the address of its API."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, {}))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as origin:
        yield f"{origin}/v1"


def test_a_server_without_a_key_is_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert model_choice.chosen() is None
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port(4200)}/v1")
    monkeypatch.setenv("OPENAI_MODEL", "llama3.2")
    monkeypatch.setenv("MODEL_ALIASES", "*=llama3.2")
    choice = model_choice.chosen()
    assert choice and (choice.key, choice.model) == (model_choice.NO_KEY, "llama3.2")
    assert choice.context == {
        "model": "llama3.2",
        "model_aliases": "*=llama3.2",
        "model_base_url": choice.base_url,
    }


def test_a_file_names_the_model_and_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("# a comment\nexport OPENAI_API_KEY='sk-of-file'\nOPENAI_MODEL=of-file\n")
    monkeypatch.setenv("OPENAI_MODEL", "of-environment")
    assert model_choice.chosen() == ModelChoice("sk-of-file", "", "of-environment")


def test_a_stack_is_no_model_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {"/v1/openapi.json": (200, {"info": {"title": "Assistants API"}, "paths": {"/assistants": {}}})}
    with _server(ours) as address:
        for url in (
            address,
            "http://127.0.0.1:4566/_aws/execute-api/abc123/v1",
            "http://abc123.execute-api.localhost:4566/v1",
            "https://abc123.execute-api.eu-west-1.amazonaws.com/v1",
        ):
            monkeypatch.setenv("OPENAI_BASE_URL", url)
            with pytest.raises(LocalError, match="A stack can't be its own model"):
                model_choice.chosen()
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-oae-of-the-stack")
    with pytest.raises(LocalError, match="is a key of this project's API"):
        model_choice.chosen()


MODELS = {"object": "list", "data": [{"id": "llama3.2:latest"}, {"id": "qwen3"}]}


@pytest.mark.parametrize(
    ("answer", "model", "said"),
    [
        ((200, MODELS), "llama3.2", "has the model llama3.2."),
        ((200, MODELS), "gpt-4o", "has no model gpt-4o: runs on it will fail. It has llama3.2:latest, qwen3."),
        ((200, MODELS), "", "has 2 models. Set OPENAI_MODEL"),
        ((401, {}), "x", "refuses the key (status 401)"),
        ((404, {}), "x", "answers, but lists no models (status 404"),
        ((200, b"<html>"), "x", "answers, but lists no models (status 200"),
        ((503, {}), "x", "answers, but lists no models (status 503"),
    ],
)
def test_what_a_server_says_of_itself_is_reported(answer: tuple[int, Any], model: str, said: str) -> None:
    with _server({"/v1/models": answer}) as address:
        assert said in model_choice.found(ModelChoice("secret-key", address, model))
        assert "secret" not in model_choice.found(
            ModelChoice("secret-key", address.replace("//", "//u:secret@"), model)
        )


def test_a_server_that_is_down_is_reported() -> None:
    address = f"http://127.0.0.1:{free_port(4230)}/v1"
    said = model_choice.found(ModelChoice("none", address, "llama3.2"))
    assert said.startswith(f"The model's server at {address} does not answer (Connection refused)")
