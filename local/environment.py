"""One execution environment of Lambda on Linux: AWS's own runtime client in processes that are as closed as AWS's.

It outlives its runtime: after a crash or a timeout the next invocation starts another one in it, which finds `/tmp` as
it was. It serves one invocation at a time, of one tenant.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import environment_process, memory_limits
from local.function_files import FunctionFiles
from local.runtime_api import Answer, Invocation, RuntimeApi

Json = Any

MAX_INIT_SECONDS = 60
"""AWS gives 10 s, and then the function's timeout; a machine on which everything runs at once needs more."""

FIRST_USER = 200_000
MAX_USERS = 65_536
"""Of an emulator: an environment of a tenant is never given the user of one before it."""
MAX_EMULATORS = 65_532
"""As many as there are numbers of users (32 bits) for."""


def users_of(emulator: int) -> range:
    """Return the users that an emulator gives to its tenants' environments.

    Args:
        emulator: its process id. Others that run at the same time have other users, as far as numbers go round.
    """
    first = FIRST_USER + emulator % MAX_EMULATORS * MAX_USERS
    return range(first, first + MAX_USERS)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a function as its environments see it.

    Attributes:
        memory: bytes.
        timeout: seconds.
        variables: the environment but for what differs between environments.
        has_tenants: whether each tenant has environments of its own, under users of their own.
    """

    name: str
    version: str
    handler: str
    memory: int
    timeout: float
    variables: Mapping[str, str]
    code: Path
    layers: Path
    has_tenants: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an invocation.

    Attributes:
        answer: the function's, or Lambda's own where the function gave none.
        status: `success`, `error`, `failure` (the runtime ended) or `timeout`, as platform logs name it.
        lines: what the environment wrote meanwhile: seconds since 1970, and the line.
        cold: whether the runtime was started for it.
        seconds: how long it took, without its wait in line.
        log_stream: the environment's.
    """

    answer: Answer
    status: str
    lines: list[tuple[float, str]]
    cold: bool
    seconds: float
    log_stream: str


