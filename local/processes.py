"""Background processes that outlive the command that started them, known by a record in a directory.

A record is `<directory>/<name>.json`: `{"pid": int, "port": int}`. A pid may have been reused since: a process counts
as ours only while its command line contains the marker given for it.
"""

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistants import private
from local.paths import ROOT


class LocalError(Exception):
    """Something a person has to put right; the message is the whole of what they are shown."""


class PortTaken(LocalError):
    """Another process took the port first."""


@dataclass(frozen=True)
class Background:
    """One kind of background process: its name, a word of its command line and a path that answers when it is ready."""

    name: str
    marker: str
    health_path: str

    def running_port(self, directory: Path) -> int | None:
        """Return the port of the running process recorded in `directory`, or None."""
        record = self._record(directory)
        if record is None or self.marker not in _command_line(record["pid"]):
            return None
        return record["port"] if _answers(record["port"], self.health_path) else None

    def serve(
        self, directory: Path, preferred_port: int, command: Sequence[str] | None = None, **environment: str
    ) -> int:
        """Start a server unless it runs already; return its port, the first that is free from the preferred one on.

        Args:
            directory: holds the record and the log.
            command: is given the port as its last argument; without it, Python runs the module that `marker` names.
            environment: variables beside PATH and PYTHONPATH.

        Raises LocalError as `start` does.
        """
        running = self.running_port(directory)
        if running is not None:
            return running
        self.stop(directory)
        command = command or [sys.executable, "-m", self.marker]
        paths = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
        while True:
            port = free_port(preferred_port)
            with contextlib.suppress(PortTaken):  # Several stacks may start at once.
                self.start(directory, [*command, str(port)], port, {**paths, **environment})
                return port

    def start(
        self, directory: Path, command: Sequence[str], port: int, environment: Mapping[str, str], timeout: float = 60
    ) -> None:
        """Start `command` in a session of its own, output to `<name>.log`, and wait until it answers on `port`.

        Raises LocalError with the end of the log if it ends early or doesn't answer within `timeout` seconds, PortTaken
        if another process answers there.
        """
        private.folder(directory)
        log = directory / f"{self.name}.log"
        with os.fdopen(private.create(log), "wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )
        try:
            (directory / f"{self.name}.json").write_text(json.dumps({"pid": process.pid, "port": port}))
            deadline = time.monotonic() + timeout
            while not (_answers(port, self.health_path) and _listens(process.pid, port)):
                if process.poll() is not None or time.monotonic() > deadline:
                    tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
                    kind = PortTaken if _is_taken(port) else LocalError
                    raise kind(f"The {self.name} did not start (log: {log}):\n{tail}")
                time.sleep(0.05)
        except BaseException:
            # Also at Ctrl-C: what nobody knows of would keep its port.
            _signal(process.pid, signal.SIGKILL, group=True)
            process.wait()
            self.stop(directory)
            raise

    def stop(self, directory: Path, patience: float = 5) -> bool:
        """End the recorded process and those it started: SIGTERM, then SIGKILL after `patience` seconds.

        Returns whether one was running.
        """
        record = self._record(directory)
        running = record is not None and self.marker in _command_line(record["pid"])
        if record and running:
            pid = record["pid"]
            _signal(pid, signal.SIGTERM, group=False)
            deadline = time.monotonic() + patience
            while time.monotonic() < deadline and self.marker in _command_line(pid):
                time.sleep(0.05)
            # The session holds only what this process started, such as the workers of Lambda functions.
            _signal(pid, signal.SIGKILL, group=True)
        # Last: whoever is interrupted before can still stop it.
        (directory / f"{self.name}.json").unlink(missing_ok=True)
        return running

    def _record(self, directory: Path) -> dict[str, int] | None:
        try:
            record = json.loads((directory / f"{self.name}.json").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return {"pid": int(record["pid"]), "port": int(record["port"])}


def free_port(preferred: int, attempts: int = 100) -> int:
    """Return the first port from `preferred` upwards that is free on the loopback address; 0 takes any that is."""
    for port in range(preferred, preferred + attempts):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # Without this, a port whose last connection closed seconds ago would count as taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LocalError(f"No port between {preferred} and {preferred + attempts - 1} is free on 127.0.0.1.")


def _is_taken(port: int) -> bool:
    try:
        free_port(port, attempts=1)
    except LocalError:
        return True
    return False


def _listens(pid: int, port: int) -> bool:
    """Return whether this very process listens on the port: another one may answer there."""
    import psutil  # Only here: what stops the stack needs no package.

    with contextlib.suppress(psutil.Error):
        return any(_is_listener(each, port) for each in psutil.Process(pid).net_connections(kind="tcp"))
    return False


def _is_listener(connection: Any, port: int) -> bool:
    return bool(connection.status == "LISTEN" and connection.laddr.port == port)


def required_port(port: int) -> int:
    """Return a port of the loopback address, or any that is free for 0.

    Raises:
        LocalError: it is taken; says by what, as far as this user may know.
    """
    try:
        return free_port(port, attempts=1)
    except LocalError:
        raise LocalError(
            f"Port {port} is taken by {_listener(port)}. Stop that, or set LOCAL_PORT to another port, for this command"
            " or in .env."
        ) from None


def _listener(port: int) -> str:
    """Return the program that listens on a port, and its process id."""
    import psutil  # As in `_listens`.

    try:
        listening = [each.pid for each in psutil.net_connections(kind="tcp") if _is_listener(each, port)]
    except psutil.AccessDenied:  # macOS shows a user the connections of each process, but not those of all.
        listening = [pid for pid in psutil.pids() if _listens(pid, port)]
    for pid in filter(None, listening):  # None: of another user.
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            return f"`{shlex.join(process.cmdline()[:6]) or process.name()}` (process {pid})"
    return "another user's program"


def is_alive(pid: int) -> bool:
    """Return whether a process of this id runs, ours or not."""
    return bool(_command_line(pid))


def _answers(port: int, path: str) -> bool:
    # No proxy: the environment may name one, and this is the loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=2) as response:
            return bool(response.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _command_line(pid: int) -> str:
    with contextlib.suppress(OSError):
        os.waitpid(pid, os.WNOHANG)  # a child of ours that has ended is a zombie until it is waited for
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        except OSError:
            return ""
    # Where there is no /proc, as on macOS. -ww: the line isn't cut to the width of a terminal.
    shown = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False)
    return shown.stdout


def _signal(pid: int, number: signal.Signals, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)
