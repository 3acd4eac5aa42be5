"""The processes of one execution environment of a Lambda function, on Linux: a supervisor and the runtime below it.

The emulator starts this file as a supervisor. The supervisor isolates the environment (mounts, memory, user), starts
the runtime and ends with it: whatever the environment started is killed then. The runtime is this file again, under
the interpreter and with the variables that a function has on AWS; it runs AWS's own client, `awslambdaric`.

A runtime that has initialised, and has no invocation yet, is a template: asked to, it forks a supervisor and a runtime
for another environment. A function with SnapStart is forked where AWS takes its snapshot, and its forks keep what a
snapshot keeps; those of other functions stand for runtimes that start from nothing.

This file imports nothing of the project: it is copied to where functions find `/var/runtime/bootstrap.py`. Messages on
the control sockets are JSON objects; `local.environment` is at the other end.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from typing import Any, NoReturn

Json = Any

MAX_MESSAGE_BYTES = 262_144
SECONDS_BETWEEN_LOOKS = 0.05
"""At its memory, while the function initialises or has an invocation."""
SECONDS_BETWEEN_LOOKS_AT_REST = 5.0
"""Between invocations: AWS freezes the environment, so that nothing grows in it."""
MAX_OPEN_FILES = 1_024
"""Of a runtime and of each process that it starts ("Lambda quotas", file descriptors)."""

_libc = ctypes.CDLL(None, use_errno=True)
_PR_GET_DUMPABLE, _PR_SET_DUMPABLE = 3, 4
_PR_SET_CHILD_SUBREAPER, _PR_GET_CHILD_SUBREAPER = 36, 37
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_MNT_DETACH = 2
_SYS_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY = 1


def supervise(control: socket.socket, start: Json, runtime: int) -> NoReturn:
    """Wait for the runtime's end, or for the emulator to ask for it or to go; then kill all and report the status.

    A message that says whether the environment is `busy` asks for nothing: memory is looked at the more often.
    """
    limit, is_busy, looked = start["resident_bytes"], True, time.monotonic()
    ended = os.pidfd_open(runtime)
    # Not `select`, which takes no descriptor above 1,023; their numbers are those that the emulator had free.
    awaited = select.poll()
    awaited.register(control, select.POLLIN)
    awaited.register(ended, select.POLLIN)
    while True:
        look_at = looked + (SECONDS_BETWEEN_LOOKS if is_busy else SECONDS_BETWEEN_LOOKS_AT_REST)
        left = max(0, 1_000 * (look_at - time.monotonic())) if limit else None
        ready = [descriptor for descriptor, _ in awaited.poll(left)]
        if control.fileno() in ready:  # First: what is left unread takes the status with it.
            data = b""
            with contextlib.suppress(OSError):
                data = control.recv(MAX_MESSAGE_BYTES)
            if not data or "busy" not in (told := json.loads(data)):
                break
            is_busy = told["busy"]
        elif ended in ready or _resident_bytes() > limit:
            break
        else:
            looked = time.monotonic()
    status = os.waitpid(runtime, os.WNOHANG)[1] if ended in ready else signal.SIGKILL
    _kill_descendants()
    with contextlib.suppress(OSError):
        control.send(json.dumps({"status": os.waitstatus_to_exitcode(status)}).encode())
    os._exit(0)


def isolate(start: Json) -> None:
    """Make this process the parent of all orphans of the environment; give it its own view of the file system."""
    os.setsid()
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    if start["mounts"]:
        enter_mounts(start["mounts"], start["folder"], keep_environments=start["template"])


def become_runtime(start: Json, log: int, memory: int) -> None:
    """Take on what the runtime of an environment has: its output, its limit of memory, its user."""
    os.setsid()
    if memory >= 0:
        os.write(memory, b"0")
        os.close(memory)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.close(null)
    os.chdir(start["environment"]["LAMBDA_TASK_ROOT"])
    if start["user"]:
        os.setgroups([])
        os.setgid(start["user"])
        os.setuid(start["user"])
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))


def enter_mounts(mounts: Json, folder: str, *, keep_environments: bool) -> None:
    """Leave the machine's mounts for the environment's own: everything is read-only but its `/tmp`.

    `mounts` maps what functions see to a folder of the machine; `folder` is the environment's, of which a template
    gives each fork its own: those are seen below `/var/environments`. Needs root and Linux 5.12.
    """
    _check(_libc.unshare(_CLONE_NEWNS))
    if not os.path.isdir("/var/environments"):
        _mount(None, "/", _MS_REC | _MS_PRIVATE)
        _make_room_in_var()
        for seen, source in mounts.items():
            os.makedirs(seen, exist_ok=True)
            _mount(source, seen, _MS_BIND | _MS_REC)
        if os.path.isdir("/dev/shm"):
            _mount("none", "/dev/shm", 0, "tmpfs")
        _set_read_only("/", recursive=True)
        _set_read_only("/proc", clear=True)
    _mount(f"/var/environments/{os.path.basename(folder)}", "/tmp", _MS_BIND)
    _set_read_only("/tmp", clear=True)
    if not keep_environments:
        _check(_libc.umount2(b"/var/environments", _MNT_DETACH))


def _make_room_in_var() -> None:
    """Replace /var by a folder that has the same in it and may have more; /var/tmp is empty."""
    _mount("none", "/mnt", 0, "tmpfs")
    os.mkdir("/mnt/var")
    _mount("/var", "/mnt/var", _MS_BIND | _MS_REC)
    _mount("none", "/var", 0, "tmpfs")
    for entry in os.scandir("/mnt/var"):
        path = f"/var/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), path)
        elif entry.is_dir():
            os.mkdir(path)
            if entry.name != "tmp":
                _mount(entry.path, path, _MS_BIND | _MS_REC)
    _check(_libc.umount2(b"/mnt", _MNT_DETACH))


def _mount(source: str | None, target: str, flags: int, kind: str | None = None) -> None:
    arguments = (text.encode() if text is not None else None for text in (source, target, kind))
    _check(_libc.mount(*arguments, ctypes.c_ulong(flags), None), target)


def _set_read_only(path: str, *, recursive: bool = False, clear: bool = False) -> None:
    attributes = (ctypes.c_uint64 * 4)(0 if clear else _MOUNT_ATTR_RDONLY, _MOUNT_ATTR_RDONLY if clear else 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    _check(_libc.syscall(_SYS_MOUNT_SETATTR, _AT_FDCWD, path.encode(), flags, ctypes.byref(attributes), size), path)


def _check(result: int, path: str = "") -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


def _descendants() -> list[int]:
    found = [os.getpid()]
    for pid in found:
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as children:
                    found += map(int, children.read().split())
    return found[1:]


def _resident_bytes() -> int:
    pages = 0
    for pid in _descendants():
        with contextlib.suppress(OSError), open(f"/proc/{pid}/statm") as sizes:
            pages += int(sizes.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _kill_descendants() -> None:
    # Orphans become children of this process, the subreaper: none escapes by leaving its group.
    while pids := _descendants():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def send(control: socket.socket, message: Json, *descriptors: int) -> None:
    """Send a message, and open files with it."""
    socket.send_fds(control, [json.dumps(message).encode()], list(descriptors))


def receive(control: socket.socket) -> tuple[Json, list[int]]:
    """Receive a message and the open files that came with it; None for a message when the other end is closed."""
    data, descriptors, _, _ = socket.recv_fds(control, MAX_MESSAGE_BYTES, 4)
    return (json.loads(data) if data else None), descriptors


def start_supervisor(control: socket.socket) -> NoReturn:
    """Start an environment whose runtime initialises from nothing: a template, or one that serves."""
    control.set_inheritable(False)
    start, (log, memory, commands) = receive(control)
    isolate(start)
    runtime = os.fork()
    if runtime == 0:
        become_runtime(start, log, memory)
        os.set_inheritable(commands, True)
        environment = start["environment"]
        command = [start["python"], start["bootstrap"], environment["_HANDLER"], start["opt"]]
        if start["template"]:
            command.append(str(commands))
        elif start["wrapper"]:
            # On AWS a wrapper gets the runtime's own command line, which names its script alone.
            command = [start["opt"] + start["wrapper"].removeprefix("/opt"), start["python"], start["bootstrap"]]
        os.execve(command[0], command, environment)
    for descriptor in (log, memory, commands):
        os.close(descriptor)
    supervise(control, start, runtime)


# Below: in the runtime, under the function's interpreter.


def run(handler: str, opt: str, commands: socket.socket | None) -> None:
    """Initialise the function under AWS's client; then be a template if there are `commands`, or serve invocations."""
    task, runtime = os.environ["LAMBDA_TASK_ROOT"], os.environ["LAMBDA_RUNTIME_DIR"]
    site_packages = f"{opt}/python/lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    rest = [path for path in sys.path if path != runtime]
    sys.path[:] = [task, f"{opt}/python", site_packages, runtime, *rest]
    sys.argv[1:] = []

    if commands is not None:
        # The client takes its address from the environment when it is loaded, and each environment has its own.
        sys.modules["runtime_client"] = None  # type: ignore[assignment]
    from awslambdaric import bootstrap, lambda_runtime_client
    from awslambdaric.lambda_config import LambdaConfigProvider

    class Client(lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc]
        """AWS's client; in a template, the wait for the first restore or invocation goes on in its forks."""

        commands: socket.socket | None = None

        def restore_next(self) -> None:
            self.fork()
            super().restore_next()

        def wait_next_invocation(self) -> Any:
            self.fork()
            return super().wait_next_invocation()

        def fork(self) -> None:
            if self.commands is not None:
                fork_environments(self.commands)
                self.commands = None
                self.lambda_runtime_address = os.environ["AWS_LAMBDA_RUNTIME_API"]
                del sys.modules["runtime_client"]
                lambda_runtime_client.runtime_client = importlib.import_module("runtime_client")
                lambda_runtime_client.runtime_client.initialize_client(lambda_runtime_client._user_agent())

    config = LambdaConfigProvider(["", handler])
    client = Client(config.api_address, config.use_thread_polling)
    client.commands = commands
    bootstrap.run(handler, client)


