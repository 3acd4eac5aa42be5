"""The model call, against a server that answers as told: what comes back, and what is made of it."""

import json
import time
from email.utils import formatdate
from functools import cache
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.turn import Turn
from assistant_engine.domain.usage import Usage
from assistant_engine.model import client
from assistant_engine.model.response import UnusableResponse, read_turn
from tests.support.model_server import Behaviour, ModelServer, failure

ANYTHING: list[Any] = [None, 7, "text", [], {}]
NO_RESPONSE = "The model's server answered with something that is not a response."


def ask(server: ModelServer, behaviour: Behaviour, retries: int = 0) -> Json:
    server.when("Hello", [behaviour])
    return client.respond({"model": "some", "input": "Hello"}, "run_1/0/1", 30, retries, lambda: False)


def outcome(server: ModelServer, body: Any) -> Turn:
    return read_turn(ask(server, Behaviour(body=body)), "asst_1", "run_1", Seconds(9))


def response(*output: Any, **more: Any) -> Json:
    return {"status": "completed", "output": output, "usage": {"input_tokens": 7, "output_tokens": 3}, **more}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "30"}, 30),
        ({"retry-after": "29.2"}, 30),
        ({"retry-after": "3600"}, 3_600),
        ({"retry-after-ms": "29001", "retry-after": "90"}, 30),
        ({"retry-after-ms": "soon", "retry-after": "30"}, 30),
    ],
)
def test_retry_after_is_waited_for_whatever_the_jitter_says(
    server: ModelServer, headers: dict[str, str], seconds: int
) -> None:
    with pytest.raises(client.TryAgain) as busy:
        ask(server, failure(429, **headers))
    assert busy.value.wait_seconds == seconds


def test_retry_after_may_be_a_date(server: ModelServer) -> None:
    before = time.time()
    with pytest.raises(client.TryAgain) as busy:
        ask(server, failure(503, **{"retry-after": formatdate(before + 100, usegmt=True)}))
    assert before + 99 <= time.time() + busy.value.wait_seconds
    assert busy.value.wait_seconds <= 101


@pytest.mark.parametrize(
    "said", ["", "soon", "-5", "nan", "inf", "1e400", "Mon, 99 Foo 9999 99:99:99 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"]
)
def test_a_retry_after_that_says_nothing_leaves_the_jitter(server: ModelServer, said: str) -> None:
    with pytest.raises(client.TryAgain) as busy:
        ask(server, failure(429, **{"retry-after": said}))
    assert 1 <= busy.value.wait_seconds <= 2