class Environment:
    """One execution environment; used by one thread at a time."""

    _users = iter(users_of(os.getpid()))

    def __init__(self, version: Version, files: FunctionFiles, tenant: str = "") -> None:
        self.version, self.tenant, self.last_used = version, tenant, time.monotonic()
        self.id = uuid.uuid4().hex
        self.log_stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{version.version}]{self.id}"
        self._files = files
        self._user = next(self._users) if version.has_tenants and os.getuid() == 0 else 0
        self._folder = files.environments / self.id
        self._memory = memory_limits.limit(f"functions-{os.getpid()}-{self.id}", version.memory)
        self._api = RuntimeApi()
        self._log_reader, self._log = os.pipe()
        os.set_blocking(self._log_reader, False)
        self._api.watch(self._log_reader, self._read_log)
        self._lines: list[tuple[float, str]] = []
        self._partial = b""
        self._control: socket.socket | None = None
        self._is_busy = True
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._commands: socket.socket | None = None
        self._status = 0

    @property
    def is_running(self) -> bool:
        """Return whether its runtime runs, as far as was heard."""
        return self._control is not None

    @property
    def failure(self) -> str:
        """Return why its runtime could not initialise; empty if it could."""
        if self.is_running:
            return ""
        error = self._api.init_error
        return str(json.loads(error.body)["errorMessage"]) if error else "The runtime ended while it initialised."

    def start(self, commands: socket.socket | None = None) -> None:
        """Start its runtime from nothing; as a template where it gets a socket for commands."""
        self._make_folder()
        with self._control_socket() as theirs, _opened(self._members()) as members, _opened(os.devnull) as nothing:
            command = [sys.executable, "-I", "-S", environment_process.__file__, str(theirs.fileno())]
            # By its name, `local.patches_network` knows whose a connection is.
            named = {"LANG": "C.UTF-8", "AWS_LAMBDA_FUNCTION_NAME": self.version.variables["AWS_LAMBDA_FUNCTION_NAME"]}
            self._supervisor = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, env=named
            )
            assert self._control
            descriptors = (self._log, members, commands.fileno() if commands else nothing)
            environment_process.send(self._control, self._start_message(is_template=bool(commands)), *descriptors)

    def start_template(self) -> bool:
        """Start its runtime as one to fork others from; return whether that is possible."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.start(theirs)
        self._commands, heard = ours, []
        self._api.watch(ours, lambda: heard.append(environment_process.receive(ours)[0]))
        self._api.serve(lambda: any(heard) or not self.is_running, time.monotonic() + MAX_INIT_SECONDS)
        self._api.unwatch(ours)
        return heard == [{"threads": 1}]

    def fork(self, template: "Environment") -> None:
        """Start its runtime as a copy of the template's, which finds in `/tmp` what that one wrote there."""
        assert template._commands
        self._make_folder(template)
        self._lines = template.take_lines()
        with self._control_socket() as theirs, _opened(self._members()) as members:
            message = self._start_message(is_template=False)
            environment_process.send(template._commands, message, theirs.fileno(), self._log, members)

    def is_alive(self) -> bool:
        """Look whether its runtime runs."""
        self._api.serve(lambda: False, time.monotonic())
        return self.is_running

    def take_lines(self) -> list[tuple[float, str]]:
        """Return what was written since the last time."""
        self._read_log()
        lines, self._lines = self._lines, []
        return lines

    def invoke(
        self,
        request_id: str,
        event: bytes,
        function_arn: str,
        trace_id: str,
        start: "Callable[[Environment], None]",
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> Outcome:
        """Run one invocation, in a runtime that is started unless one waits for it."""
        began = time.monotonic()
        cold = not self._is_ready_now()
        if cold:
            start(self)
            self._api.serve(
                lambda: self._api.is_ready or self._api.init_error is not None or not self.is_running,
                time.monotonic() + MAX_INIT_SECONDS,
            )
        handed_over = time.monotonic()
        invocation = (request_id, event, time.time() + self.version.timeout, function_arn, trace_id, self.tenant)
        answer, status = self._run(Invocation(*invocation, on_chunk))
        seconds = time.monotonic() - (began if cold else handed_over)
        self.last_used = time.monotonic()
        if self._user and not self._files.private:
            _remove_files_of(self._user)
        return Outcome(answer, status, self.take_lines(), cold, seconds, self.log_stream)

    def stop(self) -> None:
        """End its runtime, all that this started, and itself."""
        self._end_runtime()
        self._api.close()
        if self._commands:
            self._commands.close()
        os.close(self._log_reader)
        os.close(self._log)
        if self._memory:
            with contextlib.suppress(OSError):
                self._memory.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, invocation: Invocation) -> tuple[Answer, str]:
        request_id, timeout = invocation.request_id, self.version.timeout
        if not self._api.is_ready:
            error = self._api.init_error
            self._end_runtime()
            return (error, "error") if error else (self._ended(request_id), "failure")
        deadline = time.monotonic() + timeout
        with contextlib.suppress(OSError):
            self._api.hand_over(invocation)
        # Most invocations are over before the supervisor would look for the first time.
        done = self._serve_invocation(min(deadline, time.monotonic() + environment_process.SECONDS_BETWEEN_LOOKS))
        if not done:
            self._tell_supervisor(busy=True)
            done = self._serve_invocation(deadline)
        answer = self._api.take_answer()
        if answer is not None:
            self._tell_supervisor(busy=False)
            return answer, "error" if answer.failed else "success"
        self._end_runtime()
        if done:
            return self._ended(request_id), "failure"
        message = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
        return _error("Sandbox.Timedout", message), "timeout"

    def _serve_invocation(self, deadline: float) -> bool:
        return self._api.serve(lambda: self._api.is_answered or not self.is_running, deadline)

    def _tell_supervisor(self, *, busy: bool) -> None:
        """Say whether there is an invocation, if it is the supervisor that limits the memory."""
        if self._control and not self._memory and busy != self._is_busy:
            self._is_busy = busy
            with contextlib.suppress(OSError):
                self._control.send(json.dumps({"busy": busy}).encode())

    def _ended(self, request_id: str) -> Answer:
        """Return Lambda's answer for a runtime that ended before it had answered."""
        if self._status < 0:
            reason = f"with error: signal: {(signal.strsignal(-self._status) or '').lower()}"
        else:
            reason = f"with error: exit status {self._status}" if self._status else "without providing a reason"
        return _error("Runtime.ExitError", f"RequestId: {request_id} Error: Runtime exited {reason}")

    def _is_ready_now(self) -> bool:
        """Return whether the runtime lives and has asked for an invocation, or is about to."""
        if self.is_alive():
            self._api.serve(lambda: self._api.is_ready or not self.is_running, time.monotonic() + MAX_INIT_SECONDS)
        return self.is_running and self._api.is_ready

    def _start_message(self, *, is_template: bool) -> Json:
        files, version = self._files, self.version
        variables = {
            **version.variables,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
        }
        if not files.private:
            variables["TMPDIR"] = str(self._folder)
        return {
            "mounts": files.mounts(version.code, version.layers),
            "folder": str(self._folder),
            "template": is_template,
            "environment": variables,
            # Only a process with root's rights can give its forks users of their own.
            "user": 0 if is_template else self._user,
            # A template's forks are below it, and each is watched by its own supervisor.
            "resident_bytes": 0 if self._memory or is_template else version.memory,
            "python": files.python,
            "bootstrap": f"{files.runtime}/bootstrap.py",
            "opt": files.opt(version.layers),
            "wrapper": version.variables.get("AWS_LAMBDA_EXEC_WRAPPER", ""),
        }

    @contextlib.contextmanager
    def _control_socket(self) -> Iterator[socket.socket]:
        """Open a control socket for a new supervisor; what the block gets is the other end."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._is_busy = True  # It initialises.
        self._api.watch(self._control, self._read_control)
        with theirs:
            yield theirs

    def _members(self) -> Path | str:
        return self._memory.members if self._memory else os.devnull

    def _make_folder(self, template: "Environment | None" = None) -> None:
        if self._folder.exists():
            return
        if template:
            shutil.copytree(template._folder, self._folder, symlinks=True)
        else:
            self._folder.mkdir()
        self._folder.chmod(0o700)
        if self._user:
            for path in (self._folder, *self._folder.rglob("*")):
                os.chown(path, self._user, self._user, follow_symlinks=False)

    def _end_runtime(self) -> None:
        if self._control:
            with contextlib.suppress(OSError):
                self._control.send(b"{}")
            self._api.serve(lambda: not self.is_running, time.monotonic() + 10)
        if self._supervisor:
            self._supervisor.wait()
            self._supervisor = None
        self._api.hang_up()

    def _read_control(self) -> None:
        assert self._control
        data = b""
        with contextlib.suppress(OSError):
            data = self._control.recv(environment_process.MAX_MESSAGE_BYTES)
        self._status = json.loads(data)["status"] if data else -signal.SIGKILL
        self._api.unwatch(self._control)
        self._control.close()
        self._control = None

    def _read_log(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._log_reader, 65_536):
                *whole, self._partial = (self._partial + data).split(b"\n")
                now = time.time()
                # The client separates the lines of one entry by carriage returns; in AWS's log they are line feeds.
                self._lines += [(now, line.decode(errors="replace").replace("\r", "\n")) for line in whole]


@contextlib.contextmanager
def _opened(path: Path | str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_files_of(user: int) -> None:
    """Remove what a tenant's user left in the machine's folders, which it sees where it has no view of its own."""
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):  # noqa: S108
        for path in Path(folder).iterdir():
            with contextlib.suppress(OSError):
                if path.lstat().st_uid == user:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _error(kind: str, message: str) -> Answer:
    return Answer(failed=True, body=json.dumps({"errorType": kind, "errorMessage": message}).encode())
