"""The call that a tool's Lambda serves: whether it is still wanted, and what tells the tool when it no longer is."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import FrameType

from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.settings import MessagesTable, configured
from assistant_engine.store.dynamodb import Database

CHECK_SECONDS = 2.0
"""How often the run is looked at while a tool works."""

ATTRIBUTES = ("run_status", "turn", "expires_at", "functions")
"""What a tool's role may read of the messages table, beside the key: never what was said."""


class CallStopped(BaseException):
    """The run was cancelled, has expired or has ended: nobody waits for this call's output.

    Raised inside the tool's method, wherever it is. No `except Exception` takes it for an error of the tool; what a
    `finally` or a `with` cleans up is cleaned up.
    """


def _now_ms() -> int:
    return int(time.time() * 1000)


@dataclass(frozen=True, slots=True)
class Call:
    """The call that a tool serves. The same call may be delivered twice, with the same ids.

    Attributes:
        began_ms: when this delivery began, milliseconds since 1970.
    """

    thread_id: str
    run_id: str
    turn: int
    tool_call_id: str
    began_ms: int = field(default_factory=_now_ms, compare=False)

    def times(self) -> dict[str, int]:
        """Return when it began and that it ends now, as the engine is told beside its output."""
        return {"began_ms": self.began_ms, "ended_ms": max(self.began_ms, _now_ms())}

    @property
    def idempotency_key(self) -> str:
        """The same for each delivery of this call, and for no other call.

        The turn is part of it: some models' servers start their call ids anew in each turn.
        """
        return f"{self.run_id}/{self.turn}/{self.tool_call_id}"


_call: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """The call being served, for use inside a tool's method."""
    return _call.get()


@contextmanager
def serving(call: Call) -> Iterator[dict[str, str]]:
    """Serve a call within the block, which is given the run's `functions`: configurations (JSON text) by function.

    Raises:
        CallStopped: at once, if the run does not wait for the call (a redriven execution, say, finds a run that has
            ended), or at any point of the block, once it does no longer.
    """
    _call.set(call)
    run = _run(call, consistent=True)
    if not _waits(run, call):
        raise CallStopped
    over = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        if not over.is_set():
            raise CallStopped

    signal.signal(signal.SIGUSR1, stop)
    threading.Thread(target=_watch, args=(call, run["expires_at"], over), daemon=True).start()
    try:
        yield run.get("functions", {})
    finally:
        over.set()


def _watch(call: Call, expires_at: int, over: threading.Event) -> None:
    run: Json = {"expires_at": expires_at}
    while not over.wait(max(0.0, min(CHECK_SECONDS, run["expires_at"] - time.time()))):
        with suppress(Exception):  # A look that fails is no reason to stop.
            run = _run(call, consistent=False)
            if not _waits(run, call):
                # To the main thread: this also ends a sleep, or a wait for the network, that the tool is in.
                signal.pthread_kill(_main_thread(), signal.SIGUSR1)
                return


def _main_thread() -> int:
    """The thread in which Lambda runs a handler; no other one is reached by a signal."""
    ident = threading.main_thread().ident
    assert ident is not None
    return ident


def _waits(run: Json, call: Call) -> bool:
    return bool(
        run and run["run_status"] == "in_progress" and run["turn"] == call.turn + 1 and time.time() < run["expires_at"]
    )


def _run(call: Call, *, consistent: bool) -> Json:
    """Return what a tool may read of its run, and of nothing else; empty if there is none."""
    key = {"thread_id": call.thread_id, "message_id": call.run_id}
    return (
        database().get(configured(MessagesTable).messages_table, key, consistent=consistent, attributes=ATTRIBUTES)
        or {}
    )


@cache
def database() -> Database:
    """The database of this function."""
    return Database()
