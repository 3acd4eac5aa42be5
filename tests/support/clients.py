"""Connects clients to the running stack: the `openai` package, made strict.

Every answer, in every test, passes two checks:

- `StrictOpenAI` refuses an object that has a field which the package's own type does not know (documented extensions
  aside); strict validation refuses a field of the wrong type.
- `hold_against_schema` refuses a body that our own description of the API does not allow. It also sees that a field
  which the reference requires is absent; the package would make it None.
"""

import re
import time
from collections.abc import Generator
from functools import cache
from typing import Any

import httpx2
import openai
from openai.types import FileObject, VectorStore
from openai.types.audio import TranscriptionVerbose
from openai.types.beta import Assistant, Thread
from openai.types.beta.threads import Message, RequiredActionFunctionToolCall, Run
from openai.types.vector_stores import VectorStoreFile
from pydantic import BaseModel

from assistant_engine.schemas import responses
from local import up as local
from route_table import every_route
from routes import Route
from scripts.openapi import schema_of
from tests.support import spare_keys

EXTENSIONS: dict[type, set[str]] = {
    Assistant: {"assistant_type", "functions", "configuration", "reasoning_effort", "voice"},
    Message: {"audio"},
    Run: {"reasoning_effort"},
    RequiredActionFunctionToolCall: {"needs_approval"},
    Thread: {"usage", "cost"},
    FileObject: set(),
    VectorStore: {"description"},
    VectorStoreFile: {"warnings", "progress"},
    TranscriptionVerbose: {"task"},  # The reference has it.
}


OF_PAGES = {"object", "first_id", "last_id", "has_more", "next_page", "search_query"}
"""What the reference has pages say, of lists and of searches, and the package does not read."""


def hold_against_schema(response: httpx2.Response) -> None:
    """Fail unless the body is exactly what our description of the API says."""
    path = response.request.url.path.partition("/v1")[2]
    if path in ("/openapi.json", "/docs"):
        return  # They describe the rest, and not themselves.
    assert response.headers["x-request-id"]
    if response.headers["content-type"].startswith("text/"):
        return  # Its events are held against their types where they are read.
    text = response.read()
    if response.status_code >= 400:
        responses.ErrorResponse.model_validate_json(text)
        return
    method = response.request.method
    route = next(route for route, pattern in _routes() if route.method == method and pattern.fullmatch(path))
    if route.answer:
        schema_of(route.answer).model_validate_json(text)


@cache
def _routes() -> list[tuple[Route, re.Pattern[str]]]:
    """Return every route and what its path looks like. As in a router, a path without parameters goes first."""
    return [(route, route.pattern) for route in sorted(every_route(), key=lambda route: len(route.parameters))]


def only_known_fields(value: object) -> None:
    """Fail if an object of the package, or one in it, has a field that its type does not know."""
    if isinstance(value, BaseModel):
        unknown = set(value.model_extra or {}) - EXTENSIONS.get(type(value), set())
        assert unknown <= (OF_PAGES if hasattr(value, "data") else set()), (type(value), unknown)
        for name in value.model_fields_set:
            only_known_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            only_known_fields(item)


class StrictOpenAI(openai.OpenAI):
    """The package's client, refusing what its types do not know. It asks again where a new key is not known yet."""

    def request(self, *arguments: Any, **named: Any) -> Any:
        """Send a request as the package does."""
        while True:
            try:
                return super().request(*arguments, **named)
            except openai.AuthenticationError:
                if not spare_keys.unknown_seconds(self.api_key):
                    raise
                time.sleep(0.2)

    def _process_response(self, **arguments: Any) -> Any:
        parsed = super()._process_response(**arguments)
        only_known_fields(parsed)
        return parsed


class NewKey(httpx2.Auth):
    """Gives a client of HTTP a key, and asks again where a new one is not known yet."""

    requires_request_body = True

    def __init__(self, key: str) -> None:
        self._key = key

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response]:
        """Send a request until its key is known."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        while (yield request).status_code == 401 and spare_keys.unknown_seconds(self._key):
            time.sleep(0.2)


def connect(stack: local.Local, api_key: str) -> StrictOpenAI:
    """A client of the stack that does not try again."""
    return StrictOpenAI(
        base_url=stack.settings.get("ASSISTANTS_BASE_URL") or stack.outputs["ApiUrl"],
        api_key=api_key,
        max_retries=0,
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [hold_against_schema]}, timeout=60),
        _strict_response_validation=True,
    )


def until_known_everywhere(key: str) -> None:
    """Wait until each environment of the API's function reads a new key, for callers that don't ask again."""
    time.sleep(spare_keys.unknown_seconds(key))


def until_known(client: openai.OpenAI) -> None:
    """Wait until the API knows the client's new key; its clients go on to wait wherever it is not known yet."""
    spare_keys.note(client.api_key)
    client.models.list()


def upload(client: openai.OpenAI, name: str = "a.txt", data: bytes = b"The library lends books for four weeks.") -> str:
    return client.files.create(file=(name, data), purpose="assistants").id
