"""The names that files have in the code interpreter's folder."""

import pytest

from assistant_engine.domain import sandbox_paths


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("sales 2026.csv", "sales 2026.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\a.txt", "a.txt"),
        ("..", "file-1"),
        (".profile", "profile"),
        ("a\x00b\n.csv", "a_b_.csv"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("größe 📈.csv", "größe 📈.csv"),
        ("a" * 300 + ".csv", "a" * 196 + ".csv"),
        ("ü" * 200, "ü" * 100),
        ("", "file-1"),
    ],
)
def test_a_name_is_safe(filename: str, name: str) -> None:
    assert sandbox_paths.names([{"file_id": "file-1", "filename": filename}]) == {"file-1": name}


def test_each_file_has_a_name_of_its_own_and_the_newest_one_the_plain_name() -> None:
    files = [{"file_id": f"file-{number}", "filename": "a.tar.gz"} for number in (1, 2, 1, 3)]
    names = {"file-1": "a.tar-file-1.gz", "file-2": "a.tar-file-2.gz", "file-3": "a.tar.gz"}
    assert sandbox_paths.names(files) == names
