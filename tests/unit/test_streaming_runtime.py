"""Checks the runtime client of the streaming function, started as Lambda starts it, under a fake Runtime API."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest

from local.paths import ROOT

LAYER = ROOT / "layers" / "streaming"
NEXT = "/2018-06-01/runtime/invocation/next"
RESTORE = "/2018-06-01/runtime/restore/next"

HANDLER = """
import json, logging, os, time

logging.getLogger().setLevel("INFO")
LEFT = []

class Broken(Exception): pass

def chunks(event):
    try:
        for number in range(event.get("count", 3)):
            if number == event.get("breaks_at"): raise Broken("it is broken")
            yield f"chunk {number}\\n".encode()
            time.sleep(event.get("pause", 0))
    finally:
        LEFT.append("closed")

def handler(event, context):
    if event.get("do") == "raise": raise Broken("it is broken")
    if event.get("do") == "exit": raise SystemExit(3)
    logging.getLogger("mine").info("asked for %s", event.get("do"))
    body = chunks(event)
    if event.get("do") == "text": body = "gr\\u00fc\\u00df"
    if event.get("do") == "base64": body = "AP8="
    if event.get("do") == "nothing": body = None
    if event.get("do") == "empty": body = iter(())
    if event.get("do") == "left": body = json.dumps(LEFT)
    if event.get("do") == "context":
        body = json.dumps([context.aws_request_id, context.invoked_function_arn, context.function_name,
                           context.get_remaining_time_in_millis(), os.environ.get("_X_AMZN_TRACE_ID")])
    return {"statusCode": 201, "headers": {"content-type": "text/plain"}, "body": body,
            "isBase64Encoded": event.get("do") == "base64"}
"""


@dataclass
class Request:
    """A request of the runtime, as it came over the wire.

    Attributes:
        headers: by their names in lower case.
        chunks: of the body, each with the time at which it arrived.
        trailers: after a chunked body.
    """

    method: str
    path: str
    headers: dict[str, str]
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    @property
    def answer(self) -> tuple[dict[str, Any], bytes]:
        """The metadata and the body of a proxy answer."""
        metadata, delimiter, body = self.body.partition(b"\0" * 8)
        assert delimiter
        return json.loads(metadata), body


class FakeRuntimeApi:
    """Lambda's end of the Runtime API: hands out events, notes what it is told."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.told: Queue[Request] = Queue()
        self.hang_up_after = 10**9
        self._events: Queue[dict[str, Any]] = Queue()
        self._number = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def invoke(self, **event: Any) -> Request:
        """Hand out an event and return what the runtime answers."""
        self._events.put(event)
        return self.told.get(timeout=20)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The runtime may end at any time.
        with suppress(ConnectionError), connection, connection.makefile("rb") as stream:
            while line := stream.readline():
                method, path, _ = line.decode().split()
                request = Request(method, path, dict(_headers(stream)))
                if path == NEXT:
                    self._hand_out(connection)
                    continue
                if path == RESTORE:
                    self.told.put(request)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    continue
                if not self._read_body(stream, request):
                    return
                self.told.put(request)
                connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")

    def _hand_out(self, connection: socket.socket) -> None:
        event = json.dumps(self._events.get()).encode()
        self._number += 1
        deadline = int((time.time() + 60) * 1000)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Length: {len(event)}\r\nLambda-Runtime-Aws-Request-Id: id-{self._number}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline}\r\nLambda-Runtime-Invoked-Function-Arn: arn:mine\r\n"
            f"Lambda-Runtime-Trace-Id: Root={self._number}\r\n\r\n"
        )
        connection.sendall(head.encode() + event)

    def _read_body(self, stream: Any, request: Request) -> bool:
        """Read a body; return whether the client was heard to its end."""
        if request.headers.get("transfer-encoding") != "chunked":
            request.chunks.append((time.monotonic(), stream.read(int(request.headers.get("content-length", 0)))))
            return True
        while size := int(stream.readline(), 16):
            request.chunks.append((time.monotonic(), stream.read(size)))
            stream.readline()
            if len(request.chunks) > self.hang_up_after:
                return False
        request.trailers = dict(_headers(stream))
        return True


def _headers(stream: Any) -> Iterator[tuple[str, str]]:
    while line := stream.readline().strip().decode():
        name, _, value = line.partition(": ")
        yield name.lower(), value


