"""Runs code in the sandbox's own processes, without Lambda: in a program of its own, and with faults planted in it."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cdk.configuration import SandboxLimits
from layers.build import CACHE, ROOT

_PROGRAM = """
import json, sys
import processes
from workspace import Workspace

{planted}
limits = processes.Limits(**json.loads(sys.argv[1]))
processes.guard_this_process()
for code in json.loads(sys.argv[2]):
    processes.end_descendants()
    with Workspace() as workspace:
        ended = processes.run(code, workspace, limits, limits.seconds)
        print(json.dumps([ended.output, ended.reason, ended.refused]), flush=True)
"""


def sandboxed(
    folder: Path,
    *codes: str,
    network: str = "isolated",
    planted: str = "",
    executable: str = sys.executable,
    environment: dict[str, str] | None = None,
    **limits: int,
) -> list[tuple[str, str, list[str]]]:
    """Run codes one after another in one execution environment.

    Args:
        folder: its temporary folder.
        network: that of the function, `isolated` or `open`.
        planted: Python that is run before the first code, in the runtime.
        executable: the Python of runtime and interpreter.
        environment: further variables of the function.
        limits: those that differ from the deployed ones.

    Returns:
        what each printed, why it was stopped, and what the kernel refused to confine.
    """
    paths = [ROOT / "lambdas" / "sandbox", CACHE / "host" / "python_data" / "python"]
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "TMPDIR": str(folder),
        "SANDBOX_NETWORK": network,
        "AWS_LAMBDA_FUNCTION_NAME": "sandbox",
        **(environment or {}),
    }
    told = json.dumps({**asdict(SandboxLimits()), **limits})
    command = [executable, "-c", _PROGRAM.format(planted=planted), told, json.dumps(codes)]
    ran = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
    answers: list[Any] = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(codes), ran.stderr
    return [(output, reason, refused) for output, reason, refused in answers]
