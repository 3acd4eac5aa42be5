"""Requests to every route of the API, which name objects of a project where the route or its body takes ids."""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from assistant_engine.domain.json_data import Json
from route_table import every_route

USER = f"user-{uuid.uuid4()}"
"""One `user_id` that every project has threads of."""

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Example:
    """A valid request to a route: `{assistant_id}` and the like stand for ids, in its path, its query and its body.

    Attributes:
        route: method and path, as the route declares them.
        file: the name of the field that holds a form's file; the body is then the form's fields.
    """

    route: str
    body: Json | None = None
    query: dict[str, str] = field(default_factory=dict)
    file: str = ""

    @property
    def names(self) -> list[str]:
        """The ids that it takes."""
        return sorted(set(_PLACE.findall(self.route + json.dumps([self.body, self.query]))))

    def send(
        self, client: httpx2.Client, ids: Mapping[str, str], headers: Mapping[str, str], content: bytes | None = None
    ) -> httpx2.Response:
        """Send it with these ids; `content` takes the place of its body. Return the answer, whatever its status."""

        def filled(text: str) -> str:
            return _PLACE.sub(lambda found: ids[found[1]], text)

        method, path = filled(self.route.replace("{model:path}", "a/model")).split(" ")
        sent: dict[str, Any] = {}
        if content is not None:
            sent = {"content": content}
        elif self.file:
            sent = {"data": self.body, "files": {self.file: ("part.txt", b"mine")}}
        elif method == "POST":
            sent = {"json": json.loads(filled(json.dumps(self.body or {})))}
        query = json.loads(filled(json.dumps(self.query)))
        return client.request(method, path, params=query, headers=dict(headers), **sent)


_MESSAGE = {"role": "user", "content": "Hello"}
_IMAGE = {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "{file_id}"}}]}
_SOUND = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"file_id": "{file_id}"}}]}
_ATTACHMENT = {**_MESSAGE, "attachments": [{"file_id": "{file_id}", "tools": [{"type": "code_interpreter"}]}]}
_RESOURCES = {
    "code_interpreter": {"file_ids": ["{file_id}"]},
    "file_search": {"vector_store_ids": ["{vector_store_id}"]},
}
_NEW_STORE = {"file_search": {"vector_stores": [{"file_ids": ["{file_id}"]}]}}
_SEARCHED = {**_MESSAGE, "attachments": [{"file_id": "{file_id}", "tools": [{"type": "file_search"}]}]}
_OUTPUTS = [{"tool_call_id": "{tool_call_id}", "output": "mine"}]
_M = "/threads/{thread_id}/messages"
_R = "/threads/{thread_id}/runs"
_V = "/vector_stores/{vector_store_id}"
_B = f"{_V}/file_batches/{{batch_id}}"