@pytest.mark.parametrize(("retries", "most"), [(0, 2), (1, 4), (4, 32), (5, 60), (500, 60)])
def test_the_jitter_is_full_over_a_doubling_interval(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, retries: int, most: int
) -> None:
    for chance, seconds in ((0.0, 1), (1.0, most)):
        monkeypatch.setattr("random.uniform", lambda low, high, chance=chance: low + chance * (high - low))
        with pytest.raises(client.TryAgain) as busy:
            ask(server, failure(500), retries)
        assert busy.value.wait_seconds == seconds


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (failure(429), "rate_limit_exceeded"),
        (failure(500), "server_error"),
        (failure(503), "server_error"),
        (failure(408), "server_error"),
        (failure(409), "server_error"),
        (Behaviour(502, {"content-type": "text/html"}, b"<html></html>"), "server_error"),
        (Behaviour(body={"status": "failed", "error": {"code": "rate_limit_exceeded"}}), "rate_limit_exceeded"),
        (Behaviour(body={"status": "failed", "error": {"code": "server_error"}}), "server_error"),
        (Behaviour(close="before"), "server_error"),
        (Behaviour(body=b"x" * 1_000, close="within"), "server_error"),
        (Behaviour(body=b"no gzip", headers={"content-encoding": "gzip"}), "server_error"),
    ],
)
def test_what_may_pass_is_to_be_tried_again(server: ModelServer, behaviour: Behaviour, code: str) -> None:
    with pytest.raises(client.TryAgain) as busy:
        ask(server, behaviour)
    assert busy.value.code == code


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        *((failure(status), "invalid_prompt") for status in (400, 404, 413, 415, 422)),
        (failure(429, "insufficient_quota"), "rate_limit_exceeded"),
        (failure(304), "server_error"),
        (failure(401), "server_error"),
        (failure(403), "server_error"),
        (Behaviour(400, {}, {"error": "No."}), "invalid_prompt"),
        (Behaviour(400, {}, {"error": {"message": {"not": "text"}}}), "invalid_prompt"),
        (Behaviour(400, {}, b"[" * 100_000), "invalid_prompt"),
        (Behaviour(body={"status": "failed", "error": {"code": "invalid_image"}}), "invalid_prompt"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(server: ModelServer, behaviour: Behaviour, code: str) -> None:
    with pytest.raises(client.Refused) as refused:
        ask(server, behaviour)
    assert type(refused.value) is client.Refused
    assert refused.value.code == code


def test_the_words_of_the_server_are_cut_and_clean(server: ModelServer) -> None:
    with pytest.raises(client.Refused) as refused:
        ask(server, Behaviour(400, {}, {"error": {"message": "\ud800" * 5_000}}))
    assert refused.value.message == "\ufffd" * 1_000


def test_a_key_that_was_rotated_is_read_again_once(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.when("Hello", [Behaviour(body=response()), failure(401), Behaviour(body=response()), failure(401)])
    for key in ("sk-first", "sk-second"):
        monkeypatch.setattr(client, "_key", lambda key=key: key)
        client.respond({"input": "Hello"}, "run_1/0/1", 30, 0, lambda: False)
    with pytest.raises(client.Refused):
        client.respond({"input": "Hello"}, "run_1/0/1", 30, 0, lambda: False)
    given = [request.headers["authorization"] for request in server.journal]
    assert given == ["Bearer sk-first", "Bearer sk-first", "Bearer sk-second", "Bearer sk-second"]


def test_bedrock_is_asked_with_the_signature_of_the_function_s_role(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(200, json=response())

    connections = cache(lambda: httpx2.Client(transport=httpx2.MockTransport(answer)))
    monkeypatch.setattr(client, "connections", connections)
    role = {"AWS_ACCESS_KEY_ID": "ASIAROLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "session"}
    for name, value in {"MODEL_PROVIDER": "bedrock", "AWS_REGION": "eu-central-1", **role}.items():
        monkeypatch.setenv(name, value)
    client._client.cache_clear()
    try:
        answered = client.respond({"input": "Hello"}, "run_1/0/1", 30, 0, lambda: False)
    finally:
        client._client.cache_clear()
    assert answered["status"] == "completed"
    [request] = asked
    assert (request.url.scheme, request.url.host) == ("https", "bedrock-runtime.eu-central-1.amazonaws.com")
    assert request.url.path.endswith("/responses") and json.loads(request.content) == {"input": "Hello"}
    signature = request.headers["authorization"]
    assert signature.startswith("AWS4-HMAC-SHA256 Credential=ASIAROLE/") and "/eu-central-1/bedrock/" in signature
    assert request.headers["x-amz-security-token"] == "session"


def unsupported(name: str, message: str = "", param: str | None = None, code: str | None = None) -> Behaviour:
    """A refusal of a sampling parameter, as OpenAI words it unless told otherwise."""
    words = message or f"Unsupported parameter: '{name}' is not supported with this model."
    error = {"message": words, "type": "invalid_request_error", "param": param, "code": code}
    return Behaviour(400, {}, {"error": error})


@pytest.mark.parametrize(
    "refusal",
    [
        unsupported("temperature", param="temperature"),
        unsupported("temperature", param="temperature", code="unsupported_parameter"),
        unsupported(
            "temperature", "'temperature' does not support 0.8 with this model. Only the default is supported."
        ),
        Behaviour(400, {}, {"message": "ValidationException: `temperature` is deprecated for this model."}),
        Behaviour(400, {}, {"error": {"message": "Sorry.", "param": "temperature", "code": "unsupported_value"}}),
    ],
)
def test_a_model_that_takes_no_temperature_is_asked_without_and_remembered(
    server: ModelServer, refusal: Behaviour
) -> None:
    body = {"model": "reasons", "input": "Hello", "temperature": 0.2, "top_p": 0.5, "reasoning": {"effort": "low"}}
    server.when("Hello", [refusal, Behaviour(body=response())])
    assert client.respond(body, "run_1/0/1", 30, 0, lambda: False)["status"] == "completed"
    server.when("Hello", [Behaviour(body=response())] * 2)
    client.respond(body, "run_1/1/2", 30, 0, lambda: False)
    client.respond({**body, "reasoning": {"effort": "none"}}, "run_1/2/3", 30, 0, lambda: False)
    sent = [[name for name in ("temperature", "top_p") if name in request.body] for request in server.journal]
    assert sent == [["temperature", "top_p"], ["top_p"], ["top_p"], ["temperature", "top_p"]]


def test_a_model_may_refuse_one_sampling_parameter_after_the_other(server: ModelServer) -> None:
    refusals = [unsupported(name, param=name) for name in ("temperature", "top_p")]
    server.when("Hello", [*refusals, Behaviour(body=response())])
    body = {"model": "reasons", "input": "Hello", "temperature": 0.2, "top_p": 0.5}
    assert client.respond(body, "run_1/0/1", 30, 0, lambda: False)["status"] == "completed"
    assert len(server.journal) == 3


@pytest.mark.parametrize(
    "refusal",
    [
        unsupported("temperature", "Invalid 'temperature': decimal above maximum value.", param="temperature"),
        unsupported("tools", param="tools"),
        unsupported("top_p", param="top_p"),
        Behaviour(422, {}, unsupported("temperature", param="temperature").body),
    ],
)
def test_what_else_is_refused_is_not_asked_again(server: ModelServer, refusal: Behaviour) -> None:
    server.when("Hello", [refusal, Behaviour(body=response())])
    with pytest.raises(client.Refused):
        client.respond({"model": "some", "input": "Hello", "temperature": 0.2}, "run_1/0/1", 30, 0, lambda: False)
    assert len(server.journal) == 1


GONE: dict[str, tuple[int, dict[str, Any]]] = {
    "OpenAI": (404, {"message": "The model `x` does not exist.", "param": None, "code": "model_not_found"}),
    "OpenAI, 400": (400, {"message": "The requested model 'x' does not exist.", "code": "model_not_found"}),
    "OpenAI, retired": (
        404,
        {"message": "The model `x` has been deprecated, learn more here: https://e.org", "code": "model_not_found"},
    ),
    "OpenAI, no access": (403, {"message": "Project `p` does not have access to model `x`", "code": "model_not_found"}),
    "Azure": (404, {"message": "The API deployment for this resource does not exist.", "code": "DeploymentNotFound"}),
    "Azure, retired": (410, {"message": "The model is retired.", "code": "ModelDeprecated"}),
    "any": (410, {"message": "Gone."}),
    "Bedrock": (404, {"message": "This model version has reached the end of its life. Please refer to ..."}),
    "Bedrock, unknown": (400, {"message": "The provided model identifier is invalid."}),
    "Bedrock, legacy": (404, {"message": "Access denied. This Model is marked by provider as Legacy and ..."}),
    "vLLM": (404, {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}),
    "Ollama": (404, {"message": 'model "x" not found, try pulling it first', "type": "not_found_error"}),
}


@pytest.mark.parametrize("provider", GONE)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("o4-mini-2025-04-16", "was switched off by its provider on 2026-10-23"),
        ("gpt-6-luna", "does not exist at the model's provider, or this deployment may not use it"),
        ("my-model", "does not exist at the model's provider, or this deployment may not use it"),
    ],
)
def test_a_model_that_is_gone_is_named_with_the_day_and_what_to_do(
    server: ModelServer, provider: str, name: str, said: str
) -> None:
    status, error = GONE[provider]
    server.when("Hello", [Behaviour(status, {}, {"error": error})])
    with pytest.raises(client.Refused) as refused:
        client.respond({"model": name, "input": "Hello"}, "run_1/0/1", 30, 0, lambda: False)
    assert type(refused.value) is client.Refused
    assert refused.value.code == "invalid_prompt"
    message = refused.value.message
    assert message.startswith(f"The model '{name}' {said}. Name another model in the assistant or the run;")
    assert message.endswith(f"The provider says: {error['message']}")
    assert len(server.journal) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, {"message": "Not Found"}),
        (404, {"message": "Item 'rs_1' not found.", "param": "input"}),
        (400, {"message": "This model's maximum context length is 128000 tokens."}),
        (400, {"message": "The parameter 'x' of this model is deprecated.", "param": "x"}),
        (400, {"message": "Image file-1 of the model does not exist.", "param": "input[0]"}),
        (429, {"message": "The model is no longer available to you today.", "code": "rate_limit_exceeded"}),
    ],
)
def test_what_is_wrong_otherwise_is_the_server_s_own_words(
    server: ModelServer, status: int, error: dict[str, str]
) -> None:
    with pytest.raises(client.Refused) as refused:
        ask(server, Behaviour(status, {}, {"error": error}))
    assert refused.value.message == error["message"]


