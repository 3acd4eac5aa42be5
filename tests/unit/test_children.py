"""Programs that functions start: they get what the runtime needs, and nothing that is secret.

Lambda's Python finds its own library by `LD_LIBRARY_PATH`. A Python that does not start without it stands for it here.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ingestion
from assistant_engine.runtime import children
from layers.build import CACHE, ROOT
from tests.support.sandboxes import sandboxed

LIBRARIES = "/var/lang/lib:/lib64"


@pytest.fixture
def lambdas_python(tmp_path: Path) -> str:
    """A Python as Lambda's."""
    path = tmp_path / "python"
    path.write_text(
        f'#!/bin/sh\ncase "$LD_LIBRARY_PATH" in */var/lang/lib*) exec \'{sys.executable}\' "$@";; esac\n'
        "echo 'python: error while loading shared libraries: libpython3.14.so.1.0' >&2\nexit 127\n"
    )
    path.chmod(0o755)
    return str(path)


def test_a_file_is_read_by_a_python_that_needs_its_libraries(
    lambdas_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", lambdas_python)
    monkeypatch.setattr(sys, "path", [*sys.path, str(CACHE / "host" / "parsers" / "python")])
    monkeypatch.setattr(ingestion, "_fetch", lambda file_id, path: path.write_text("Opening hours"))
    monkeypatch.setenv("LD_LIBRARY_PATH", LIBRARIES)
    assert ingestion._text({"file_id": "file-1", "filename": "hours.txt"}) == ("Opening hours", [])


def test_code_is_run_by_a_python_that_needs_its_libraries(lambdas_python: str, tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    code = "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(2)'], capture_output=True))"
    [(output, reason, _)] = sandboxed(
        folder,
        code,
        executable=lambdas_python,
        planted=f"sys.executable = {lambdas_python!r}",
        environment={"LD_LIBRARY_PATH": LIBRARIES},
    )
    assert (reason, "stdout=b'2\\n'" in output) == ("", True)


def test_a_child_gets_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", LIBRARIES)
    environment = children.environment(OWN="1")
    assert set(environment) <= {*children.NEEDED, "PYTHONPATH", "OWN"}
    assert (environment["LD_LIBRARY_PATH"], environment["OWN"]) == (LIBRARIES, "1")
    ran = subprocess.run([sys.executable, "-c", "import boto3"], env=environment, check=False)
    assert ran.returncode == 0


def test_every_program_is_started_with_such_an_environment() -> None:
    """The sandbox has no layer of ours, so its function is a second one, with the same variable of the runtime.

    What the model's code starts in an interpreter has that interpreter's environment.
    """
    starting = {}
    for path in [*(ROOT / "lambdas").rglob("*.py"), *(ROOT / "layers" / "engine").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())) if path.parent.name != "interpreter" else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess."):
                keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                starting[path.name] = keywords.get("env")
    assert starting == {"ingestion.py": "children.environment()", "template.py": "environment()"}
    assert (
        "LD_LIBRARY_PATH" in (ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox" / "template.py").read_text()
    )
