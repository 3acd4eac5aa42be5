"""The store: every DynamoDB expression of the project, and the bucket beside it.

Three tables hold everything. An object whose id is not the key it lies under has a pointer item, written in the same
transaction, so what a create call returned is found by a strongly consistent read in the very next call. Indexes serve
lists only.
"""

import os
from functools import cached_property

from assistant_engine.store.assistants import Assistants
from assistant_engine.store.dynamodb import Blobs, Database
from assistant_engine.store.files import Files
from assistant_engine.store.idempotency import Idempotency, Replayed
from assistant_engine.store.pages import Page, Window
from assistant_engine.store.runs import Runs
from assistant_engine.store.steps import Steps
from assistant_engine.store.threads import Threads
from assistant_engine.store.uploads import Uploads

__all__ = [
    "Assistants",
    "Files",
    "Idempotency",
    "Page",
    "Replayed",
    "Runs",
    "Steps",
    "Store",
    "Threads",
    "Uploads",
    "Window",
]


class Store:
    """The tables and the bucket that `ASSISTANTS_TABLE`, `THREADS_TABLE`, `MESSAGES_TABLE` and `BUCKET` name."""

    def __init__(self) -> None:
        self.database = Database()
        self.blobs = Blobs(os.environ["BUCKET"])

    @cached_property
    def assistants(self) -> Assistants:
        """Assistants."""
        return Assistants(self.database, self.blobs, os.environ["ASSISTANTS_TABLE"], os.environ["MESSAGES_TABLE"])

    @cached_property
    def threads(self) -> Threads:
        """Threads and their messages."""
        return Threads(self.database, self.blobs, os.environ["MESSAGES_TABLE"], os.environ["THREADS_TABLE"])

    @cached_property
    def runs(self) -> Runs:
        """Runs."""
        return Runs(self.database, self.blobs, os.environ["MESSAGES_TABLE"], self.threads, self.steps)

    @cached_property
    def steps(self) -> Steps:
        """Run steps."""
        return Steps(self.database, self.blobs, os.environ["MESSAGES_TABLE"])

    @cached_property
    def files(self) -> Files:
        """Files."""
        return Files(self.database, self.blobs, os.environ["ASSISTANTS_TABLE"], os.environ["MESSAGES_TABLE"])

    @cached_property
    def uploads(self) -> Uploads:
        """Files that come in parts."""
        tables = os.environ["ASSISTANTS_TABLE"], os.environ["MESSAGES_TABLE"]
        return Uploads(self.database, self.blobs, *tables, self.files)