@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_server_that_repeats_the_key_is_not_quoted(server: ModelServer, status: int) -> None:
    with pytest.raises(client.Refused) as refused:
        ask(server, Behaviour(status, {}, {"error": {"message": "There is no key sk-first."}}))
    assert refused.value.message == f"The model's server answered with status {status}."


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Hello</html>",
        b'{"status": "completed", "output": [',
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b'"completed"',
        b"[" * 100_000,
        b'{"status": "completed", "output": [], "usage": {"input_tokens": ' + b"7" * 5_000 + b"}}",
        b'{"status": "completed", "output": [' + b" " * 3_000_000 + b"]}",
        {"error": {"message": "Something is wrong."}},
        {"error": "Something is wrong."},
        {"status": "completed"},
        {"output": []},
        *(response(status=status) for status in ["queued", "in_progress", "cancelled", *ANYTHING]),
        *({"status": "completed", "output": output} for output in ANYTHING if output != []),
        *({"status": "failed", "error": error} for error in [*ANYTHING, {"code": 7}, {"message": "No."}]),
    ],
)
def test_what_is_no_response_is_refused(server: ModelServer, body: Any) -> None:
    with pytest.raises(client.Refused) as refused:
        outcome(server, body)
    assert (refused.value.code, refused.value.message) == ("server_error", NO_RESPONSE)


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, Usage()),
        ([], Usage()),
        ("text", Usage()),
        ({}, Usage()),
        ({"input_tokens": 5}, Usage(5, 0)),
        ({"input_tokens": None, "output_tokens": 5}, Usage(0, 5)),
        ({"input_tokens": -5, "output_tokens": 5}, Usage(0, 5)),
        ({"input_tokens": "5", "output_tokens": [5]}, Usage()),
        ({"input_tokens": 5.0, "output_tokens": 5.9}, Usage(5, 5)),
        ({"input_tokens": 10**40, "output_tokens": 5}, Usage(0, 5)),
        ({"input_tokens": float("nan"), "output_tokens": float("inf")}, Usage()),
        ({"input_tokens": 1e300, "output_tokens": -0.0}, Usage()),
    ],
)
def test_usage_that_makes_no_sense_counts_as_none(server: ModelServer, usage: Any, counted: Usage) -> None:
    turn = outcome(server, response(usage=usage))
    assert (turn.status, turn.usage) == ("completed", counted)