def run_wrapped(opt: str, commands: socket.socket) -> None:
    """Initialise the function under the client that its wrapper starts in place of AWS's, as a template."""
    sys.argv[1:] = []
    sys.path.append(opt)
    runtime = importlib.import_module("streaming_runtime")

    class Api(runtime.RuntimeApi):  # type: ignore[misc, name-defined]
        """The Runtime API: the wait for the first restore or invocation goes on in the template's forks."""

        is_template = True

        def restore(self) -> None:
            self.fork()
            super().restore()

        def next_invocation(self) -> Any:
            self.fork()
            return super().next_invocation()

        def fork(self) -> None:
            if self.is_template:
                fork_environments(commands)
                self.is_template, self._address = False, os.environ["AWS_LAMBDA_RUNTIME_API"]

    runtime.RuntimeApi = Api  # type: ignore[attr-defined]
    runtime.main()


def fork_environments(commands: socket.socket) -> None:
    """Fork an environment each time that the emulator asks for one; return in these only."""
    # Threads don't survive a fork, and the locks they hold are never released: the emulator wants one thread.
    send(commands, {"threads": len(os.listdir("/proc/self/task"))})
    # The collector would touch, and so copy, all that there is now in each environment.
    gc.collect()
    gc.freeze()
    attributes = _process_attributes()
    chance = sys.modules["random"].getstate() if "random" in sys.modules else None
    while True:
        start, descriptors = receive(commands)
        if start is None:
            os._exit(0)
        if os.fork() == 0:
            commands.close()
            become_environment(start, attributes, *descriptors)
            renew_chance(chance)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def become_environment(start: Json, attributes: dict[int, int], control: int, log: int, memory: int) -> None:
    """Return in the new environment's runtime; its supervisor stays here."""
    try:
        isolate(start)
        runtime = os.fork()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    if runtime != 0:
        for descriptor in (log, memory):
            os.close(descriptor)
        supervise(socket.socket(fileno=control), start, runtime)
    os.close(control)
    _hang_up()
    become_runtime(start, log, memory)
    for attribute, value in attributes.items():
        _check(_libc.prctl(attribute, value, 0, 0, 0))
    os.environ.clear()
    os.environ.update(start["environment"])
    if "tempfile" in sys.modules:
        vars(sys.modules["tempfile"])["tempdir"] = None


