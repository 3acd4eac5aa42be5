"""Runs a Lambda function and sends its answer while it is made. AWS's own client for Python can't (awslambdaric 4.2.2).

It runs in the managed runtime in place of AWS's client (see `streaming_wrapper`) and needs the standard library alone.
The function is behind a REST API's Lambda proxy integration in mode STREAM: its handler takes the event and the
context, and returns a proxy answer (`statusCode`, `headers`, `multiValueHeaders`, `body`, `isBase64Encoded`). The body
is text, or an iterator of bytes, each sent at once; its `close` is called when nobody listens any more.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html and runtimes-custom.html ("response streaming");
https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html.
"""

import base64
import contextlib
import importlib
import json
import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NoReturn

Json = Any
Handler = Callable[[Json, "Context"], Json]

VERSION = "2018-06-01"
DELIMITER = b"\0" * 8
"""Between status and headers of an answer, as JSON, and its body."""

ERROR_TYPE, ERROR_BODY = "Lambda-Runtime-Function-Error-Type", "Lambda-Runtime-Function-Error-Body"

logger = logging.getLogger("streaming_runtime")
_now = {"requestId": ""}


class Context:
    """The context of an invocation; see "Using the Lambda context object to retrieve Python function information"."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.aws_request_id = headers["lambda-runtime-aws-request-id"]
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn", "")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline_ms = int(headers["lambda-runtime-deadline-ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the invocation may still take."""
        return max(0, self._deadline_ms - int(time.time() * 1000))


class RuntimeApi:
    """The Runtime API as its client sees it.

    Args:
        address: host and port, as in AWS_LAMBDA_RUNTIME_API.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: HTTPConnection | None = None

    def next_invocation(self) -> tuple[Json, dict[str, str]]:
        """Wait for an invocation; return its event, and its headers by their names in lower case."""
        # An environment is frozen while it waits: no timeout would mean anything.
        connection = self._open()
        connection.request("GET", f"/{VERSION}/runtime/invocation/next")
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise HTTPException(f"The Runtime API answered {answer.status} to the request for an invocation.")
        return json.loads(body), {name.lower(): value for name, value in answer.getheaders()}

    def restore(self) -> None:
        """Wait where Lambda takes its snapshot (SnapStart); return in each environment that starts from it."""
        connection = self._open()
        connection.request("GET", f"/{VERSION}/runtime/restore/next")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise HTTPException(f"The Runtime API answered {answer.status} to the request for a restore.")
        self.close()

    def report(self, path: str, error: Json) -> None:
        """Report an error of the initialisation, or of an invocation that has sent nothing yet."""
        headers = {"Content-Type": "application/vnd.aws.lambda.error+json", ERROR_TYPE: error["errorType"]}
        connection = self._open()
        connection.request("POST", f"/{VERSION}/runtime/{path}", json.dumps(error), headers)
        connection.getresponse().read()

    def send(self, request_id: str, prelude: Json, chunks: Iterator[bytes]) -> None:
        """Send an answer chunk by chunk; report an error of the chunks in trailers.

        Raises:
            OSError, HTTPException: nobody listens any more.
        """
        connection = self._open()
        connection.putrequest("POST", f"/{VERSION}/runtime/invocation/{request_id}/response")
        for name, value in (
            ("Content-Type", "application/vnd.awslambda.http-integration-response"),
            ("Lambda-Runtime-Function-Response-Mode", "streaming"),
            ("Transfer-Encoding", "chunked"),
            ("Trailer", f"{ERROR_TYPE}, {ERROR_BODY}"),
        ):
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(_chunk(json.dumps(prelude).encode() + DELIMITER))
        trailers = b""
        try:
            while chunk := _next_of(chunks):
                connection.send(_chunk(chunk))
        except _Failed as failed:
            error = _error_of(failed.error, request_id)
            logger.error("The answer was cut off: %s", json.dumps(error))
            encoded = base64.b64encode(json.dumps(error).encode()).decode()
            trailers = f"{ERROR_TYPE}: {error['errorType']}\r\n{ERROR_BODY}: {encoded}\r\n".encode()
        connection.send(b"0\r\n" + trailers + b"\r\n")
        connection.getresponse().read()
        self.close()  # As the Runtime API asks after a streamed answer.

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _open(self) -> HTTPConnection:
        if self._connection is None:
            self._connection = HTTPConnection(self._address)
            self._connection.connect()
            # A small chunk is sent at once, whether or not the one before it has arrived.
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._connection


class _Failed(Exception):
    """An exception of the handler's chunks, as opposed to one of the connection."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


def _next_of(chunks: Iterator[bytes]) -> bytes:
    """Return the next chunk that is not empty; empty at the end."""
    try:
        return next((chunk for chunk in chunks if chunk), b"")
    except Exception as error:
        raise _Failed(error) from None


