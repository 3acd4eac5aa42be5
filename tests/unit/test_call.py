"""A call that nobody waits for any more: it is not begun, or it is stopped where it is."""

import importlib.util
import signal
import sys
import threading
import time
from collections.abc import Callable

import pytest

from assistant_engine.domain.json_data import Json
from assistant_engine.tools import call
from cdk.tables import RUN_STATUS_ATTRIBUTES

A_CALL = call.Call("thread_1", "run_1", 3, "call_1")


def compute() -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pass


def test_a_tool_may_read_of_a_run_what_it_looks_at() -> None:
    assert set(RUN_STATUS_ATTRIBUTES) == {"thread_id", "message_id", *call.ATTRIBUTES}


@pytest.mark.parametrize(
    "change",
    [
        {"run_status": "cancelling"},
        {"run_status": "failed"},
        {"turn": 5},
        {"expires_at": 1},
    ],
)
def test_a_call_that_the_run_does_not_wait_for_is_not_begun(a_run_that_waits: Json, change: Json) -> None:
    a_run_that_waits.update(change)
    with pytest.raises(call.CallStopped), call.serving(A_CALL):
        pytest.fail("the call was begun")


@pytest.mark.parametrize(
    "busy",
    [
        pytest.param(lambda: time.sleep(30), id="asleep"),
        pytest.param(lambda: threading.Event().wait(30), id="waiting"),
        pytest.param(compute, id="computing"),
    ],
)
@pytest.mark.parametrize("change", [{"run_status": "cancelling"}, {"expires_at": int(time.time()) - 1}])
def test_a_call_is_stopped_where_it_is(
    a_run_that_waits: Json, monkeypatch: pytest.MonkeyPatch, change: Json, busy: Callable[[], object]
) -> None:
    monkeypatch.setattr(call, "CHECK_SECONDS", 0.05)
    cleaned_up = False
    with pytest.raises(call.CallStopped), call.serving(A_CALL):
        a_run_that_waits.update(change)
        try:
            busy()
        except Exception:
            pytest.fail("taken for an error of the tool")
        finally:
            cleaned_up = True
    assert cleaned_up


def test_a_look_that_fails_stops_nothing(a_run_that_waits: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = threading.Event()

    def fail(*_: object, **__: object) -> Json:
        looks.set()
        raise ConnectionError

    monkeypatch.setattr(call, "CHECK_SECONDS", 0.01)
    with call.serving(A_CALL):
        monkeypatch.setattr(call, "_run", fail)
        assert looks.wait(10)
        time.sleep(0.05)


def test_a_run_that_goes_on_after_the_call_disturbs_nobody(
    a_run_that_waits: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "CHECK_SECONDS", 0.01)
    with call.serving(A_CALL):
        pass
    a_run_that_waits["run_status"] = "completed"
    time.sleep(0.1)


def test_it_is_imported_where_there_are_no_such_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """`layers.build` imports every tool to describe it, on Windows too."""
    for name in ("SIGUSR1", "SIGUSR2", "SIGKILL", "pthread_kill", "setitimer"):
        monkeypatch.delattr(signal, name)
    for module in ("tools.call", "tool"):
        path = importlib.import_module(f"assistant_engine.{module}").__file__
        assert path
        spec = importlib.util.spec_from_file_location(f"{module}_elsewhere", path)
        assert spec
        assert spec.loader
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, loaded)
        spec.loader.exec_module(loaded)
