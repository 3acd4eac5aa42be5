"""The cache of layers: built once, again when an input changes, and for the runtime that the functions declare."""

import os
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from cdk.functions import ARCHITECTURE, RUNTIME
from layers import build, byte_code
from tests.support.python_3_14 import run_on_3_14

MODULE = b"""
'Has all kinds of constants.'
A = ("x", "y z", 1, 2**40, -(2**70), 1.5, 2j, b"b", frozenset({"p", "q", "r", "s"}), None, ...)
def f(x): return x in {"p", "q", "r", "s", 3, b"t"} or [y for y in x if y not in A] or 10**9 + (1 << 33)
"""


def test_layers_are_built_for_the_functions_runtime() -> None:
    assert RUNTIME.name == f"python{byte_code.RUNTIME_PYTHON}"
    assert byte_code.COMPILER_RELEASE.startswith(f"{byte_code.RUNTIME_PYTHON}.")
    assert ARCHITECTURE.name == "arm64"
    assert build.RUNTIME_PLATFORM.startswith("aarch64-")


def test_a_layer_is_built_once_for_its_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[bytes] = []

    def fill(source: bytes, folder: Path) -> None:
        built.append(source)
        (folder / "module.py").write_bytes(source)

    def refresh(source: bytes) -> list[str]:
        layer = build.Layer("layer", (source,), partial(fill, source), tmp_path / "none")
        monkeypatch.setattr(build, "_layers", lambda target: [layer])
        return build.build("host", tmp_path)

    assert [refresh(b"A = 1"), refresh(b"A = 1"), refresh(b"A = 2")] == [["layer"], [], ["layer"]]
    assert built == [b"A = 1", b"A = 2"]
    assert (tmp_path / "host" / "layer" / "python" / "module.py").read_bytes() == b"A = 2"
    assert sorted(path.name for path in (tmp_path / "host").iterdir()) == ["layer", "layer.stamp", "layer.zip"]
    with zipfile.ZipFile(tmp_path / "host" / "layer.zip") as archive:
        assert archive.read("python/module.py") == b"A = 2"
        assert f"python/__pycache__/module.{sys.implementation.cache_tag}.pyc" in archive.namelist()


def test_of_two_builders_at_once_one_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two processes do: each opens the lock's file for itself."""
    made: list[str] = []
    both = threading.Barrier(2)

    def fill(folder: Path) -> None:
        time.sleep(0.5)
        (folder / "module.py").touch()
        made.append("layer")

    layer = build.Layer("layer", (), fill, tmp_path / "none")

    def layers(_: str) -> list[build.Layer]:
        both.wait()
        return [layer]

    monkeypatch.setattr(build, "_layers", layers)
    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(build.build, ["host"] * 2, [tmp_path] * 2))
    assert sorted(built) == [[], ["layer"]]
    assert made == ["layer"]


def test_two_builds_of_a_layer_are_equal_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the compiler did before."""
    engine = {path.name: path.read_bytes() for path in build.ENGINE.glob("*.py")} | {"module.py": MODULE}

    def fill(names: list[str], folder: Path) -> None:
        for name in names:
            (folder / name).write_bytes(engine[name])

    archives = []
    for cache, names in ((tmp_path / "a", sorted(engine)), (tmp_path / "b", sorted(engine, reverse=True))):
        listed = tmp_path / "listed"
        listed.write_text("\n".join(names))
        layer = build.Layer("layer", (), partial(fill, names), listed)
        monkeypatch.setattr(build, "_layers", lambda target, layer=layer: [layer])
        build.build("lambda", cache)
        archives.append((cache / "lambda" / "layer.zip").read_bytes())
    assert archives[0] == archives[1]
    with zipfile.ZipFile(tmp_path / "a" / "lambda" / "layer.zip") as archive:
        assert b"/opt/python/module.py" in archive.read("python/__pycache__/module.cpython-314.pyc")


def test_a_file_that_is_no_python_is_named_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("print 'of Python 2'")
    (tmp_path / "module.py").write_text("A = 1")
    with byte_code.Compiler("host", tmp_path) as compiler:
        assert compiler.compile(tmp_path, ["broken.py", "module.py"]) == ["broken.py"]
    [compiled] = (tmp_path / "__pycache__").iterdir()
    assert compiled.name == f"module.{sys.implementation.cache_tag}.pyc"


def test_a_native_python_of_the_compiler_s_release_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_code, "_runtime_python", lambda: "/usr/bin/python3.14")
    assert byte_code._for_runtime(tmp_path) == ["/usr/bin/python3.14", "-I", str(byte_code.PROGRAM), str(tmp_path)]
    monkeypatch.setattr(byte_code, "_runtime_python", lambda: None)
    node, launcher, _ = byte_code._for_runtime(tmp_path)
    assert Path(node).name == "node"
    assert Path(launcher) == byte_code.ROOT / "layers" / "compiler" / "pyodide.mjs"


def test_a_python_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(byte_code, "_runtime_python", lambda: sys.executable)
    monkeypatch.setattr(byte_code, "RUNTIME_MAGIC", b"none")
    with (
        byte_code.Compiler("lambda", tmp_path) as compiler,
        pytest.raises(byte_code.BuildError, match="is needed"),
    ):
        compiler.compile(tmp_path, [])


def test_a_build_without_a_compiler_stops_and_says_what_is_missing(tmp_path: Path) -> None:
    """As the CDK CLI runs it, where neither Node nor a Python of the runtime's release is."""
    program = tmp_path / "python"
    program.symlink_to(sys.executable)
    code = "import sys; sys.executable = sys.argv[1]; from layers import byte_code; from pathlib import Path\n"
    code += "byte_code._runtime_python = lambda: None\nbyte_code.Compiler('lambda', Path('/'))"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(program)],
        cwd=build.ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "BuildError: The layers' byte code is made by Node and npm" in ran.stderr
    assert "node is not on the PATH" in ran.stderr


def test_the_engine_s_byte_code_loads_on_lambda_s_python() -> None:
    build.build("lambda")
    layer = build.CACHE / "lambda" / "engine" / "python"
    script = """
import importlib.util, sys
assert sys.version_info[:2] == (3, 14), sys.version
print(importlib.util.MAGIC_NUMBER.hex())
sys.path.insert(0, "/opt/python")
def not_compiled(*arguments, **named):
    raise AssertionError("no byte code was found")
importlib.machinery.SourceFileLoader.source_to_code = not_compiled
from assistant_engine.domain import ids, lifecycle
print(ids.__name__, lifecycle.__spec__.cached, ids.new_id.__code__.co_filename)
"""
    magic, told = run_on_3_14(script, {"/opt/python": layer}).splitlines()
    assert magic == byte_code.RUNTIME_MAGIC.hex()
    folder = "/opt/python/assistant_engine/domain"
    assert told == f"assistant_engine.domain.ids {folder}/__pycache__/lifecycle.cpython-314.pyc {folder}/ids.py"
