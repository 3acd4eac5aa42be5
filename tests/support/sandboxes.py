"""Runs code in the sandbox's own processes, without Lambda: in a program of its own, and with faults planted in it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from cdk.configuration import SandboxLimits
from layers.build import CACHE, ROOT

_PROGRAM = """
import json, sys
import processes, session_files
from libraries import Libraries
from workspace import Workspace

{planted}
processes.guard_this_process()
for line in sys.stdin:
    code, offered, limits, archive, is_first = json.loads(line)
    limits = processes.Limits(**limits)
    processes.end_descendants()
    with Workspace() as workspace:
        known = session_files.Known() if is_first else session_files.unpack(workspace, archive)
        workspace.remember()
        libraries = Libraries(offered, known.libraries)
        ended = processes.run(code, workspace, limits, limits.seconds, libraries=libraries)
        pictures = workspace.take_figures()
        if archive:
            known = session_files.Known(libraries=sorted(libraries.used))
            with open(archive, "wb") as file:
                session_files.pack(workspace, file, known, limits.session_mb << 20)
    print(json.dumps([ended.output, ended.reason, ended.refused, pictures]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """Holds what a call of a session printed, and the names of the pictures that it shows."""

    output: str
    pictures: list[str]


class Environment:
    """An execution environment: it has a runtime, and another one if that has ended.

    Args:
        folder: its temporary folder.
        network: that of the function, `isolated` or `open`.
        planted: Python that is run before the first code, in the runtime.
        executable: the Python of runtime and interpreter.
        variables: further variables of the function.
    """

    def __init__(
        self,
        folder: Path,
        network: str = "isolated",
        planted: str = "",
        executable: str = sys.executable,
        variables: dict[str, str] | None = None,
    ) -> None:
        paths = [ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox", CACHE / "host" / "python_data" / "python"]
        self._variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "TMPDIR": str(folder),
            "SANDBOX_NETWORK": network,
            "AWS_LAMBDA_FUNCTION_NAME": "sandbox",
            **(variables or {}),
        }
        self._command = [executable, "-c", _PROGRAM.format(planted=planted)]
        self._open = ExitStack()
        self._log: IO[str]
        self._runtime: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def run(
        self, *codes: str, libraries: Sequence[dict[str, Any]] = (), **limits: int
    ) -> list[tuple[str, str, list[str]]]:
        """Run codes one after another, each without a session.

        Args:
            libraries: as the broker names them.
            limits: those that differ from the deployed ones.

        Returns:
            what each printed, why it was stopped, and what the kernel refused to confine.
        """
        answers = [self._call(code, libraries, limits) for code in codes]
        return [(output, reason, refused) for output, reason, refused, _ in answers]

    def session(self, *cells: str, libraries: Sequence[dict[str, Any]] = (), **limits: int) -> list[Ran]:
        """Run cells one after another, each in a call that starts from what the call before left."""
        with tempfile.NamedTemporaryFile() as archive:
            told = [self._call(cell, libraries, limits, archive.name, not number) for number, cell in enumerate(cells)]
        assert all(reason == "" for _, reason, _, _ in told), told
        return [Ran(output, pictures) for output, _, _, pictures in told]

    def _call(
        self,
        code: str,
        libraries: Sequence[dict[str, Any]],
        limits: dict[str, int],
        archive: str = "",
        is_first: bool = True,
    ) -> Any:
        if self._runtime is None or self._runtime.poll() is not None:
            self._open.close()
            self._log = self._open.enter_context(tempfile.TemporaryFile("w+"))  # noqa: SIM115
            started = subprocess.Popen(
                self._command,
                env=self._variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
            self._runtime = self._open.enter_context(started)  # Its end closes its input, and so it ends.
        assert self._runtime.stdin and self._runtime.stdout
        request = [code, libraries, {**asdict(SandboxLimits()), **limits}, archive, is_first]
        self._runtime.stdin.write(json.dumps(request) + "\n")
        self._runtime.stdin.flush()
        answer = self._runtime.stdout.readline()
        if not answer:
            self._log.seek(0)
            raise AssertionError(self._log.read())
        return json.loads(answer)


def sandboxed(
    folder: Path,
    *codes: str,
    network: str = "isolated",
    planted: str = "",
    executable: str = sys.executable,
    environment: dict[str, str] | None = None,
    libraries: Sequence[dict[str, Any]] = (),
    **limits: int,
) -> list[tuple[str, str, list[str]]]:
    """Run codes one after another in an execution environment of their own (`Environment`)."""
    with Environment(folder, network, planted, executable, environment) as own:
        return own.run(*codes, libraries=libraries, **limits)
