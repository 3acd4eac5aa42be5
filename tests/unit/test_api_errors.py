"""Checks how the API's function answers an unexpected error: in the API's shape, without anybody's text in the log."""

import json
import logging
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

import api
from assistant_engine.domain.errors import ApiError, MethodNotAllowed, Unauthorized, Unavailable
from assistant_engine.runtime import settings
from assistant_engine.runtime.api_keys import Keys
from route_table import every_route
from routes import Route


def get(path: str, method: str = "GET") -> tuple[int, dict[str, Any], dict[str, str]]:
    """The status, body and headers of an answer."""
    event = {
        "path": path.removeprefix("/v1"),
        "httpMethod": method,
        "headers": {"Authorization": "Bearer key"},
        "multiValueHeaders": {"Authorization": ["Bearer key"]},
        "requestContext": {"requestId": "request-1", "stage": "v1", "path": path},
        "isBase64Encoded": False,
    }
    answer = api.handler(event, None)
    return answer["statusCode"], json.loads(answer["body"]), answer["headers"]


def aws_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret words"}}, "GetItem")


class Anyone:
    """Lets every key through."""

    def check(self, authorization: str | None) -> None:
        pass


@pytest.fixture(autouse=True)
def open_to_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "keys", Anyone)


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (aws_error("ThrottlingException"), 429, "requests"),
        (aws_error("InternalServerError"), 503, "server_error"),
        (ReadTimeoutError(endpoint_url="secret words"), 503, "server_error"),
        (aws_error("ValidationException"), 500, "server_error"),
        (ValueError("secret words"), 500, "server_error"),
    ],
)
def test_what_is_unexpected_is_told_without_its_message(
    error: Exception, status: int, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(api, "store", fail)
    with caplog.at_level(logging.DEBUG):
        answered, body, headers = get("/v1/assistants/asst_1")
    assert answered == status and body["error"]["type"] == kind
    assert headers["x-request-id"] == "request-1"
    assert "secret words" not in json.dumps(body) + caplog.text
    assert "request-1" in caplog.text and "in fail" in caplog.text


@pytest.mark.parametrize("route", every_route(), ids=lambda route: route.name)
def test_every_route_is_served(route: Route, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever is asked for first: most modules of routes are imported when a request needs them."""

    def reached() -> None:
        raise ValueError

    monkeypatch.setattr(api, "store", reached)
    monkeypatch.setenv("HOSTED_TOOLS", "")
    get("/v1" + re.sub(r"{\w+(:path)?}", "name_1", route.path), route.method)
    assert "in reached" in caplog.text


@pytest.mark.parametrize("path", ["/v1/nothing", "/openai/nothing", "/v1/assistants/a/b", "/v1", "/v1/"])
def test_an_unknown_url_is_named(path: str) -> None:
    answered, body, _ = get(path)
    assert (answered, body["error"]["message"]) == (404, f"Invalid URL (GET {path})")


def test_a_wrong_method_is_told_the_right_ones() -> None:
    status, _, headers = get("/v1/assistants/asst_1", "PUT")
    assert (status, headers["Allow"]) == (405, "DELETE, GET, POST")


def test_nobody_without_a_key_learns_which_urls_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nobody:
        def check(self, authorization: str | None) -> None:
            raise Unauthorized("no")

    monkeypatch.setattr(api, "keys", Nobody)
    assert [get(path)[0] for path in ("/v1/models", "/v1/nothing")] == [401, 401]


@pytest.mark.parametrize(
    ("auth", "signed", "key", "status"),
    [
        ("iam", True, "", 404),
        ("iam", True, "sk-oae-wrong", 401),
        ("iam", False, "", 401),
        ("key", True, "", 401),
    ],
)
def test_a_signature_counts_where_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, auth: str, signed: bool, key: str, status: int
) -> None:
    monkeypatch.setenv("API_AUTH", auth)
    settings.forget()
    monkeypatch.setattr(api, "keys", lambda: Keys(lambda: None))
    headers = {"Authorization": ["AWS4-HMAC-SHA256 Credential=..."], **({"api-key": [key]} if key else {})}
    identity = {"userArn": "arn:aws:iam::123456789012:user/ada" if signed else None}
    context = {"requestId": "request-1", "stage": "v1", "path": "/v1/nothing", "identity": identity}
    event = {"path": "/nothing", "httpMethod": "GET", "headers": {}, "multiValueHeaders": headers, "body": None}
    answer = api.handler({**event, "requestContext": context, "isBase64Encoded": False}, None)
    assert answer["statusCode"] == status
    settings.forget()


def test_every_error_of_the_tree_has_a_status_of_its_own() -> None:
    statuses = [error.status for error in ApiError.__subclasses__()]
    assert len(set(statuses)) == len(statuses)
    assert {MethodNotAllowed.status, Unavailable.status} <= set(statuses)


def test_where_file_search_is_the_provider_s_so_are_the_vector_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTED_TOOLS", "file_search")
    status, answer, _ = get("/v1/vector_stores/vs_1/files")
    assert (status, answer["error"]["code"]) == (400, "unsupported_value")
    assert "Make the vector store there" in answer["error"]["message"]
