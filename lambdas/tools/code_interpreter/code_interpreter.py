"""The broker of the code interpreter: code of the model goes to the sandbox, what it printed and made comes back.

The sandbox has no rights: it gets addresses for the files of this call, signed here. They stand in no execution
history, because this function invokes the sandbox itself.
"""

import json
import time
from contextvars import ContextVar
from functools import cache
from math import ceil
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from assistant_engine.domain import ids, sandbox_paths
from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.file import new_file
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.runtime import metrics, startup
from assistant_engine.runtime.invocation import NotRun, invoke
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import Sandbox, configured
from assistant_engine.store import objects
from assistant_engine.store.files import Files
from assistant_engine.store.shared import store
from assistant_engine.tools.call import Call, CallStopped, database, serving
from assistant_engine.tools.result import call_of, result_of

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

MAX_ATTEMPTS = 5
MAX_WAIT_SECONDS = 60
"""How long a sandbox that Lambda refuses is asked for: there are too many at once, or none was needed for weeks."""
FILES_SECONDS = 240
"""Time to fetch and to store the files of a call."""

_tenant: ContextVar[str] = ContextVar("tenant")


def _limits() -> Json:
    return configured(Sandbox).limits


def _address_seconds() -> int:
    """Return how long the addresses are good: the wait for a sandbox, the code's own time, and that for files."""
    seconds: int = _limits()["seconds"]
    return seconds + MAX_WAIT_SECONDS + FILES_SECONDS


def handler(event: Json, context: Any) -> Json:
    """Run the code of a call.

    Args:
        event: a call of the model, as every tool gets it (`tool_call_id`, `arguments`, `inline_bytes`, ...), with
            `file_ids`, the `project` that they and produced files belong to, and `seconds`, what is left of the run.

    Returns:
        `{"tool_call_id", "output"}`, or `{"tool_call_id", "output_key"}` of a large output: the JSON that
        `domain.builtin_tools` describes, or a text that starts with "Error". A call that its run does not wait for is
        not carried out, and one whose run has ended is stopped.
    """
    call = call_of(event)
    try:
        with serving(call):
            output = _output(event, call)
    except CallStopped:
        # The sandbox may be at work still, here or for an earlier delivery of this call.
        store().sessions.stop(call.thread_id, call.idempotency_key)
        output = "Error: the run does not wait for this call any more."
    return result_of(call, output, event["inline_bytes"])


def _output(event: Json, call: Call) -> str:
    code = _code(event["arguments"])
    if code is None:
        return 'Error: bad arguments. Expected {"code": "..."}.'
    try:
        answer = _answer(event, call, code)
    except NotRun as refused:
        logger.warning("no sandbox: %s (%s)", refused, call.run_id)
        return "Error: too many conversations run code at the moment. Run this again in a minute."
    if answer is None:
        return "Error: other code of this conversation ran at the same time. Run this again."
    return _registered(event, answer)


def _code(arguments: str) -> str | None:
    """The code in `{"code": "..."}`, None if there is none."""
    try:
        code = json.loads(arguments)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return code if isinstance(code, str) else None


def _registered(event: Json, answer: Json) -> str:
    """Make produced files files of the API; return the call's output."""
    files = store().of(event["project"]).files
    told = []
    for made in answer["files"]:
        # At each delivery: an earlier one may have ended before this.
        files.register(made["file"], made["media_type"])
        file = {"file_id": made["file"]["id"], "filename": made["file"]["filename"]}
        told.append({**file, "path": made["path"], "image": made["image"]})
    logs = answer["logs"]
    room = event["most_bytes"] - len(json.dumps({"logs": "", "files": told}))
    if json_size(logs) > room:
        # A character takes six bytes of JSON at most, twelve beyond the first 65,536.
        logs = f"{logs[: max(0, room // 12 - 20)]}[truncated]"
    return json.dumps({"logs": logs, "files": told})


def _answer(event: Json, call: Call, code: str) -> Json | None:
    """Run the code from where the thread's last call ended, unless this call is done already.

    Returns:
        `{"logs", "files": [{"file" (the API's), "media_type", "path", "image"}]}`; None if others were always faster.
    """
    sessions = store().sessions
    lost: set[str | None] = set()
    for _ in range(MAX_ATTEMPTS):
        head = sessions.head(call.thread_id)
        answer: Json | None = sessions.answer(call.thread_id, head, call.idempotency_key)
        if answer is not None:
            return answer
        before = None if head.state in lost else head.state
        after = sessions.new_state(call.thread_id)
        result = _run(event, call, code, before, after)
        if result["session"] is None:
            # Deleted by another call that was faster, and then there is another head; or forgotten with the time.
            # The sandbox can't tell a missing state from one that it is refused; this role may list, and can.
            if before and sessions.is_there(before):
                raise PermissionError("the sandbox is refused the state of its session")
            lost.add(head.state)
            continue
        notes = ["[variables and files of the calls before are gone]"] if head.state in lost else []
        answer = _told(call, result, notes)
        state = after if result["session"] else before
        if sessions.commit(call.thread_id, head, call.idempotency_key, answer, state):
            return answer
        sessions.forget(after)
    return None