EXAMPLES = [
    *(Example(f"{route.method} {route.path}") for route in every_route() if route.method != "POST"),
    Example("POST /assistants", {"model": "m", "tool_resources": _RESOURCES}),
    Example("POST /assistants", {"model": "m", "tool_resources": _NEW_STORE}),
    Example("GET /assistants", query={"after": "{assistant_id}"}),
    Example("POST /assistants/{assistant_id}", {"name": "mine"}),
    Example("POST /assistants/{assistant_id}", {"tool_resources": _RESOURCES}),
    Example("POST /threads", {"tool_resources": _RESOURCES}),
    Example("POST /threads", {"messages": [_MESSAGE, _IMAGE]}),
    Example("POST /threads", {"messages": [_ATTACHMENT]}),
    Example("POST /threads", {"messages": [_SEARCHED]}),
    Example("POST /threads", {"tool_resources": _NEW_STORE}),
    Example("GET /threads", query={"after": "{thread_id}", "user_id": USER}),
    Example("GET /threads", query={"assistant_id": "{assistant_id}"}),
    Example("GET /threads", query={"assistant_id": "{assistant_id}", "user_id": USER}),
    Example("POST /threads/{thread_id}", {"metadata": {"user_id": "me"}}),
    Example("POST /threads/{thread_id}", {"tool_resources": _RESOURCES}),
    Example("POST /threads/{thread_id}", {}),
    Example(f"POST {_M}", _MESSAGE),
    Example(f"POST {_M}", _IMAGE),
    Example(f"POST {_M}", _ATTACHMENT),
    Example(f"POST {_M}", _SEARCHED),
    Example(f"GET {_M}", query={"run_id": "{run_id}"}),
    Example(f"GET {_M}", query={"before": "{message_id}"}),
    Example(f"POST {_M}/{{message_id}}", {"metadata": {"whose": "mine"}}),
    Example(f"POST {_M}/{{message_id}}", {}),
    Example(f"POST {_R}", {"assistant_id": "{assistant_id}"}),
    Example(f"POST {_R}", {"assistant_id": "{assistant_id}", "additional_messages": [_IMAGE]}),
    Example("POST /threads/runs", {"assistant_id": "{assistant_id}"}),
    Example("POST /threads/runs", {"assistant_id": "{assistant_id}", "thread": {"messages": [_ATTACHMENT]}}),
    Example("POST /threads/runs", {"assistant_id": "{assistant_id}", "thread": {"tool_resources": _RESOURCES}}),
    Example("POST /threads/runs", {"assistant_id": "{assistant_id}", "tool_resources": _RESOURCES}),
    Example(f"GET {_R}", query={"after": "{run_id}"}),
    Example("GET /runs", query={"after": "{run_id}"}),
    Example("GET /runs", query={"assistant_id": "{assistant_id}", "user_id": USER}),
    Example(f"POST {_R}/{{run_id}}", {"metadata": {"whose": "mine"}}),
    Example(f"POST {_R}/{{run_id}}", {}),
    Example(f"POST {_R}/{{run_id}}/cancel", {}),
    Example(f"POST {_R}/{{run_id}}/submit_tool_outputs", {"tool_outputs": _OUTPUTS}),
    Example(f"GET {_R}/{{run_id}}/steps", query={"after": "{step_id}"}),
    Example(f"POST {_M}", _SOUND),
    Example("POST /audio/transcriptions", {"model": "m"}, file="file"),
    Example("POST /audio/speech", {"model": "m", "voice": "alloy", "input": "Hello"}),
    Example("POST /files", {"purpose": "assistants"}, file="file"),
    Example("GET /files", query={"after": "{file_id}"}),
    Example("POST /uploads", {"bytes": 4, "filename": "a", "mime_type": "text/plain", "purpose": "assistants"}),
    Example("POST /uploads/{upload_id}/parts", {}, file="data"),
    Example("POST /uploads/{upload_id}/complete", {"part_ids": ["{part_id}"]}),
    Example("POST /uploads/{upload_id}/cancel", {}),
    Example("POST /fine_tuning/exports", {"assistant_id": "{assistant_id}"}),
    Example("GET /fine_tuning/exports", query={"after": "{export_id}"}),
    Example("POST /vector_stores", {"file_ids": ["{file_id}"]}),
    Example("GET /vector_stores", query={"after": "{vector_store_id}"}),
    Example(f"POST {_V}", {"name": "mine"}),
    Example(f"POST {_V}/search", {"query": "Hello"}),
    Example(f"POST {_V}/files", {"file_id": "{file_id}"}),
    Example(f"GET {_V}/files", query={"after": "{file_id}"}),
    Example(f"POST {_V}/files/{{file_id}}", {"attributes": {"whose": "mine"}}),
    Example(f"POST {_V}/file_batches", {"file_ids": ["{file_id}"]}),
    Example(f"POST {_B}/cancel", {}),
    Example(f"GET {_B}/files", query={"before": "{file_id}"}),
    Example("GET /usage", query={"thread_id": "{thread_id}"}),
    Example("GET /usage", query={"assistant_id": "{assistant_id}"}),
    Example("GET /usage", query={"group_by": "assistant_id"}),
]
"""At least one for each route; those of a route without a body follow from its declaration."""