def renew_chance(chance: Any) -> None:
    """Seed the random generators as a start from nothing does; after a snapshot, they go on as they were in it."""
    if os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start":
        if chance is not None:  # Python seeds its own generator anew at a fork.
            sys.modules["random"].setstate(chance)
    elif "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def _process_attributes() -> dict[int, int]:
    """Return what the function may have set for its process, and a fork or a change of user would lose."""
    subreaper = ctypes.c_int()
    _check(_libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(subreaper), 0, 0, 0))
    dumpable = _libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0)
    return {_PR_SET_CHILD_SUBREAPER: subreaper.value, _PR_SET_DUMPABLE: dumpable}


def _hang_up() -> None:
    """End every connection that the template made, as it is found ended after a snapshot: its other end is gone."""
    gone, other = socket.socketpair()
    other.close()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if int(name) != gone.fileno() and os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                os.dup2(gone.fileno(), int(name), inheritable=False)
    gone.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case [control]:
            start_supervisor(socket.socket(fileno=int(control)))
        case [handler, opt]:
            run(handler, opt, None)
        case [_, opt, commands] if "AWS_LAMBDA_EXEC_WRAPPER" in os.environ:
            run_wrapped(opt, socket.socket(fileno=int(commands)))
        case [handler, opt, commands]:
            run(handler, opt, socket.socket(fileno=int(commands)))