def _run(event: Json, call: Call, code: str, before: str | None, after: str) -> Json:
    """Run the code in the thread's own sandbox; that the sandbox dies is a result too."""
    address = store().sessions.address
    files, notes = _given(event)
    stop_key = store().sessions.stop_key(call.thread_id, call.idempotency_key)
    outputs = [Files.key(_file_id(call, number)) for number in range(_limits()["files"])]
    request = {
        "code": code,
        "seconds": max(1, min(_limits()["seconds"], ceil(_seconds_left(event, call)))),
        "files": [
            {"id": file_id, "name": name, "url": address("get_object", Files.key(file_id), _address_seconds())}
            for file_id, name in files.items()
        ],
        "session": {
            "get": address("get_object", before, _address_seconds()) if before else None,
            "put": address("put_object", after, _address_seconds()),
        },
        "outputs": [address("put_object", key, _address_seconds()) for key in outputs],
        "stop": address("get_object", stop_key, _address_seconds()),
        "libraries": [
            {"name": name, "modules": each["modules"], "url": address("get_object", each["key"], _address_seconds())}
            for name, each in configured(Sandbox).libraries.items()
        ],
    }
    _tenant.set(call.thread_id)
    patience = min(MAX_WAIT_SECONDS, _seconds_left(event, call))
    invoked = invoke(_lambda(), configured(Sandbox).sandbox, request, patience)
    if "FunctionError" in invoked:
        reason = "The sandbox came to its end while the code ran."
        return {"output": "", "notes": notes, "reason": reason, "files": [], "session": False}
    result: Json = json.loads(invoked["Payload"].read())
    if result["refused"]:
        about = {"run_id": call.run_id, "thread_id": call.thread_id}
        metrics.emit({"SandboxUnconfined": 1}, refused="; ".join(result["refused"]), **about)
    return {**result, "notes": [*notes, *result["notes"]]}


def _seconds_left(event: Json, call: Call) -> float:
    """Return what is left of the run by now."""
    told: float = event.get("seconds") or _limits()["seconds"]
    return told - (time.time() - call.began_ms / 1000)


def _given(event: Json) -> tuple[dict[str, str], list[str]]:
    """The names of the given files by id, and a note on each that is not there."""
    files, notes = [], []
    for file_id in event["file_ids"]:
        try:
            file = store().of(event["project"]).files.get(file_id)
        except NotFound:
            notes.append(f"the file {file_id} is not there")
        else:
            files.append({"file_id": file_id, "filename": file["filename"]})
    return sandbox_paths.names(files), notes


def _told(call: Call, result: Json, notes: list[str]) -> Json:
    """Return what is kept of a call as its answer."""
    files = []
    for number, made in enumerate(result["files"]):
        filename, now = made["name"].rpartition("/")[2], Seconds(int(time.time()))
        file = new_file(_file_id(call, number), filename, made["bytes"], "assistants_output", now)
        path = f"{sandbox_paths.FOLDER}/{made['name']}"
        files.append({"file": file, "media_type": made["media_type"], "path": path, "image": made["figure"]})
    parts = [*notes, result["output"].strip("\n"), result["reason"], *(f"[{note}]" for note in result["notes"])]
    return {"logs": "\n".join(part for part in parts if part), "files": files}


def _file_id(call: Call, number: int) -> str:
    """The id of a call's produced file: the same at each delivery."""
    return ids.new_id("file-", ids.milliseconds_of(call.run_id), f"{call.idempotency_key}/{number}")


@cache
def _lambda() -> "LambdaClient":
    config = Config(read_timeout=_address_seconds() + 60, retries={"mode": "standard"})
    client: LambdaClient = boto3.client("lambda", config=config)
    # Not `invoke(TenantId=...)`, which the runtime's own boto3 may be too old to know.
    client.meta.events.register("before-call.lambda.Invoke", _name_the_tenant)
    return client


def _name_the_tenant(params: Json, **others: Any) -> None:
    params["headers"]["X-Amz-Tenant-Id"] = _tenant.get()


startup.end(database, lambda: store().blobs.client, objects.signer, _lambda)
