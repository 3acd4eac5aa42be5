"""What an import told, and what is there afterwards."""

import json

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.store import Store, Window
from assistant_engine.store.transfer import Transfer
from assistants.transfer.report import LEFT_OUT, OUTCOMES, Report

NOW = Seconds(1_795_000_000)
"""When imports of the tests take place."""


class Imported:
    """What an import told."""

    def __init__(self, report: Report) -> None:
        report.close()
        self.counts = report.counts
        self.complete = report.complete
        self.lines = [json.loads(line) for line in report.path.read_text().splitlines()]

    def left_out(self, kind: str) -> dict[str, str]:
        """Why objects were left out, by id."""
        return {
            line["id"]: line["why"] for line in self.lines if line["object"] == kind and line.get("outcome") == LEFT_OUT
        }

    def changes(self, identifier: str) -> str:
        """What was said of changes of an object."""
        return "; ".join(
            line["why"] for line in self.lines if line.get("outcome") == "changed" and line["id"] == identifier
        )

    def of(self, kind: str) -> tuple[int, int, int]:
        """How many are new, were there, are left out."""
        return tuple(self.counts[kind, outcome] for outcome in OUTCOMES)  # type: ignore[return-value]


def messages_of(store: Store, thread_id: str) -> list[Json]:
    """All messages of a thread, oldest first."""
    thread = store.threads.get(thread_id)
    return list(store.messages.page(thread.id, Window(limit=20_000, order="asc")).objects)


def everything(store: Store) -> list[list[str]]:
    """All items of the three tables."""
    transfer = Transfer(store)
    return [sorted(json.dumps(item, sort_keys=True) for item in transfer.items(table)) for table in transfer.tables]
