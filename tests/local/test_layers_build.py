"""The cache of layers: built once, again when an input changes, and for the runtime that the functions declare."""

import zipfile
from pathlib import Path

import pytest

from cdk.functions import ARCHITECTURE, RUNTIME
from layers import build


def test_layers_are_built_for_the_functions_runtime() -> None:
    assert RUNTIME.name == f"python{build.RUNTIME_PYTHON}"
    assert ARCHITECTURE.name == "arm64"
    assert build.RUNTIME_PLATFORM.startswith("aarch64-")


@pytest.mark.parametrize("own", ["parsers", "tool-file_search"])
def test_the_layers_of_a_function_are_within_what_lambda_takes(own: str) -> None:
    folders = [build.CACHE / "lambda" / name for name in ("engine", "openai", own)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 1000
    assert sum(path.stat().st_size for path in files) < 200 * 1024**2  # of the 250 MB that Lambda takes, code included


def test_a_layer_is_built_once_for_its_inputs(tmp_path: Path) -> None:
    built: list[bytes] = []

    def refresh(made_from: bytes) -> bool:
        def fill(folder: Path) -> None:
            built.append(made_from)
            (folder / "module.py").write_bytes(made_from)

        return build._refresh(tmp_path, "layer", [made_from], fill, compiler=None)

    assert [refresh(b"A = 1"), refresh(b"A = 1"), refresh(b"A = 2")] == [True, False, True]
    assert built == [b"A = 1", b"A = 2"]
    assert (tmp_path / "layer" / "python" / "module.py").read_bytes() == b"A = 2"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layer", "layer.stamp", "layer.zip"]
    with zipfile.ZipFile(tmp_path / "layer.zip") as archive:
        assert archive.read("python/module.py") == b"A = 2"
