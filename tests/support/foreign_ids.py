"""Lists requests that name objects of a project: each route with the ids that it takes."""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx2
import openai

from api import ROUTES
from assistant_engine.domain.json_data import Json

USER = f"user-{uuid.uuid4()}"
"""One `user_id` that every project has threads of."""


@dataclass(frozen=True)
class Case:
    """A request to a route: `{assistant_id}` and the like stand for ids, in its path, its query string and its body."""

    route: str
    body: Json | None = None
    query: dict[str, str] = field(default_factory=dict)
    part: bool = False

    @property
    def names(self) -> list[str]:
        """The ids that it takes."""
        return sorted(set(re.findall(r"\{(\w+)\}", self.route + json.dumps([self.body, self.query]))))

    def ask(self, client: openai.OpenAI, named: dict[str, str]) -> httpx2.Response:
        """Send it with these ids; the answer, whatever its status."""

        def filled(text: str) -> str:
            return re.sub(r"\{(\w+)\}", lambda match: named[match[1]], text)

        method, path = filled(self.route).split(" ")
        body = json.loads(filled(json.dumps(self.body)))
        options: Any = {"params": json.loads(filled(json.dumps(self.query)))}
        files: Any = [("data", ("part", b"mine"))] if self.part else None
        if self.part:
            options["headers"] = {"Content-Type": "multipart/form-data"}
        try:
            if method == "GET":
                return client.get(path, cast_to=httpx2.Response, options=options)
            if method == "DELETE":
                return client.delete(path, cast_to=httpx2.Response, options=options)
            return client.post(path, cast_to=httpx2.Response, body=body, files=files, options=options)
        except openai.APIStatusError as error:
            return error.response


_MESSAGE = {"role": "user", "content": "Hello"}


_IMAGE = {"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": "{file_id}"}}]}


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


CASES = [
    *(
        Case(f"{route.method} {route.path}")
        for route in ROUTES
        if route.method != "POST" and route.parameters and route.tag != "Models"
    ),
    Case("POST /assistants", {"model": "m", "tool_resources": _RESOURCES}),
    Case("POST /assistants", {"model": "m", "tool_resources": _NEW_STORE}),
    Case("GET /assistants", query={"after": "{assistant_id}"}),
    Case("POST /assistants/{assistant_id}", {"name": "mine"}),
    Case("POST /assistants/{assistant_id}", {"tool_resources": _RESOURCES}),
    Case("POST /threads", {"tool_resources": _RESOURCES}),
    Case("POST /threads", {"messages": [_MESSAGE, _IMAGE]}),
    Case("POST /threads", {"messages": [_ATTACHMENT]}),
    Case("POST /threads", {"messages": [_SEARCHED]}),
    Case("POST /threads", {"tool_resources": _NEW_STORE}),
    Case("GET /threads", query={"after": "{thread_id}", "user_id": USER}),
    Case("GET /threads", query={"assistant_id": "{assistant_id}"}),
    Case("GET /threads", query={"assistant_id": "{assistant_id}", "user_id": USER}),
    Case("POST /threads/{thread_id}", {"metadata": {"user_id": "me"}}),
    Case("POST /threads/{thread_id}", {"tool_resources": _RESOURCES}),
    Case("POST /threads/{thread_id}", {}),
    Case(f"POST {_M}", _MESSAGE),
    Case(f"POST {_M}", _IMAGE),
    Case(f"POST {_M}", _ATTACHMENT),
    Case(f"POST {_M}", _SEARCHED),
    Case(f"GET {_M}", query={"run_id": "{run_id}"}),
    Case(f"GET {_M}", query={"before": "{message_id}"}),
    Case(f"POST {_M}/{{message_id}}", {"metadata": {"whose": "mine"}}),
    Case(f"POST {_M}/{{message_id}}", {}),
    Case(f"POST {_R}", {"assistant_id": "{assistant_id}"}),
    Case(f"POST {_R}", {"assistant_id": "{assistant_id}", "additional_messages": [_IMAGE]}),
    Case("POST /threads/runs", {"assistant_id": "{assistant_id}"}),
    Case("POST /threads/runs", {"assistant_id": "{assistant_id}", "thread": {"messages": [_ATTACHMENT]}}),
    Case("POST /threads/runs", {"assistant_id": "{assistant_id}", "thread": {"tool_resources": _RESOURCES}}),
    Case("POST /threads/runs", {"assistant_id": "{assistant_id}", "tool_resources": _RESOURCES}),
    Case(f"GET {_R}", query={"after": "{run_id}"}),
    Case(f"POST {_R}/{{run_id}}", {"metadata": {"whose": "mine"}}),
    Case(f"POST {_R}/{{run_id}}", {}),
    Case(f"POST {_R}/{{run_id}}/cancel", {}),
    Case(f"POST {_R}/{{run_id}}/submit_tool_outputs", {"tool_outputs": _OUTPUTS}),
    Case(f"GET {_R}/{{run_id}}/steps", query={"after": "{step_id}"}),
    Case("GET /files", query={"after": "{file_id}"}),
    Case("POST /uploads/{upload_id}/parts", {}, part=True),
    Case("POST /uploads/{upload_id}/complete", {"part_ids": ["{part_id}"]}),
    Case("POST /uploads/{upload_id}/cancel", {}),
    Case("POST /vector_stores", {"file_ids": ["{file_id}"]}),
    Case("GET /vector_stores", query={"after": "{vector_store_id}"}),
    Case(f"POST {_V}", {"name": "mine"}),
    Case(f"POST {_V}/search", {"query": "Hello"}),
    Case(f"POST {_V}/files", {"file_id": "{file_id}"}),
    Case(f"GET {_V}/files", query={"after": "{file_id}"}),
    Case(f"POST {_V}/files/{{file_id}}", {"attributes": {"whose": "mine"}}),
    Case(f"POST {_V}/file_batches", {"file_ids": ["{file_id}"]}),
    Case(f"POST {_B}/cancel", {}),
    Case(f"GET {_B}/files", query={"before": "{file_id}"}),
    Case("GET /usage", query={"thread_id": "{thread_id}"}),
    Case("GET /usage", query={"assistant_id": "{assistant_id}"}),
]


WITHOUT_IDS = {
    "POST /files": "A file is made of bytes.",
    "POST /uploads": "An upload is announced by name and size.",
    "GET /models": "The models are the stack's, the same for each project.",
    "GET /models/{model:path}": "A model's name is no object's id.",
}
