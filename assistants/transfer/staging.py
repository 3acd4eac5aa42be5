"""Keeps what was read on the disk, sorted: however much it is, and in whatever order it came, memory stays small."""

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from assistant_engine.domain.json_data import Json

_TABLE = """
CREATE TABLE objects (
    place INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, parent TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, parent, id)
)
"""


class Staging:
    """Objects by kind, parent (the thread of a message, say) and id, each once; a context that removes them."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="assistants-import-")  # nobody else may enter it
        self._lock = Lock()
        self._database = sqlite3.connect(Path(self._folder.name) / "objects", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(_TABLE)

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()
        self._folder.cleanup()

    def add(self, kind: str, identifier: str, body: Json, parent: str = "") -> Json | None:
        """Keep an object; the one that was there before under its name, which stays."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            done = self._database.execute(
                "INSERT OR IGNORE INTO objects (kind, parent, id, body) VALUES (?, ?, ?, ?)",
                (kind, parent, identifier, text),
            )
            return None if done.rowcount else self._get(kind, identifier, parent)

    def get(self, kind: str, identifier: str, parent: str = "") -> Json | None:
        """An object by its name."""
        with self._lock:
            return self._get(kind, identifier, parent)

    def _get(self, kind: str, identifier: str, parent: str) -> Json | None:
        chosen = "SELECT body FROM objects WHERE kind = ? AND parent = ? AND id = ?"
        row = self._database.execute(chosen, (kind, parent, identifier)).fetchone()
        return json.loads(row[0]) if row else None

    def change(self, kind: str, identifier: str, body: Json, parent: str = "") -> None:
        """Put an object in place of the one with its name."""
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        with self._lock:
            self._database.execute(
                "UPDATE objects SET body = ? WHERE kind = ? AND parent = ? AND id = ?", (text, kind, parent, identifier)
            )

    def all(self, kind: str, parent: str = "", *, by_id: bool = False) -> Iterator[Json]:
        """The objects of a kind below a parent, in the order in which they came or, if told, by id."""
        chosen = "SELECT place, id, body FROM objects WHERE kind = ? AND parent = ? "
        chosen += "AND id > ? ORDER BY id LIMIT 500" if by_id else "AND place > ? ORDER BY place LIMIT 500"
        last: int | str = "" if by_id else -1
        while True:
            with self._lock:
                rows = self._database.execute(chosen, (kind, parent, last)).fetchall()
            for place, identifier, body in rows:
                last = identifier if by_id else place
                yield json.loads(body)
            if not rows:
                return

    def parents(self, kind: str) -> list[str]:
        """The parents below which there are objects of a kind, in the order in which they came."""
        chosen = "SELECT parent FROM objects WHERE kind = ? GROUP BY parent ORDER BY MIN(place)"
        with self._lock:
            return [row[0] for row in self._database.execute(chosen, (kind,)).fetchall()]

    def names(self, kind: str, parent: str = "") -> list[str]:
        """The ids of the objects of a kind below a parent, in the order in which they came."""
        chosen = "SELECT id FROM objects WHERE kind = ? AND parent = ? ORDER BY place"
        with self._lock:
            return [row[0] for row in self._database.execute(chosen, (kind, parent)).fetchall()]
