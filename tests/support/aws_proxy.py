"""A proxy between the stack's functions and the embedded AWS, for the whole test session: it fails on request.

Every AWS call of a function goes through it and, unless a test asked for a fault, on to the embedded AWS unchanged. The
caller is known by its end of the connection, so a fault can kill it at exactly this call, before or after its effect.
"""

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import psutil
import uvloop

from local import sockets

WRITES = {
    *("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"),
    *("StartExecution", "SendTaskSuccess"),
    *("PUT", "DELETE"),
}
"""The operations that leave something behind: those of DynamoDB, Step Functions and S3 that the engine uses."""

_READS = {"GetItem", "BatchGetItem", "Query", "GetSecretValue", "GET", "HEAD"}
"""The operations that change nothing."""

_LONGEST_SECONDS = 60
_ACCESS_KEY = re.compile(rb"Credential=([^/]+)/")


@dataclass(frozen=True, slots=True)
class Fault:
    """Says what becomes of a call.

    Attributes:
        delay: seconds before anything else.
        hold: wait for this event first, at most a minute.
        error: answer with this error of AWS (its code) instead of handing the call on.
        lost: the call takes effect, and its answer never arrives.
        kill: kill the calling process (SIGKILL) `before` the call takes effect, or `after`, before it is answered.
    """

    delay: float = 0
    hold: threading.Event | None = None
    error: str = ""
    lost: bool = False
    kill: Literal["before", "after"] | None = None


THROTTLED = Fault(error="ProvisionedThroughputExceededException")
TOO_MANY = Fault(error="ThrottlingException")
CONFLICT = Fault(error="TransactionConflict")
BROKEN = Fault(error="InternalServerError")
FORBIDDEN = Fault(error="AccessDeniedException")
LOST = Fault(lost=True)
DIES_BEFORE = Fault(kill="before")
DIES_AFTER = Fault(kill="after")
WRITE_FAULTS = {
    "dies before": DIES_BEFORE,
    "dies after": DIES_AFTER,
    "answer lost": LOST,
    "throttled": THROTTLED,
    "conflict": CONFLICT,
}
"""The faults that a write may meet, by name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of AWS that came in.

    Attributes:
        function: the full name of the Lambda function that makes it, empty if that is not known any more, or of others.
        operation: as AWS names it (`UpdateItem`); of S3, the HTTP method.
        body: as text.
    """

    function: str
    operation: str
    body: str


@dataclass(slots=True)
class Rule:
    """A fault, and the calls that it meets: the `nth` that fits, and `times` - 1 after it."""

    fault: Fault
    function: str
    operations: frozenset[str]
    about: str
    nth: int
    times: int
    seen: int = 0
    survived: bool = False
    met: threading.Event = field(default_factory=threading.Event)


