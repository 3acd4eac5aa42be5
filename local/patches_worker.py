"""Runs the emulator's Lambda functions where there is no Linux, as on macOS, in its own worker processes.

Like those in `local.patches`, each function closes one gap of ministack 1.5.33 and names its symptom. On Linux
`local.patches_lambda` is in its place, and none of this is needed.
"""

import base64
import hashlib
import queue
import tempfile
import threading
import time
import types
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-untyped]
from ministack.services import apigateway_v1, lambda_svc  # type: ignore[import-untyped]

from local.patches_isolation import tenant

Json = Any

observers: list[Callable[[Json, float, bool], None]] = []
"""Called with a function's configuration, and of each invocation its seconds and whether its worker was started."""


def apply() -> None:
    """Patch the emulator."""
    report_the_class_of_an_exception()
    report_that_a_function_died()
    log_what_functions_log()
    log_the_exception_that_ends_an_invocation()
    answer_when_the_function_does()
    give_functions_the_packages_of_their_layers()
    unpack_a_layer_once()
    keep_tenants_apart()
    give_an_environment_its_own_folder()
    tell_of_invocations()
    send_what_a_function_streams_at_its_end()


class _Message(str):
    """The message of an exception, with the name of its class."""

    error_type: str


def report_the_class_of_an_exception() -> None:
    """Every exception of a Python function is a `Runtime.HandlerError`: Retry and Catch by name never match."""
    _patch_worker('"trace": traceback', '"type": type(e).__name__, "trace": traceback')
    invoke = lambda_runtime.Worker.invoke
    execute = lambda_svc._execute_function_warm

    def invoke_keeping_type(self: Json, *args: Json, **kwargs: Json) -> Json:
        result = invoke(self, *args, **kwargs)
        if "type" in result:
            message = _Message(result["error"])
            message.error_type = result["type"]
            result["error"] = message
        return result

    def execute_naming_type(*args: Json) -> Json:
        result = execute(*args)
        message = result["body"].get("errorMessage") if result.get("error") else None
        if isinstance(message, _Message):
            result["body"] = {
                "errorMessage": str(message),
                "errorType": message.error_type,
                "requestId": args[2],
                "stackTrace": [],
            }
        return result

    lambda_runtime.Worker.invoke = invoke_keeping_type
    lambda_svc._execute_function_warm = execute_naming_type


def report_that_a_function_died() -> None:
    """A function whose process ends is said to have raised `Runtime.HandlerError`."""
    execute = lambda_svc._execute_function_warm

    def execute_to_the_end(*args: Json) -> Json:
        result = execute(*args)
        if result.get("error") and result["body"].get("errorMessage") == "Worker process died":
            message = f"RequestId: {args[2]} Error: Runtime exited with error: signal: killed"
            result["body"] = {"errorType": "Runtime.ExitError", "errorMessage": message}
        return result

    lambda_svc._execute_function_warm = execute_to_the_end


def log_what_functions_log() -> None:
    """`logging` below WARNING is dropped: AWS's runtime gives the root logger a handler, the emulator's has none."""
    stdout = "    sys.stdout = sys.stderr\n"
    handler = "logging.basicConfig(format='[%(levelname)s]\\t%(asctime)s\\t%(message)s', level='WARNING')"
    _patch_worker(stdout, f"{stdout}    import logging; {handler}\n")


def log_the_exception_that_ends_an_invocation() -> None:
    """An exception that leaves a handler is in no log; AWS's runtime logs its class, its message and where it was."""
    caught = "        except Exception as e:\n            _real_stdout"
    log = 'print(f"[ERROR] {type(e).__name__}: {e}", *traceback.format_tb(e.__traceback__), sep="\\n")'
    _patch_worker(caught, caught.replace("_real_stdout", f"{log}\n            _real_stdout"))


def answer_when_the_function_does() -> None:
    """An invocation that logs nothing ends 50 ms after its answer, and what it logs late is taken for the next one's.

    The emulator waits for lines of the log; now a line of its own is the last.
    """
    last = "-- the last line --"
    flushed = "        _real_stdout.flush()\n\nrun()\n"
    _patch_worker(flushed, f"        print({last!r}, file=sys.__stderr__, flush=True)\n{flushed}")

    def drain(self: Json, **_: Json) -> str:
        lines: list[str] = []
        # A function that died has written no last line.
        deadline = time.monotonic() + (0.25 if self._proc else 0.05)
        with suppress(queue.Empty):
            while (line := self._stderr_queue.get(timeout=max(0.0, deadline - time.monotonic()))) != last:
                lines.append(line)
        return "\n".join(lines)

    lambda_runtime.Worker._drain_stderr_bounded = drain


