"""Runs code in the sandbox's own processes, without Lambda: in a program of its own, and with faults planted in it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdk.configuration import SandboxLimits
from layers.build import CACHE, ROOT

_PROGRAM = """
import json, sys
import processes, session_files
from libraries import Libraries
from workspace import Workspace

{planted}
limits = processes.Limits(**json.loads(sys.argv[1]))
processes.guard_this_process()
session = open(sys.argv[4], "w+b") if len(sys.argv) > 4 else None
for number, code in enumerate(json.loads(sys.argv[2])):
    processes.end_descendants()
    with Workspace() as workspace:
        known = session_files.unpack(workspace, session.name) if session and number else session_files.Known()
        workspace.remember()
        libraries = Libraries(json.loads(sys.argv[3]), known.libraries)
        ended = processes.run(code, workspace, limits, limits.seconds, libraries=libraries)
        told = [ended.output, ended.reason, ended.refused]
        if session:
            told.append(workspace.take_figures())
            session.seek(0)
            session.truncate()
            known = session_files.Known(libraries=sorted(libraries.used))
            session_files.pack(workspace, session, known, limits.session_mb << 20)
            session.flush()
        print(json.dumps(told), flush=True)
"""


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
    """Run codes one after another in one execution environment.

    Args:
        folder: its temporary folder.
        network: that of the function, `isolated` or `open`.
        planted: Python that is run before the first code, in the runtime.
        executable: the Python of runtime and interpreter.
        environment: further variables of the function.
        libraries: as the broker names them.
        limits: those that differ from the deployed ones.

    Returns:
        what each printed, why it was stopped, and what the kernel refused to confine.
    """
    told = _told(folder, codes, network, planted, executable, environment, limits, libraries)
    return [(output, reason, refused) for output, reason, refused in told]


@dataclass(frozen=True, slots=True)
class Ran:
    """Holds what a call of a session printed, and the names of the pictures that it shows."""

    output: str
    pictures: list[str]


def session(folder: Path, *cells: str, libraries: Sequence[dict[str, Any]] = (), **limits: int) -> list[Ran]:
    """Run cells one after another, each in a call that starts from what the call before left.

    Args:
        folder: of the test; the execution environment has one in it.
        libraries: as the broker names them.
    """
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    told = _told(temporary, cells, "isolated", "", sys.executable, None, limits, libraries, str(folder / "session.tar"))
    assert all(reason == "" for _, reason, _, _ in told), told
    return [Ran(output, pictures) for output, _, _, pictures in told]


def _told(
    folder: Path,
    codes: tuple[str, ...],
    network: str,
    planted: str,
    executable: str,
    environment: dict[str, str] | None,
    limits: dict[str, int],
    libraries: Sequence[dict[str, Any]],
    *archive: str,
) -> list[Any]:
    paths = [ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox", CACHE / "host" / "python_data" / "python"]
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "TMPDIR": str(folder),
        "SANDBOX_NETWORK": network,
        "AWS_LAMBDA_FUNCTION_NAME": "sandbox",
        **(environment or {}),
    }
    allowed = json.dumps({**asdict(SandboxLimits()), **limits})
    program = _PROGRAM.format(planted=planted)
    command = [executable, "-c", program, allowed, json.dumps(codes), json.dumps(libraries), *archive]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
    answers: list[Any] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(codes), ran.stderr
    return answers
