"""Layers are unpacked once for all emulators of the project, and each finds in them what is in the archive."""

import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from local import function_files
from local.function_files import MIN_SHARED_BYTES, FunctionFiles

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the emulator's own workers run functions")


def layer(**files: bytes) -> bytes:
    """Return a layer with these modules, and with ballast: it is as large as layers are."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {**files, "ballast": os.urandom(MIN_SHARED_BYTES)}.items():
            archive.writestr(f"python/{name}", content)
    return packed.getvalue()


@pytest.fixture
def emulators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FunctionFiles, FunctionFiles]:
    monkeypatch.setattr(function_files, "SHARED", tmp_path / "shared")
    return FunctionFiles(tmp_path / "one"), FunctionFiles(tmp_path / "other")


def test_emulators_share_the_files_of_a_layer(emulators: tuple[FunctionFiles, FunctionFiles]) -> None:
    archive = layer(a=b"a")
    one, other = (files.unpacked([archive]) / "python" / "a" for files in emulators)
    assert one.samefile(other)
    assert one.stat().st_mode & 0o777 == 0o555


def test_what_was_written_to_a_layer_is_not_in_the_next_emulator(
    emulators: tuple[FunctionFiles, FunctionFiles],
) -> None:
    archive = layer(a=b"as it was packed")
    one, other = emulators
    changed = one.unpacked([archive]) / "python" / "a"
    changed.chmod(0o755)
    changed.write_bytes(b"as it was changed")
    assert (other.unpacked([archive]) / "python" / "a").read_bytes() == b"as it was packed"


def test_a_later_layer_s_files_are_over_an_earlier_one_s(emulators: tuple[FunctionFiles, FunctionFiles]) -> None:
    one, _ = emulators
    earlier, later = layer(a=b"earlier", b=b"earlier"), layer(a=b"later")
    folder = one.unpacked([earlier, later]) / "python"
    assert [(folder / name).read_bytes() for name in "ab"] == [b"later", b"earlier"]
    assert (one.unpacked([earlier]) / "python" / "a").read_bytes() == b"earlier"
