"""Texts that try to run, to load or to hide something in the page that shows them, and a project full of them."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from local import up as local
from tests.support import responses
from tests.support.clients import connect
from tests.support.model_server import Behaviour, ModelServer
from tests.support.projects import spare_project

SHOWN = {
    '<img src=x onerror="ran(1)">': '<img src=x onerror="ran(1)">',
    '<svg onload="ran(2)"><script>ran(3)</script></svg>': '<svg onload="ran(2)"><script>ran(3)</script></svg>',
    "<script>ran(4)</script>": "<script>ran(4)</script>",
    '<iframe srcdoc="<script>parent.ran(5)</script>"></iframe>': "<iframe srcdoc=",
    "<style>* { display: none }</style>": "<style>* { display: none }</style>",
    "<!-- a comment -->": "<!-- a comment -->",
    'words <b onclick="ran(6)">bold</b> words': '<b onclick="ran(6)">bold</b>',
    '<a href="javascript:ran(7)">a link</a>': '<a href="javascript:ran(7)">a link</a>',
    "[a link](javascript:ran(8))": "javascript:ran(8)",
    "![a picture](javascript:ran(9))": "javascript:ran(9)",
    "[a page](data:text/html,<script>ran(10)</script>)": "data:text/html",
    "[a file](vbscript:ran(11))": "vbscript:ran(11)",
    "[JaVaScRiPt](  JaVaScRiPt:ran(12)  )": "JaVaScRiPt:ran(12)",
    "<javascript:ran(13)>": "javascript:ran(13)",
    "[ref]\n\n[ref]: javascript:ran(14)": "javascript:ran(14)",
    "[https://bank.example](https://evil.example/)": "evil.example",
    "![chart](https://evil.example/pixel.png)": "evil.example",
    "```html\n<script>ran(15)</script>\n```": "<script>ran(15)</script>",
    "an invoice\u202egpj.exe": "RLO",
    "`code\u2066`": "LRI",
    "pay\u200bpal": "zero width space",
    "| a |\n|---|\n| <img src=x onerror=ran(16)> |": "<img src=x onerror=ran(16)>",
}
"""Pieces of a message, and what a person must see of each."""

TEXT = "\n\n".join(f"{piece}\n\nseen {number}." for number, piece in enumerate(SHOWN))
NAME = "<img src=x onerror=ran(20)>\u202egpj.txt"
NAME_SHOWN = "<img src=x onerror=ran(20)>"

INIT = """
window.happened = [];
window.ran = (number) => window.happened.push(number);
document.addEventListener("securitypolicyviolation", (event) => {
    window.happened.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""
"""A script for the page before its own: what a text manages to run, or to ask for, is in `happened`."""


@dataclass(frozen=True)
class Planted:
    """A project in which everything that can have a text has a hostile one.

    Attributes:
        names: ids for the addresses of views.
    """

    key: str
    names: dict[str, str]


@contextmanager
def planted(stack: local.Local, model: str, model_server: ModelServer) -> Iterator[Planted]:
    """Fill a project of its own."""
    with spare_project(stack) as (_, key):
        yield Planted(key, _fill(connect(stack, key), model, model_server))


def _fill(client: Any, model: str, model_server: ModelServer) -> dict[str, str]:
    ask: Any = {
        "type": "function",
        "function": {
            "name": "ask",
            "description": TEXT,
            "parameters": {"type": "object", "properties": {NAME: {"type": "string", "description": NAME}}},
        },
    }
    metadata = {"user_id": NAME, NAME: NAME}
    assistant = client.beta.assistants.create(
        model=model, name=NAME, description=NAME, instructions=TEXT, metadata=metadata, tools=[ask]
    )
    data = f"The ferry leaves at noon.\n\n{TEXT}".encode()
    file = client.files.create(file=(NAME, data), purpose="assistants")
    store = client.vector_stores.create(name=NAME, metadata=metadata)
    client.vector_stores.file_batches.create_and_poll(store.id, file_ids=[file.id], poll_interval_ms=500)

    marker = f"marker-{uuid.uuid4()}"
    called = responses.response(responses.calls("ask", json.dumps({NAME: TEXT})))
    model_server.when(marker, [Behaviour(body=called), Behaviour(body=responses.response(responses.text(TEXT)))])
    attachments: Any = [{"file_id": file.id, "tools": [{"type": "file_search"}]}]
    message: Any = {"role": "user", "content": f"{marker}\n\n{TEXT}", "attachments": attachments}
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [message], "metadata": metadata}, metadata=metadata
    )
    [call] = run.required_action.submit_tool_outputs.tool_calls
    outputs: Any = [{"tool_call_id": call.id, "output": TEXT}]
    client.beta.threads.runs.submit_tool_outputs_and_poll(run_id=run.id, thread_id=run.thread_id, tool_outputs=outputs)

    failing = f"marker-{uuid.uuid4()}"
    refusal = {"error": {"message": NAME, "type": NAME, "param": None, "code": NAME}}
    model_server.when(failing, [Behaviour(400, {}, refusal)])
    failed = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [{"role": "user", "content": failing}], "metadata": metadata}
    )
    return {
        "assistant": assistant.id,
        "thread": run.thread_id,
        "run": run.id,
        "failed_thread": failed.thread_id,
        "failed": failed.id,
        "store": store.id,
        "file": file.id,
    }