def _chunk(data: bytes) -> bytes:
    """Return a chunk in the framing of HTTP."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def answer(api: RuntimeApi, handler: Handler, event: Json, headers: dict[str, str]) -> None:
    """Answer one invocation."""
    context = Context(headers)
    _now["requestId"] = context.aws_request_id
    _trace(headers.get("lambda-runtime-trace-id"))
    try:
        answered = dict(handler(event, context))
        chunks = _chunks(answered.pop("body", None), answered.pop("isBase64Encoded", False))
        # Until the first chunk is there, an error is still one of the whole invocation.
        first = next(chunks, b"")
    except Exception as error:
        reported = _error_of(error, context.aws_request_id)
        logger.error("The invocation failed: %s", json.dumps(reported))
        api.report(f"invocation/{context.aws_request_id}/error", reported)
        return
    try:
        api.send(context.aws_request_id, answered, _following(first, chunks))
    except (OSError, HTTPException) as error:
        logger.info("Nobody listens to the answer any more (%s).", type(error).__name__)
        api.close()
    finally:
        close = getattr(chunks, "close", None)
        if callable(close):
            close()


def _chunks(body: Any, is_base64: bool) -> Iterator[bytes]:
    if body is None:
        return iter(())
    if isinstance(body, str):
        return iter((base64.b64decode(body) if is_base64 else body.encode(),))
    chunks: Iterator[bytes] = iter(body)
    return chunks


def _following(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _trace(trace_id: str | None) -> None:
    """Set the trace that AWS's SDK sends on."""
    if trace_id:
        os.environ["_X_AMZN_TRACE_ID"] = trace_id
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)


def _error_of(error: BaseException, request_id: str = "") -> Json:
    """Return an error in the shape of Lambda's."""
    stack = traceback.format_list(traceback.extract_tb(error.__traceback__))
    described = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": stack}
    return {**described, "requestId": request_id}


def set_up_path() -> None:
    """Let the function import what it finds under AWS's runtime: its code, its layers, the runtime's packages."""
    opt = Path(__file__).resolve().parent / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    first = [os.environ["LAMBDA_TASK_ROOT"], str(opt / "lib" / version / "site-packages"), str(opt)]
    runtime = os.environ.get("LAMBDA_RUNTIME_DIR", "/var/runtime")
    here = str(Path(__file__).resolve().parent)
    rest = [path for path in sys.path if path not in (here, runtime)]
    sys.path[:] = [*first, runtime, *rest]


class LogFormatter(logging.Formatter):
    """The lines of AWS's client, as JSON or as text; each entry is one line."""

    converter = time.gmtime  # type: ignore[assignment]

    def __init__(self, *, as_json: bool) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%SZ")
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        at, message = self.formatTime(record, self.datefmt), record.getMessage()
        if not self._as_json:
            line = f"[{record.levelname}]\t{at}\t{_now['requestId']}\t{message}"
            return (line + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")).replace(
                "\n", "\r"
            )
        entry = {"timestamp": at, "level": record.levelname, "message": message, "logger": record.name}
        if record.exc_info and record.exc_info[1]:
            entry |= {name: value for name, value in _error_of(record.exc_info[1]).items() if name != "requestId"}
        return json.dumps({**entry, "requestId": _now["requestId"]}, ensure_ascii=False)


def set_up_logging() -> None:
    """Have the function's log written as AWS's client writes it."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(LogFormatter(as_json=os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"))
    root = logging.getLogger()
    root.addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper().replace("TRACE", "DEBUG")
    if level in logging.getLevelNamesMapping():
        root.setLevel(level)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]


def load_handler(name: str) -> Handler:
    """Import a handler by its name, `<module>.<function>`."""
    module, _, function = name.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module.replace("/", ".")), function)
    return handler


def start_from_snapshot(api: RuntimeApi) -> None:
    """Run the function's hooks around its snapshot (SnapStart), as AWS's client does.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html
    """
    from snapshot_restore_py import get_after_restore, get_before_snapshot  # The runtime brings it.

    with _reporting(api, "init/error", "Runtime.BeforeSnapshotError"):
        for function, args, kwargs in reversed(get_before_snapshot()):
            function(*args, **kwargs)
        api.restore()
    with _reporting(api, "restore/error", "Runtime.AfterRestoreError"):
        for function, args, kwargs in get_after_restore():
            function(*args, **kwargs)


@contextlib.contextmanager
def _reporting(api: RuntimeApi, path: str, kind: str = "") -> Iterator[None]:
    """Report an error of the block, as one of this kind, and end the runtime."""
    try:
        yield
    except Exception as error:
        reported = _error_of(error)
        logger.error("The function could not be initialised: %s", json.dumps(reported))
        with contextlib.suppress(OSError, HTTPException):
            api.report(path, {**reported, "errorType": kind or reported["errorType"]})
        sys.exit(1)


def main() -> NoReturn:
    """Serve invocations as long as there are any."""
    set_up_path()
    set_up_logging()
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    with _reporting(api, "init/error"):
        handler = load_handler(os.environ["_HANDLER"])
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        start_from_snapshot(api)
    while True:
        answer(api, handler, *api.next_invocation())


if __name__ == "__main__":
    main()
