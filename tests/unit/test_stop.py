"""The sandbox looks for the stop of its call: code that nobody waits for ends, and nothing of it is stored."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import stop
from assistant_engine.domain.json_data import Json
from cdk.configuration import SandboxLimits
from layers.build import CACHE, ROOT
from tests.support import loopback_server


@dataclass
class Bucket:
    """A server like S3, as far as the sandbox asks it.

    Attributes:
        status: what it answers whoever looks for the stop.
        is_time: whether it answers so already, and not 404.
        seconds: how long it takes for it.
        looks: how often it was asked for the stop.
        stored: the paths of what was put.
    """

    address: str = ""
    status: int = 404
    is_time: Callable[[], bool] = lambda: True
    seconds: float = 0
    looks: int = 0
    stored: list[str] = field(default_factory=list)


@contextmanager
def serving(bucket: Bucket) -> Iterator[Bucket]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            bucket.looks += 1
            time.sleep(bucket.seconds)
            self._answer(bucket.status if bucket.is_time() else 404)

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            bucket.stored.append(self.path)
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with loopback_server.serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as bucket.address:
        yield bucket


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serving(Bucket()) as bucket:
        yield bucket


def wait_for_looks(bucket: Bucket, count: int) -> None:
    deadline = time.monotonic() + 20
    while bucket.looks < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_short_call_is_not_looked_for(bucket: Bucket) -> None:
    bucket.status = 200
    with stop.Stop(f"{bucket.address}/stop") as watched:
        assert not watched.is_asked_now()
    assert bucket.looks == 0


@pytest.mark.parametrize("status", [403, 404, 500])
def test_no_answer_but_the_object_is_a_stop(bucket: Bucket, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """To an address whose signer may not list, S3 says 403 for what is not there."""
    monkeypatch.setattr(stop, "LOOK_SECONDS", 0.02)
    bucket.status = status
    with stop.Stop(f"{bucket.address}/stop") as watched:
        wait_for_looks(bucket, 3)
        assert not watched.is_asked_now()
        bucket.status = 200
        deadline = time.monotonic() + 20
        while not watched.is_asked():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/stop", ""])
def test_a_look_that_fails_stops_nothing(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(stop, "LOOK_SECONDS", 0.01)
    with stop.Stop(url) as watched:
        time.sleep(0.1)
        assert not watched.is_asked_now()


def test_a_slow_look_keeps_nobody_waiting(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "LOOK_SECONDS", 0.02)
    bucket.seconds = 3
    began = time.monotonic()
    with stop.Stop(f"{bucket.address}/stop") as watched:
        wait_for_looks(bucket, 1)
        assert not watched.is_asked()
    assert time.monotonic() - began < 2


CALL = """
import json, sys
import stop
stop.LOOK_SECONDS = float(sys.argv[2])
import sandbox
print(json.dumps(sandbox.handler(json.loads(sys.argv[1]), None)))
"""


def call(bucket: Bucket, folder: Path, code: str, look_seconds: float) -> Json:
    """Run code as a call of the sandbox; its answer."""
    event = {
        "code": code,
        "seconds": 60,
        "files": [],
        "session": {"get": None, "put": f"{bucket.address}/session"},
        "outputs": [f"{bucket.address}/output"],
        "stop": f"{bucket.address}/stop",
        "libraries": [],
    }
    paths = [ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox", CACHE / "host" / "python_data" / "python"]
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "TMPDIR": str(folder),
        "LIMITS": json.dumps(asdict(SandboxLimits())),
        "SANDBOX_NETWORK": "isolated",
        "AWS_LAMBDA_FUNCTION_NAME": "sandbox",
    }
    command = [sys.executable, "-c", CALL, json.dumps(event), str(look_seconds)]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=120, check=True)
    answer: Json = json.loads(ran.stdout.splitlines()[-1])
    return answer


WRITE = "open('/mnt/data/made.txt', 'w').write('made')\n"
LIVE_ON = f"""
import os, time
pid = os.fork()
if pid == 0:
    os.setsid()
else:
    print(os.getpid(), pid, flush=True)
    {WRITE}
time.sleep(300)
"""


def test_a_call_that_is_not_stopped_stores_what_it_made(bucket: Bucket, tmp_path: Path) -> None:
    answer = call(bucket, tmp_path, f"{WRITE}import time; time.sleep(0.5)", 0.2)
    assert (answer["reason"], answer["session"]) == ("", True)
    assert bucket.stored == ["/output", "/session"]
    assert bucket.looks > 0


def test_stopped_code_is_dead_and_nothing_of_it_is_stored(bucket: Bucket, tmp_path: Path) -> None:
    bucket.status = 200
    bucket.is_time = lambda: any(tmp_path.glob("call*/data/made.txt"))
    answer = call(bucket, tmp_path, LIVE_ON, 0.2)
    assert answer["reason"] == "The code was stopped: its run has ended."
    assert (answer["session"], answer["files"], bucket.stored) == (False, [], [])
    pids = answer["output"].split()
    assert len(pids) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_that_comes_when_the_code_has_ended_is_found_before_anything_is_stored(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = stop.Stop(f"{bucket.address}/stop")  # Without its thread: between two of its looks.
    monkeypatch.setattr("time.monotonic", lambda: watched._first_look)
    assert not watched.is_asked_now()
    bucket.status = 200
    assert not watched.is_asked()
    assert watched.is_asked_now()
