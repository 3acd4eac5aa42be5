"""The embedding model's client against a server that does as it is told."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from assistant_engine.search import embeddings
from assistant_engine.search.embeddings import EmbeddingBusy, EmbeddingError, embed
from tests.support.loopback_server import serving

SETTINGS = {"model": "small", "dimensions": 0}


class Server(ThreadingHTTPServer):
    """Answers with the statuses it is given, one after the other, and then with vectors."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.bodies: list[dict[str, Any]] = []
        self.answer: Any = None


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append({**body, "path": self.path, "key": self.headers["Authorization"]})
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        rows = [{"index": n, "embedding": [float(len(text)), 1.0]} for n, text in enumerate(body["input"])]
        answer = self.server.answer or ({"data": rows[::-1]} if status == 200 else {"error": {"message": "key sk-1"}})
        encoded = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "0.01")  # The openai package takes 0 for no answer.
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()
    with serving(made) as origin:
        monkeypatch.setenv("EMBEDDING_PROVIDER", "openai")
        monkeypatch.setenv("EMBEDDING_BASE_URL", f"{origin}/v1")
        monkeypatch.setattr(embeddings, "_key", lambda: "secret")
        embeddings._client.cache_clear()
        yield made
    embeddings._client.cache_clear()


def test_vectors_come_in_the_order_of_the_texts(server: Server) -> None:
    assert embed(["a", "bb", "ccc"], SETTINGS, "document") == [[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]]
    [body] = server.bodies
    assert (body["path"], body["key"], body["model"]) == ("/v1/embeddings", "Bearer secret", "small")
    assert "dimensions" not in body
    embed(["a"], {"model": "large", "dimensions": 256}, "query")
    assert server.bodies[-1]["dimensions"] == 256


def test_many_texts_go_in_several_requests(server: Server) -> None:
    texts = [str(number) for number in range(600)]
    assert [length for length, _ in embed(texts, SETTINGS, "document")] == [len(text) for text in texts]
    assert sorted(len(body["input"]) for body in server.bodies) == [24, *[96] * 6]
    server.bodies.clear()
    embed(["x" * 30_000] * 5, SETTINGS, "document")
    assert sorted(len(body["input"]) for body in server.bodies) == [1, 2, 2]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_model_is_asked_again(server: Server, status: int) -> None:
    server.statuses = [status, status]
    assert embed(["a"], SETTINGS, "document") == [[1.0, 1.0]]
    assert len(server.bodies) == 3


def test_a_model_that_stays_busy_is_busy(server: Server) -> None:
    server.statuses = [503] * 9
    with pytest.raises(EmbeddingBusy):
        embed(["a"], SETTINGS, "query")
    assert len(server.bodies) == 2


@pytest.mark.parametrize(("status", "words"), [(401, "does not accept the key"), (400, "status 400")])
def test_a_refusal_is_final_and_repeats_no_key(server: Server, status: int, words: str) -> None:
    server.statuses = [status] * 9
    with pytest.raises(EmbeddingError, match=words) as refused:
        embed(["a"], SETTINGS, "query")
    assert not isinstance(refused.value, EmbeddingBusy)
    assert "sk-1" not in str(refused.value)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("answer", [{"data": []}, {"data": [{"index": 0}]}, {"rows": 1}, [1], "text"])
def test_what_is_no_embedding_is_an_error(server: Server, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(EmbeddingError):
        embed(["a"], SETTINGS, "query")


@pytest.mark.parametrize(
    ("model", "kind", "bodies", "answers"),
    [
        (
            "amazon.titan-embed-text-v2:0",
            "query",
            [{"inputText": "a", "dimensions": 256}, {"inputText": "b", "dimensions": 256}],
            [{"embedding": [1.0]}, {"embedding": [2.0]}],
        ),
        (
            "cohere.embed-multilingual-v3",
            "document",
            [{"texts": ["a", "b"], "input_type": "search_document", "truncate": "END"}],
            [{"embeddings": [[1.0], [2.0]]}],
        ),
        (
            "cohere.embed-v4:0",
            "query",
            [{"texts": ["a", "b"], "input_type": "search_query", "truncate": "END"}],
            [{"embeddings": {"float": [[1.0], [2.0]]}}],
        ),
    ],
)
def test_bedrock_is_asked_in_its_models_own_way(
    monkeypatch: pytest.MonkeyPatch, model: str, kind: Any, bodies: list[Any], answers: list[Any]
) -> None:
    monkeypatch.setenv("EMBEDDING_PROVIDER", "bedrock")
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    asked = []

    def invoke(modelId: str, body: str) -> Any:
        asked.append(json.loads(body))
        answer = answers[bodies.index(json.loads(body))]
        return {"body": type("Body", (), {"read": lambda self: json.dumps(answer)})()}

    monkeypatch.setattr(client, "invoke_model", invoke)
    monkeypatch.setattr(embeddings, "_bedrock_client", lambda: client)
    settings = {"model": model, "dimensions": 256 if "titan" in model else 0}
    assert embed(["a", "b"], settings, kind) == [[1.0], [2.0]]
    assert sorted(map(str, asked)) == sorted(map(str, bodies))


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [("ThrottlingException", 429, EmbeddingBusy), ("ValidationException", 400, EmbeddingError)],
)
def test_bedrock_s_refusals_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: type[Exception]
) -> None:
    monkeypatch.setenv("EMBEDDING_PROVIDER", "bedrock")
    client = boto3.client("bedrock-runtime", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    monkeypatch.setattr(embeddings, "_bedrock_client", lambda: client)
    with Stubber(client) as stub:
        stub.add_client_error("invoke_model", code, "what was said", status)
        with pytest.raises(EmbeddingError) as refused:
            embed(["a"], {"model": "amazon.titan-embed-text-v2:0", "dimensions": 0}, "query")
    assert type(refused.value) is error
    assert "what was said" not in str(refused.value)
