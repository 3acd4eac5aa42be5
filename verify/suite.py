"""Runs the project's own tests against the deployed stack, those that need no scripted model and no planted fault."""

import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("tests/e2e", "tests/contract", "tests/faults")


@dataclass(frozen=True, slots=True)
class Summary:
    """The results of the tests.

    Attributes:
        counts: by folder: how many `passed`, `failed` or were `skipped`.
        failed: the names of those that failed, with the first line of why.
        problem: what pytest said when it could not run them; else empty.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    failed: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""


def run(environment: str) -> Summary:
    """Run the tests against the stack of an environment; their progress goes to the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", *FOLDERS, f"--junit-xml={report}", "--tb=short"]
        code = subprocess.run(command, cwd=ROOT, env={**os.environ, "VERIFY_ENV": environment}, check=False).returncode
        if not report.exists():
            return Summary(problem=f"pytest ended with status {code} and wrote no report")
        return summarised(report.read_text())


def summarised(xml: str) -> Summary:
    """Return what a JUnit report of pytest says."""
    counts = {folder: Counter[str]() for folder in FOLDERS}
    failed = []
    for case in ElementTree.fromstring(xml).iter("testcase"):  # noqa: S314 - pytest has just written it
        folder = "/".join(case.get("classname", "").split(".")[:2])
        wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
        outcome = "failed" if wrong is not None else "skipped" if case.find("skipped") is not None else "passed"
        counts.setdefault(folder, Counter())[outcome] += 1
        if wrong is not None:
            failed.append((f"{folder}: {case.get('name')}", wrong.get("message", "").partition("\n")[0][:200]))
    return Summary({folder: found for folder, found in counts.items() if found}, failed)
