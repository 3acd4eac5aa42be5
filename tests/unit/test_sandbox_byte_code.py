"""The sandbox's process compiles modules without byte code once, and the model's code can't change what it keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from layers.build import CACHE, ROOT

DRIVER = """
import json, sys
import processes
from workspace import Workspace

limits = processes.Limits(30, 1024, 64, 100, 10, 5, 10, 20_000)
processes.guard_this_process()
for call in json.load(sys.stdin):
    if "write" in call:
        with open(call["write"], "w") as file:
            file.write(call["text"])
        continue
    with Workspace() as workspace:
        ended = processes.run(call["code"], workspace, limits, 30)
    print(json.dumps([ended.output, ended.reason]))
"""
ASK = """
import gc, socket, sys
gc.unfreeze()  # What there was when the code began is among them again.
def ask(path):
    (end,) = [o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0]
    end.send(path.encode() + b"\\n")
    size = int.from_bytes(end.recv(4), "big")
    return len(end.recv(size)) if size else 0
"""


def calls(layer: Path, *steps: dict[str, str]) -> list[str]:
    """Let one process of the sandbox run codes one after the other; what each printed."""
    folders = [
        ROOT / "lambdas" / "tools" / "code_interpreter" / "sandbox",
        layer,
        CACHE / "host" / "python_data" / "python",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(steps),
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    ended = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [reason for _, reason in ended] == [""] * len(ended), ended
    return [output.strip() for output, _ in ended]


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A folder with a module that has no byte code."""
    folder = tmp_path.resolve() / "python"
    folder.mkdir()
    (folder / "uncompiled.py").write_text("VALUE = 'first'\n")
    return folder


def test_a_module_without_byte_code_is_compiled_in_the_first_call_only(layer: Path) -> None:
    code = {"code": "import uncompiled; print(uncompiled.VALUE, uncompiled.__file__)"}
    change = {"write": str(layer / "uncompiled.py"), "text": "VALUE = 'not read again'\n"}
    file = layer / "uncompiled.py"
    assert calls(layer, code, change, code) == [f"first {file}", f"first {file}"]


def test_a_process_that_the_code_forks_imports_by_itself(layer: Path) -> None:
    code = """
import os
if os.fork() == 0:
    import uncompiled
    print(uncompiled.VALUE, flush=True)
    os._exit(0)
os.wait()
import uncompiled
print(uncompiled.VALUE)
"""
    assert calls(layer, {"code": code}) == ["first\nfirst"]


def test_only_the_sandbox_s_own_modules_are_compiled_for_the_code(layer: Path) -> None:
    module = layer / "uncompiled.py"
    (layer.parent / "outside.py").write_text("VALUE = 1\n")
    (layer / "link.py").symlink_to(layer.parent / "outside.py")
    (layer / "data.txt").write_text("1\n")
    asked = [
        module,
        layer.parent / "outside.py",
        layer / "link.py",
        layer / "data.txt",
        layer / "missing.py",
        f"{layer}/./uncompiled.py",
        f"{layer}/../python/uncompiled.py",
        f"{layer}//uncompiled.py",
        "",
    ]
    code = f"{ASK}\nopen('/mnt/data/own.py', 'w').write('1')\nimport os\n"
    code += f"asked = {[str(path) for path in asked]} + [os.environ['SANDBOX_DATA'] + '/own.py']\n"
    code += "print([bool(ask(path)) for path in asked])"
    assert calls(layer, {"code": code}) == [str([True] + [False] * len(asked))]


def test_what_the_code_sends_and_changes_reaches_no_later_call(layer: Path) -> None:
    attack = f"""
{ASK}
import importlib.machinery, marshal, os
(end,) = [o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0]
original = importlib.machinery.SourceFileLoader.source_to_code
evil = compile("VALUE = 'poisoned'", {str(layer / "uncompiled.py")!r}, "exec")
importlib.machinery.SourceFileLoader.source_to_code = lambda *a, **b: evil
import uncompiled
print(uncompiled.VALUE)
end.send(len(marshal.dumps(evil)).to_bytes(4, "big") + marshal.dumps(evil))
try:
    end.send(b"/" * 1_000_000)
except OSError as error:
    print(error)
"""
    told = calls(layer, {"code": attack}, {"code": "import uncompiled; print(uncompiled.VALUE)"})
    assert told[0].splitlines()[0] == "poisoned"
    assert told[1] == "first"


def test_code_that_asks_and_never_reads_ends_like_any_other(layer: Path) -> None:
    (layer / "large.py").write_text(f"VALUE = {'x' * 500_000!r}\n")
    code = f"{ASK}\n(end,) = [o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0]\n"
    code += f"for _ in range(20): end.send({str(layer / 'large.py')!r}.encode() + b'\\n')\nprint('sent')\ndel end"
    assert calls(layer, {"code": code}, {"code": "import uncompiled; print(uncompiled.VALUE)"}) == ["sent", "first"]