@pytest.mark.parametrize(
    "output",
    [
        [],
        [*ANYTHING, {"type": None}],
        [{"type": "unheard of", "text": "Hello"}],
        [{"type": "reasoning", "summary": []}],
        *([{"type": "message", "content": content}] for content in [*ANYTHING, ANYTHING]),
        *(
            [{"type": "message", "content": [{"type": "output_text", "text": text}]}]
            for text in ANYTHING
            if text != "text"
        ),
        [{"type": "message", "content": [{"type": "refusal"}, {"type": "output_text"}]}],
        [{"type": "message"}],
    ],
)
@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_what_says_nothing_is_an_empty_message(server: ModelServer, status: str, output: list[Any]) -> None:
    turn = outcome(server, response(*output, status=status))
    assert (turn.status, turn.calls) == (status, [])
    assert turn.message is not None
    assert turn.message["content"] == [{"type": "text", "text": {"value": "", "annotations": []}}]


@pytest.mark.parametrize("name", [value for value in ANYTHING if value != "text"])
def test_a_call_without_name_or_arguments_is_unusable(server: ModelServer, name: Any) -> None:
    call = {"type": "function_call", "call_id": "call_a"}
    for bad in (call, {**call, "name": "f"}, {**call, "name": "f", "arguments": name}, {**call, "name": name}):
        with pytest.raises(UnusableResponse):
            outcome(server, response(bad))
        # Cut off, it is not carried out, and nothing is wrong.
        assert outcome(server, response(bad, status="incomplete")).status == "incomplete"
