"""The files that a call is given, among those of its session: what the user sent last is the current one."""

import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import given_files
import session_files
import transfer
from session_files import Known
from workspace import Workspace

STORED = {"file-a": b"a,b\n1,2\n", "file-b": b"a,b\n3,4\n", "file-c": b"a,b\n5,6\n"}


def given(**names: str) -> list[dict[str, str]]:
    """Files of the bucket by id, with `_` for `-`, under these names."""
    by_id = {file_id.replace("_", "-"): name for file_id, name in names.items()}
    return [{"id": file_id, "name": name, "url": file_id} for file_id, name in by_id.items()]


@pytest.fixture(autouse=True)
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fetch(url: str, path: Path, most_bytes: int) -> None:
        if url not in STORED:
            raise transfer.NotThere
        with path.open("xb") as file:
            file.write(STORED[url])

    monkeypatch.setattr(transfer, "fetch", fetch)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


class Calls:
    """Calls of one thread: each has the files of the one before."""

    def __init__(self, archive: Path) -> None:
        self._archive = archive

    def __call__(
        self, files: list[dict[str, str]], write: dict[str, bytes | None]
    ) -> tuple[dict[str, bytes], list[str]]:
        """Let code write files (None removes one).

        Returns:
            what there was before, by name; and what the model is told.
        """
        with Workspace() as workspace:
            known = session_files.unpack(workspace, self._archive) if self._archive.exists() else Known()
            notes = given_files.place(files, known.given, workspace, 1 << 20)
            workspace.remember()
            found = {path.name: path.read_bytes() for path in workspace.data.iterdir()}
            for name, content in write.items():
                if content is None:
                    (workspace.data / name).unlink()
                else:
                    (workspace.data / name).write_bytes(content)
            with self._archive.open("wb") as archive:
                now = given_files.known_after(files, known.given, workspace.is_unchanged)
                session_files.pack(workspace, archive, Known(now), 1 << 20)
        return found, notes


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    yield Calls(tmp_path / "session.tar")


def test_a_file_that_the_user_sends_replaces_what_code_wrote_under_its_name(calls: Calls) -> None:
    calls([], {"report.csv": b"old"})
    found, notes = calls(given(file_a="report.csv"), {})
    assert found == {"report.csv": STORED["file-a"], "report-before.csv": b"old"}
    assert notes == [
        "/mnt/data/report.csv is the file that the user gave now."
        " What was there before is now /mnt/data/report-before.csv"
    ]
    assert calls(given(file_a="report.csv"), {}) == (found, [])


def test_a_file_that_the_user_sends_back_unchanged_is_not_there_twice(calls: Calls) -> None:
    calls([], {"report.csv": STORED["file-a"]})
    assert calls(given(file_a="report.csv"), {}) == ({"report.csv": STORED["file-a"]}, [])


def test_a_newer_file_takes_the_name_of_one_that_code_changed(calls: Calls) -> None:
    calls(given(file_a="data.csv"), {"data.csv": b"changed"})
    found, notes = calls(given(file_b="data.csv"), {})
    assert (found["data.csv"], found["data-before.csv"]) == (STORED["file-b"], b"changed")
    assert len(notes) == 1


def test_an_older_file_that_is_given_too_has_its_id_in_its_name(calls: Calls) -> None:
    calls(given(file_a="data.csv"), {"data.csv": b"changed"})
    both = given(file_a="data-file-a.csv", file_b="data.csv")
    found, notes = calls(both, {})
    assert found == {"data.csv": STORED["file-b"], "data-file-a.csv": b"changed"}
    assert notes == ["/mnt/data/data.csv is the newest file of this name; /mnt/data/data-file-a.csv is an older one"]
    assert calls(both, {}) == (found, [])


def test_what_code_changed_or_removed_stays_so(calls: Calls) -> None:
    both = given(file_a="a.csv", file_b="b.csv", file_c="c.csv")
    calls(both, {"a.csv": b"changed", "b.csv": None})
    for _ in range(2):
        assert calls(both, {}) == ({"a.csv": b"changed", "c.csv": STORED["file-c"]}, [])


def test_a_link_under_the_name_of_a_given_file_is_not_followed(calls: Calls, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"outside")
    with Workspace() as workspace:
        (workspace.data / "a.csv").symlink_to(tmp_path / "outside")
        given_files.place(given(file_a="a.csv"), {}, workspace, 1 << 20)
        assert (workspace.data / "a.csv").read_bytes() == STORED["file-a"]
        assert not (workspace.data / "a.csv").is_symlink()
    assert (tmp_path / "outside").read_bytes() == b"outside"


def test_a_forged_archive_writes_nothing_elsewhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(tmp_path / "forged.tar", "w") as forged:
        for name, kind, target in (
            ("data/link", tarfile.SYMTYPE, str(outside)),
            ("data/link/through", tarfile.REGTYPE, ""),
            ("data/../../outside/above", tarfile.REGTYPE, ""),
            (f"{outside}/absolute", tarfile.REGTYPE, ""),
            ("figures/figure-001.png", tarfile.REGTYPE, ""),
            ("home/link", tarfile.SYMTYPE, str(outside)),
            ("home/link/inside", tarfile.SYMTYPE, "/etc/passwd"),
            ("data/pipe", tarfile.FIFOTYPE, ""),
            ("data/hard", tarfile.LNKTYPE, "../outside/other"),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            forged.addfile(member)
    with Workspace() as workspace:
        session_files.unpack(workspace, tmp_path / "forged.tar")
        assert list(outside.iterdir()) == []
        assert list(workspace.figures.iterdir()) == []
        assert not (workspace.data / "pipe").exists()