_RUNTIME_PACKAGES = """
    import importlib.machinery as _machinery
    class _RuntimePackages:
        site = [path for path in sys.path if "site-packages" in path]
        names = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}
        def find_spec(self, name, path=None, target=None):
            if name in self.names:
                return _machinery.PathFinder.find_spec(name, self.site)
    sys.path[:] = [path for path in sys.path if path not in _RuntimePackages.site]
    sys.meta_path.append(_RuntimePackages())
"""


def give_functions_the_packages_of_their_layers() -> None:
    """A function imports whatever is installed beside the emulator: a package missing from its layers goes unseen.

    AWS's runtime brings boto3 and what that needs, which any layer may bring instead.
    """
    first = "    init = json.loads(sys.stdin.readline())\n"
    _patch_worker(first, _RUNTIME_PACKAGES + first)


def unpack_a_layer_once() -> None:
    """Each worker unpacks its layers for itself: six calls at once take 17 s to start, and to stop takes longer."""
    unpacking = threading.Lock()

    class ZipFile(zipfile.ZipFile):
        def namelist(self) -> list[str]:
            # Read for a check of each path, which is slow, and of layers only; they are this project's own.
            return []

        def extractall(self, path: Json = None, members: Json = None, pwd: Json = None) -> None:
            folder = Path(path)
            if not folder.name.startswith("layer_"):
                super().extractall(path, super().namelist(), pwd)
                return
            shared = Path(tempfile.gettempdir()) / hashlib.sha256(Path(str(self.filename)).read_bytes()).hexdigest()
            with unpacking:
                if not shared.exists():
                    super().extractall(shared, super().namelist())
            folder.rmdir()
            folder.symlink_to(shared, target_is_directory=True)

    lambda_runtime.zipfile = types.SimpleNamespace(**{**vars(zipfile), "ZipFile": ZipFile})


def _patch_worker(old: str, new: str) -> None:
    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    if old not in script:
        raise RuntimeError(f"The emulator's worker no longer says {old!r}")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(old, new)


_OWN_FOLDER = """
    _folder = os.path.dirname(os.path.abspath(__file__))
    os.environ["TMPDIR"] = os.path.join(_folder, "tmp")
    os.makedirs(os.environ["TMPDIR"], exist_ok=True)
"""


def give_an_environment_its_own_folder() -> None:
    """All functions share one temporary folder: what one leaves there, another finds."""
    _patch_worker("def run():\n", f"def run():\n{_OWN_FOLDER}")


def keep_tenants_apart() -> None:
    """All tenants of a function share its warm workers."""
    acquire = lambda_svc.acquire_worker

    def acquire_for_tenant(name: str, config: Json, code: bytes, qualifier: str = "$LATEST", **more: Json) -> Json:
        return acquire(name, config, code, qualifier=f"{qualifier}/{tenant.get()}".rstrip("/"), **more)

    lambda_svc.acquire_worker = acquire_for_tenant


def tell_of_invocations() -> None:
    """Nobody learns how long an invocation took."""
    invoke = lambda_runtime.Worker.invoke

    def invoke_and_tell(self: Json, *args: Json, **more: Json) -> Json:
        cold, start = self._proc is None, time.monotonic()
        try:
            return invoke(self, *args, **more)
        finally:
            for observe in observers:
                observe(self.config, time.monotonic() - start, cold)

    lambda_runtime.Worker.invoke = invoke_and_tell


_JOINED = """
            if isinstance(result, dict) and hasattr(result.get("body"), "__next__"):
                import base64
                result["body"] = base64.b64encode(b"".join(result["body"])).decode()
                result["isBase64Encoded"] = True
"""


def send_what_a_function_streams_at_its_end() -> None:
    """A function that streams has no answer: its worker sends JSON alone. Here it is sent when it is whole."""
    shape = apigateway_v1._lambda_proxy_response
    called = "            result = handler_fn(event, context)"
    _patch_worker(f"{called}\n", f"{called}{_JOINED}")

    def shaped(result: Json) -> Json:
        answer, error = shape(result)
        if answer and answer.get("isBase64Encoded"):
            answer = {**answer, "body": base64.b64decode(answer["body"]), "isBase64Encoded": False}
        return answer, error

    apigateway_v1._lambda_proxy_response = shaped