class AwsProxy:
    """Serves on a free port of the loopback address until `close`.

    Attributes:
        url: what functions take for AWS's endpoint.
        changes: how many calls have been answered that may have changed something: all but `_READS`.
    """

    def __init__(self) -> None:
        self.url = ""
        self.changes = 0
        self._upstream = ("127.0.0.1", 0)
        self._emulator: psutil.Process | None = None
        self._functions: dict[bytes, str] = {}  # By the access keys of their roles.
        self._rules: list[Rule] = []
        self._changing = threading.Lock()  # Tests plant faults side by side.
        self._recordings: list[tuple[str, list[Call]]] = []
        # The loop knows a connection's task by its socket alone, which it forgets when a killed function hangs up.
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self._loop = uvloop.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait(10)

    def connect(self, port: int, pid: int) -> None:
        """Hand calls on to the embedded AWS on this port, whose process starts the functions."""
        self._upstream = ("127.0.0.1", port)
        self._emulator = psutil.Process(pid)

    def close(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def add(
        self, fault: Fault, *operations: str, function: str = "", about: str = "", nth: int = 1, times: int = 1
    ) -> Rule:
        """Meet calls with a fault until they have been met `times` times.

        Args:
            operations: those that it meets; any of `WRITES` if none is given.
            function: its last part, as `in_progress`; any function by default.
            about: text that the call's body or path holds, such as a thread's id.
        """
        rule = Rule(fault, function, frozenset(operations) or frozenset(WRITES), about, nth, times)
        with self._changing:
            self._rules = [*self._rules, rule]
        return rule

    @contextmanager
    def fault(self, fault: Fault, *operations: str, **where: Any) -> Iterator[Rule]:
        """`add` for the block; at its end the calls must have been met as often as was asked for."""
        rule = self.add(fault, *operations, **where)
        try:
            yield rule
            assert rule.seen >= rule.nth + rule.times - 1, f"{rule} met too few calls"
            assert not rule.survived, f"{rule} killed nobody"
        finally:
            self.remove(rule)

    def remove(self, *rules: Rule) -> None:
        """Forget faults."""
        with self._changing:
            self._rules = [rule for rule in self._rules if rule not in rules]

    @contextmanager
    def recording(self, about: str) -> Iterator[list[Call]]:
        """The calls, in the block, whose body or path holds the text."""
        entry: tuple[str, list[Call]] = (about, [])
        self._recordings = [*self._recordings, entry]
        try:
            yield entry[1]
        finally:
            self._recordings = [other for other in self._recordings if other is not entry]

    # In the loop's thread

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20, backlog=512)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            started.set()

        async def hang_up() -> None:
            links = asyncio.all_tasks() - {asyncio.current_task()}
            for link in links:
                link.cancel()
            await asyncio.gather(*links, return_exceptions=True)

        self._loop.run_until_complete(serve())
        self._loop.run_forever()
        self._loop.run_until_complete(hang_up())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer, self._upstream)
        self._tasks.add(asyncio.current_task())
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                headers = _headers(head)
                if "expect" in headers:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                    head = _without(head, b"expect")
                body = await _body(reader, headers)
                operation = _operation(head, headers)
                rule = self._rule(link, operation, head, body) if self._rules or self._recordings else None
                answer = await self._meet(rule, link, head, headers, body) if rule else await link.ask(head, body)
                self.changes += operation not in _READS
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
        link.close()
        self._tasks.discard(asyncio.current_task())

    async def _meet(
        self, rule: Rule, link: "_Link", head: bytes, headers: Mapping[str, str], body: bytes
    ) -> bytes | None:
        """The answer to a call that a fault meets; None to hang up."""
        fault = rule.fault
        await asyncio.sleep(fault.delay)
        deadline = self._loop.time() + _LONGEST_SECONDS
        while fault.hold and not fault.hold.is_set() and self._loop.time() < deadline:
            await asyncio.sleep(0.01)
        if fault.kill == "before":
            rule.survived = not self._kill(link)
            return None
        if fault.error:
            return _error(fault.error, headers, body)
        answer = await link.ask(head, body)
        if fault.kill == "after":
            rule.survived = not self._kill(link)
        return None if fault.lost or fault.kill else answer

    def _rule(self, link: "_Link", operation: str, head: bytes, body: bytes) -> Rule | None:
        text = head.split(b" ", 2)[1].decode() + body.decode(errors="replace")
        for about, calls in self._recordings:
            if about in text:
                calls.append(Call(self._function(link, head), operation, text))
        for rule in self._rules:
            if (
                operation in rule.operations
                and rule.about in text
                and rule.seen < rule.nth + rule.times - 1
                and (not rule.function or self._function(link, head).endswith(f"-{rule.function}"))
            ):
                rule.seen += 1
                if rule.seen >= rule.nth:
                    rule.met.set()
                    return rule
        return None

    def _function(self, link: "_Link", head: bytes) -> str:
        """Return the name of the function that calls. It signs by a key of its own: its process is looked for once."""
        key = _ACCESS_KEY.search(head)
        if key and not link.function:
            link.function = self._functions.get(key[1], "")
        if not link.function:
            with suppress(psutil.Error):
                link.function = self._caller(link).environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
            if key and link.function:
                self._functions[key[1]] = link.function
        return link.function

    def _kill(self, link: "_Link") -> bool:
        with suppress(psutil.NoSuchProcess):
            self._caller(link).kill()
            return True
        return False

    def _caller(self, link: "_Link") -> psutil.Process:
        assert self._emulator
        found = sockets.connection(link.port, link.server_port)
        if found:
            for pid in sockets.family(self._emulator.pid):
                if pid != self._emulator.pid and sockets.holds(pid, found[1]):
                    return psutil.Process(pid)
        else:
            for process in self._emulator.children(recursive=True):
                if _has(process, link):
                    return process
        raise psutil.NoSuchProcess(0, msg=f"no function is at the other end of port {link.port}")