@dataclass
class Function:
    """A function under the runtime."""

    api: FakeRuntimeApi
    process: subprocess.Popen[str]

    def log(self) -> str:
        """End the runtime and return all that it wrote."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        return self.process.stdout.read()


def start(folder: Path, code: str = HANDLER, **environment: str) -> Function:
    api = FakeRuntimeApi()
    (folder / "index.py").write_text(code)
    (folder / "runtime").mkdir()
    (folder / "runtime" / "bootstrap.py").write_text("raise AssertionError('AWS has been asked')")
    # As /var/runtime/bootstrap does it; `-I` is what a test needs not to find the project's own packages.
    command = [str(LAYER / "streaming_wrapper"), sys.executable, "-I", str(folder / "runtime" / "bootstrap.py")]
    process = subprocess.Popen(
        command,
        env={
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "streams",
            "LAMBDA_TASK_ROOT": str(folder),
            "LAMBDA_RUNTIME_DIR": str(folder / "runtime"),
            "_HANDLER": "index.handler",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Function(api, process)


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Function]:
    started = start(tmp_path, AWS_LAMBDA_LOG_FORMAT="JSON")
    yield started
    started.log()


def test_an_answer_is_its_metadata_a_delimiter_and_its_chunks(function: Function) -> None:
    request = function.api.invoke()
    assert (request.method, request.path) == ("POST", "/2018-06-01/runtime/invocation/id-1/response")
    assert request.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert request.headers["transfer-encoding"] == "chunked"
    assert request.headers["content-type"] == "application/vnd.awslambda.http-integration-response"
    assert "Lambda-Runtime-Function-Error-Type" in request.headers["trailer"]
    metadata, body = request.answer
    assert metadata == {"statusCode": 201, "headers": {"content-type": "text/plain"}}
    assert body == b"chunk 0\nchunk 1\nchunk 2\n" and request.trailers == {}


def test_a_chunk_arrives_when_it_is_made(function: Function) -> None:
    request = function.api.invoke(pause=0.3)
    times = [at for at, _ in request.chunks]
    # The metadata, and then three chunks with a pause after each.
    assert [chunk for _, chunk in request.chunks[1:]] == [b"chunk 0\n", b"chunk 1\n", b"chunk 2\n"]
    assert all(later - earlier > 0.2 for earlier, later in pairwise(times[1:]))


@pytest.mark.parametrize(
    ("do", "body"), [("text", "grüß".encode()), ("base64", b"\0\xff"), ("nothing", b""), ("empty", b"")]
)
def test_an_answer_in_one_piece_goes_the_same_way(function: Function, do: str, body: bytes) -> None:
    metadata, sent = function.api.invoke(do=do).answer
    assert (metadata["statusCode"], sent) == (201, body) and "body" not in metadata


def test_one_invocation_follows_the_other(function: Function) -> None:
    assert [function.api.invoke(count=number).answer[1].count(b"\n") for number in (1, 0, 40)] == [1, 0, 40]


def test_the_context_is_the_invocation_s(function: Function) -> None:
    for number in (1, 2):
        told = json.loads(function.api.invoke(do="context").answer[1])
        assert told[:3] == [f"id-{number}", "arn:mine", "streams"] and 50_000 < told[3] <= 60_000
        assert told[4] == f"Root={number}"


@pytest.mark.parametrize("event", [{"do": "raise"}, {"breaks_at": 0}])
def test_an_error_before_the_first_byte_is_the_invocation_s(function: Function, event: dict[str, Any]) -> None:
    request = function.api.invoke(**event)
    assert request.path.endswith("/id-1/error")
    assert request.headers["lambda-runtime-function-error-type"] == "Broken"
    error = json.loads(request.body)
    assert (error["errorType"], error["errorMessage"]) == ("Broken", "it is broken")
    assert "index.py" in error["stackTrace"][-1]
    assert function.api.invoke().answer[0]["statusCode"] == 201, "the next invocation is answered"


def test_an_error_after_the_first_byte_is_in_the_trailers(function: Function) -> None:
    request = function.api.invoke(breaks_at=2)
    assert request.answer[1] == b"chunk 0\nchunk 1\n"
    assert request.trailers["lambda-runtime-function-error-type"] == "Broken"
    error = json.loads(base64.b64decode(request.trailers["lambda-runtime-function-error-body"]))
    assert (error["errorType"], error["errorMessage"]) == ("Broken", "it is broken")
    assert function.api.invoke().answer[0]["statusCode"] == 201


def test_nobody_makes_chunks_for_a_client_that_is_gone(function: Function) -> None:
    function.api.hang_up_after = 2
    with pytest.raises(Empty):
        function.api._events.put({"count": 10_000, "pause": 0.01})
        function.api.told.get(timeout=1)
    function.api.hang_up_after = 10**9
    assert json.loads(function.api.invoke(do="left").answer[1]) == ["closed"]
    assert '"Nobody listens to the answer any more' in function.log()


@pytest.mark.parametrize("code", ["import missing_package", "handler = 1 +", "other = 1", "raise OSError('no')"])
def test_a_function_that_can_not_be_initialised_says_why(tmp_path: Path, code: str) -> None:
    function = start(tmp_path, code)
    request = function.api.told.get(timeout=20)
    assert request.path == "/2018-06-01/runtime/init/error"
    kinds = ("ModuleNotFoundError", "SyntaxError", "AttributeError", "OSError")
    assert json.loads(request.body)["errorType"] in kinds
    assert request.headers["lambda-runtime-function-error-type"] in kinds
    assert function.process.wait(timeout=10) == 1


def test_a_function_that_exits_ends_its_runtime(function: Function) -> None:
    function.api._events.put({"do": "exit"})
    assert function.process.wait(timeout=10) == 3


def test_log_lines_are_those_of_aws_s_client(function: Function) -> None:
    function.api.invoke(do="text")
    (entry,) = [json.loads(line) for line in function.log().splitlines()]
    assert {name: entry[name] for name in ("level", "message", "logger", "requestId")} == {
        "level": "INFO",
        "message": "asked for text",
        "logger": "mine",
        "requestId": "id-1",
    }


def test_log_lines_are_text_unless_json_is_asked_for(tmp_path: Path) -> None:
    function = start(tmp_path)
    function.api.invoke(do="raise")
    (line,) = function.log().splitlines()
    assert line.startswith("[ERROR]\t") and "\tid-1\tThe invocation failed: " in line


def test_the_function_finds_what_it_would_find_under_aws_s_runtime(tmp_path: Path) -> None:
    code = "import json, sys\ndef handler(event, context): return {'statusCode': 200, 'body': json.dumps(sys.path)}"
    function = start(tmp_path, code)
    path = json.loads(function.api.invoke().answer[1])
    function.log()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layers = LAYER / "python"
    assert path[:3] == [str(tmp_path), str(layers / "lib" / version / "site-packages"), str(layers)]
    assert str(tmp_path / "runtime") in path


def test_the_client_needs_the_standard_library_alone() -> None:
    source = (LAYER / "streaming_runtime.py").read_text().splitlines()
    imported = {line.split()[1].partition(".")[0] for line in source if line.startswith(("import ", "from "))}
    assert imported <= set(sys.stdlib_module_names)
    assert os.access(LAYER / "streaming_wrapper", os.X_OK)


HOOKS = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
CALLS = []
register_before_snapshot(CALLS.append, "before 1")
register_before_snapshot(CALLS.append, "before 2")
register_after_restore(CALLS.append, "after")

def fail(): raise ValueError("it does not work")

def handler(event, context): return {"statusCode": 200, "body": ",".join(CALLS)}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere AWS's package of hooks is not installed")
def test_the_runtime_starts_from_a_snapshot_as_aws_s_client_does(tmp_path: Path) -> None:
    """It waits for the restore, with the function's hooks around it, before it asks for an invocation."""
    function = start(tmp_path, HOOKS, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    assert function.api.told.get(timeout=20).path == RESTORE
    assert function.api.invoke().answer[1] == b"before 2,before 1,after"
    function.log()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere AWS's package of hooks is not installed")
@pytest.mark.parametrize(
    ("hook", "path", "kind"),
    [
        ("register_before_snapshot", "init/error", "Runtime.BeforeSnapshotError"),
        ("register_after_restore", "restore/error", "Runtime.AfterRestoreError"),
    ],
)
def test_a_hook_that_fails_is_reported(tmp_path: Path, hook: str, path: str, kind: str) -> None:
    function = start(tmp_path, f"{HOOKS}\n{hook}(fail)\n", AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    told = function.api.told.get(timeout=20)
    if told.path == RESTORE:
        told = function.api.told.get(timeout=20)
    assert told.path == f"/2018-06-01/runtime/{path}"
    assert told.headers["lambda-runtime-function-error-type"] == kind
    assert function.process.wait(20) != 0
