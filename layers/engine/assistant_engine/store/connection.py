"""What every part of the store reaches its items through."""

from typing import NamedTuple

from assistant_engine.runtime.settings import MessagesTable, Records, configured
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.dynamodb import Database


class Connection(NamedTuple):
    """The database, the bucket and the tables' names; a function need only be set up for those that it uses."""

    database: Database
    blobs: Blobs

    @property
    def messages_table(self) -> str:
        """Return the table of what lies in threads and in vector stores, and of idempotency keys."""
        return configured(MessagesTable).messages_table

    @property
    def assistants_table(self) -> str:
        """Return the table of assistants, files and uploads."""
        return configured(Records).assistants_table
