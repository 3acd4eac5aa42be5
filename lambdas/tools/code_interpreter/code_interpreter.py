"""The code interpreter: code of the model goes to the sandbox, what it printed and made comes back.

The sandbox has no rights: it gets addresses for the files of this call, signed here. They stand in no execution
history, because this function invokes the sandbox itself.
"""

import json
import os
import time
from functools import cache
from typing import Annotated, Any

import boto3
from botocore.config import Config
from pydantic import Field

from assistant_engine import ids, mounted, tool
from assistant_engine.call import Call
from assistant_engine.records import Json
from assistant_engine.store import Store
from assistant_engine.store.files import Files

ATTEMPTS = 5
MOST_FILES = 100
"""Files that are given to the code; those after them are not there for it."""

MARGIN = 240
"""Seconds that the sandbox has beside the code's own, to fetch and to store files."""


class CodeInterpreter:
    """`configuration`: nothing."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        pass

    def code_interpreter(
        self, code: Annotated[str, Field(description="Python code, run as a cell of a notebook is.")]
    ) -> dict[str, Any]:
        """Run Python code in a sandbox without network, to compute, to work on files and to draw charts.

        Variables and files are kept from call to call. The user's files are in /mnt/data; files written there are given
        to the user, and so are charts shown with matplotlib. What is printed, and the last expression's value, comes
        back. numpy, pandas, matplotlib, seaborn, sympy, openpyxl, xlsxwriter, pillow and tabulate are installed.
        """
        call = tool.current_call()
        answer = _answer(call, code)
        for file in answer["files"]:
            # At each delivery: an earlier one may have ended before this.
            _store().files.register(file["file"], file["media_type"])
        return {"logs": answer["logs"], "files": [_shown(file) for file in answer["files"]]}


def _answer(call: Call, code: str) -> Json:
    """Run the code from where the thread's last call ended, unless this call is done already."""
    sessions = _store().sessions
    lost: set[str | None] = set()
    for _ in range(ATTEMPTS):
        head = sessions.head(call.thread_id)
        answer: Json | None = sessions.answer(call.thread_id, head, call.idempotency_key)
        if answer is not None:
            return answer
        before = None if head.state in lost else head.state
        after = sessions.new_state(call.thread_id)
        result = _invoke(call, code, before, after)
        if result["session"] is None:
            # Deleted by another call that was faster, and then there is another head; or forgotten with the years.
            lost.add(head.state)
            continue
        answer = _told(call, result, forgotten=head.state in lost)
        if sessions.commit(call.thread_id, head, call.idempotency_key, answer, after if result["session"] else before):
            return answer
        sessions.forget(after)
    return {"logs": "Error: other code of this conversation ran at the same time. Run this again.", "files": []}


def _invoke(call: Call, code: str, before: str | None, after: str) -> Json:
    """Run the code in the thread's own sandbox; a sandbox that dies is a result too."""
    limits = json.loads(os.environ["LIMITS"])
    sessions = _store().sessions
    valid = limits["seconds"] + MARGIN
    names = mounted.names(_store().files.those(call.inputs["file_ids"][:MOST_FILES]))
    event = {
        "code": code,
        "seconds": call.inputs.get("seconds", limits["seconds"]),
        "files": [
            {"name": name, "url": sessions.address("get_object", Files.key(file_id), valid)}
            for file_id, name in names.items()
        ],
        "session": {
            "get": sessions.address("get_object", before, valid) if before else None,
            "put": sessions.address("put_object", after, valid),
        },
        "outputs": [
            sessions.address("put_object", Files.key(_file_id(call, number)), valid)
            for number in range(limits["files"])
        ],
    }
    answer = _lambda(valid).invoke(FunctionName=os.environ["SANDBOX"], Payload=json.dumps(event).encode())
    if "FunctionError" in answer:
        reason = "The sandbox came to its end while the code ran."
        return {"output": "", "reason": reason, "files": [], "session": False}
    result: Json = json.loads(answer["Payload"].read())
    return result


def _told(call: Call, result: Json, *, forgotten: bool) -> Json:
    """The answer to a call: `{"logs", "files": [{"file" (the API's), "media_type", "path", "figure"}]}`."""
    files = []
    for number, made in enumerate(result["files"]):
        file = {
            "id": _file_id(call, number),
            "object": "file",
            "bytes": made["bytes"],
            "created_at": int(time.time()),
            "filename": made["name"].rpartition("/")[2],
            "purpose": "assistants_output",
            "status": "processed",
        }
        told = {"media_type": made["media_type"], "figure": made["figure"]}
        files.append({"file": file, "path": f"{mounted.FOLDER}/{made['name']}", **told})
    parts = ["[variables and files of the calls before are gone]"] if forgotten else []
    parts += [part for part in (result["output"].strip("\n"), result["reason"]) if part]
    return {"logs": "\n".join(parts), "files": files}


def _shown(file: Json) -> Json:
    """What the engine is told of a file: a figure is shown to the user, other files are there to be linked."""
    return {
        "file_id": file["file"]["id"],
        "filename": file["file"]["filename"],
        "path": file["path"],
        "image": file["figure"],
    }


def _file_id(call: Call, number: int) -> str:
    """The id of a call's produced file: the same at each delivery."""
    return ids.new_id("file-", ids.milliseconds_of(call.run_id), f"{call.idempotency_key}/{number}")


def _store() -> Store:
    return _any_store().of(tool.current_call().project)


@cache
def _any_store() -> Store:
    return Store()


@cache
def _lambda(seconds: int) -> Any:
    client: Any = boto3.client("lambda", config=Config(read_timeout=seconds + 60, retries={"mode": "standard"}))
    # Not `invoke(TenantId=...)`, which the runtime's own boto3 may be too old to know.
    client.meta.events.register("before-call.lambda.Invoke", _name_the_tenant)
    return client


def _name_the_tenant(params: Json, **others: Any) -> None:
    params["headers"]["X-Amz-Tenant-Id"] = tool.current_call().thread_id


handler = tool.handler(CodeInterpreter)