def _has(process: psutil.Process, link: "_Link") -> bool:
    """Return whether a process has a connection, where the kernel keeps no record that can be asked for it (macOS)."""
    with suppress(psutil.Error):
        ports = [(each.laddr.port, each.raddr.port) for each in process.net_connections("tcp4") if each.raddr]
        return (link.port, link.server_port) in ports
    return False


class _Link:
    """A function's connection, and the one that goes on from here."""

    def __init__(self, writer: asyncio.StreamWriter, upstream: tuple[str, int]) -> None:
        self.port = int(writer.get_extra_info("peername")[1])
        self.server_port = int(writer.get_extra_info("sockname")[1])
        # By it the embedded AWS knows the function, and with it the network that the call comes from.
        self._forwarded = f'Forwarded: for="127.0.0.1:{self.port}";by="127.0.0.1:{self.server_port}"\r\n\r\n'.encode()
        self.function = ""
        self._writers = [writer]
        self._reader: asyncio.StreamReader | None = None
        self._upstream = upstream

    async def ask(self, head: bytes, body: bytes) -> bytes | None:
        """Hand a call on; the answer, None if there is none."""
        if self._reader is None or self._reader.at_eof():
            self._reader, writer = await asyncio.open_connection(*self._upstream, limit=2**20)
            self._writers[1:] = [writer]
        self._writers[1].write(head.removesuffix(b"\r\n") + self._forwarded + body)
        with suppress(OSError, asyncio.IncompleteReadError):
            answer = await self._reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HEAD "):
                return answer
            return answer + await _body(self._reader, _headers(answer))
        return None

    def close(self) -> None:
        for writer in self._writers:
            writer.close()


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}


def _operation(head: bytes, headers: Mapping[str, str]) -> str:
    return headers.get("x-amz-target", "").rpartition(".")[2] or head.partition(b" ")[0].decode()


def _without(head: bytes, name: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(name + b":"))


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    """The body as it was sent, chunked or not."""
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    parts = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        parts += [line, await reader.readexactly(size + 2)]
        if size == 0:
            return b"".join(parts)


def _error(code: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The error as the service words it: JSON 1.0 or 1.1, and S3's XML."""
    target = headers.get("x-amz-target", "")
    status = 500 if code == "InternalServerError" else 400
    answer: dict[str, Any] = {"message": "Injected by a test."}
    if code == "TransactionConflict" and target.endswith("TransactWriteItems"):
        reasons: list[dict[str, str]] = [{"Code": "None"} for _ in json.loads(body)["TransactItems"]]
        reasons[0] = {"Code": code, "Message": "Transaction is ongoing for the item"}
        code, answer["CancellationReasons"] = "TransactionCanceledException", reasons
    elif code == "TransactionConflict":
        code = "TransactionConflictException"
    if target:
        answer["__type"] = f"com.amazonaws.{target.split('_')[0].lower()}#{code}"
        text, content_type = json.dumps(answer), "application/x-amz-json-1.0"
    else:
        status = 503 if status == 400 else 500
        code = "SlowDown" if status == 503 else "InternalError"
        text, content_type = f"<Error><Code>{code}</Code><Message>Injected by a test.</Message></Error>", "text/xml"
    return (
        f"HTTP/1.1 {status} Error\r\nContent-Type: {content_type}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    ).encode()
