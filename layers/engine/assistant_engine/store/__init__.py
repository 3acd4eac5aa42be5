"""The store: every DynamoDB expression of the project, and the bucket beside it.

Three tables hold everything. An object whose id is not the key it lies under has a pointer item, written in the same
transaction, so what a create call returned is found by a strongly consistent read in the very next call. Indexes serve
lists only.

A store sees one project. Assistants, threads, files and uploads of another one are for it as if they did not exist,
and what it creates belongs to its own. Messages, runs and run steps are reached through a thread that was read before:
the type of its id says so (`ThreadId`).

The parts that most functions never ask for are imported when one does: each cold start pays for its imports.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.runtime.settings import Bucket, MessagesTable, Records, configured
from assistant_engine.store.blobs import Blobs
from assistant_engine.store.connection import Connection
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import Database
from assistant_engine.store.event_log import EventLog
from assistant_engine.store.idempotency import Idempotency, Replayed
from assistant_engine.store.pages import Page, Window
from assistant_engine.store.run_transitions import RunTransitions
from assistant_engine.store.runs import Runs
from assistant_engine.store.steps import Steps
from assistant_engine.store.threads import Threads
from assistant_engine.store.usage import Usages

if TYPE_CHECKING:
    from assistant_engine.store.assistants import Assistants
    from assistant_engine.store.files import Files
    from assistant_engine.store.fine_tuning import FineTuning
    from assistant_engine.store.messages import Messages
    from assistant_engine.store.open_streams import OpenStreams
    from assistant_engine.store.projects import Projects
    from assistant_engine.store.ratings import Ratings
    from assistant_engine.store.read_ahead import ReadAhead
    from assistant_engine.store.recorded import Recorded
    from assistant_engine.store.sessions import Sessions
    from assistant_engine.store.sounds import Sounds
    from assistant_engine.store.uploads import Uploads
    from assistant_engine.store.vector_store_batches import VectorStoreBatches
    from assistant_engine.store.vector_store_files import VectorStoreFiles
    from assistant_engine.store.vector_stores import VectorStores

__all__ = [
    "EventLog",
    "Idempotency",
    "Page",
    "Replayed",
    "RunTransitions",
    "Runs",
    "Steps",
    "Store",
    "Threads",
    "Usages",
    "Window",
]


class Store:
    """The tables and the bucket that the function's settings name.

    Args:
        project: the one that it sees.
        beside: a store of another project, to share its clients.
        database: in place of that of the other store.
    """

    def __init__(
        self, project: str = DEFAULT_PROJECT, *, beside: "Store | None" = None, database: Database | None = None
    ) -> None:
        self.project = project
        self.database: Database = database or (beside.database if beside else Database())
        self.blobs: Blobs = beside.blobs if beside else Blobs(configured(Bucket).bucket)
        self.connection = Connection(self.database, self.blobs)

    def of(self, project: str) -> "Store":
        """The same store as another project sees it."""
        return Store(project, beside=self)

    def reading_ahead(self) -> "tuple[Store, ReadAhead]":
        """Return the same store for one reader who knows what comes next, and what that is told to."""
        from assistant_engine.store.read_ahead import ReadAhead

        ahead = ReadAhead(self.database)
        return Store(self.project, beside=self, database=ahead), ahead

    def check(self, idempotency: Idempotency) -> None:
        """Look whether an idempotency key was used, before anything is made that its transaction does not hold.

        Raises:
            Replayed: for the same request.
            Conflict: for another one.
        """
        idempotency.check(self.database, configured(MessagesTable).messages_table)

    @cached_property
    def assistants(self) -> "Assistants":
        """Assistants."""
        from assistant_engine.store.assistants import Assistants

        return Assistants(self.connection, self.project)

    @cached_property
    def threads(self) -> Threads:
        """Threads."""
        return Threads(self.connection, self.directory, self.project)

    @cached_property
    def messages(self) -> "Messages":
        """The messages of threads."""
        from assistant_engine.store.messages import Messages

        return Messages(self.connection, self.threads)

    @cached_property
    def ratings(self) -> "Ratings":
        """The ratings of messages."""
        from assistant_engine.store.ratings import Ratings

        return Ratings(self.database, self.messages, self.runs, self.usage)

    @cached_property
    def directory(self) -> Directory:
        """The directory of assistants' threads."""
        return Directory(configured(Records).threads_table)

    @cached_property
    def runs(self) -> Runs:
        """Runs."""
        return Runs(self.connection, self.threads, self.directory, self.log)

    @cached_property
    def log(self) -> EventLog:
        """The logs of streamed runs."""
        return EventLog(self.database, configured(MessagesTable).messages_table)

    @cached_property
    def open_streams(self) -> "OpenStreams":
        """The streams that are open."""
        from assistant_engine.store.open_streams import OpenStreams

        return OpenStreams(self.database, configured(MessagesTable).messages_table)

    @cached_property
    def transitions(self) -> RunTransitions:
        """The changes of runs' statuses."""
        parts = self.runs, self.threads, self.directory, self.steps, self.usage, self.log
        return RunTransitions(self.connection, *parts)

    @cached_property
    def steps(self) -> Steps:
        """Run steps."""
        return Steps(self.connection, self.log)

    @cached_property
    def usage(self) -> Usages:
        """Usage totals and budgets."""
        return Usages(self.database, configured(MessagesTable).messages_table, self.project)

    @cached_property
    def projects(self) -> "Projects":
        """The project's settings."""
        from assistant_engine.store.projects import Projects

        return Projects(self.database, configured(MessagesTable).messages_table, self.project)

    @cached_property
    def recorded(self) -> "Recorded":
        """What callers record of the past."""
        from assistant_engine.store.recorded import Recorded

        return Recorded(self.database, self.blobs, configured(MessagesTable).messages_table, self.project)

    @cached_property
    def files(self) -> "Files":
        """Files."""
        from assistant_engine.store.files import Files

        return Files(self.connection, self.project)

    @cached_property
    def fine_tuning(self) -> "FineTuning":
        """Exports for fine-tuning."""
        from assistant_engine.store.fine_tuning import FineTuning

        table = configured(MessagesTable).messages_table
        return FineTuning(self.database, self.blobs, table, self.runs, self.directory, self.files, self.project)

    @cached_property
    def uploads(self) -> "Uploads":
        """Files that come in parts."""
        from assistant_engine.store.uploads import Uploads

        return Uploads(self.connection, self.files)

    @cached_property
    def sessions(self) -> "Sessions":
        """Sessions of the code interpreter."""
        from assistant_engine.store.sessions import Sessions

        return Sessions(self.blobs)

    @cached_property
    def sounds(self) -> "Sounds":
        """What was heard in files, and messages as they were spoken."""
        from assistant_engine.store.sounds import Sounds

        return Sounds(self.database, self.blobs, configured(MessagesTable).messages_table)

    @cached_property
    def vector_stores(self) -> "VectorStores":
        """Vector stores."""
        from assistant_engine.store.vector_stores import VectorStores

        return VectorStores(self.connection, self.project)

    @cached_property
    def vector_store_files(self) -> "VectorStoreFiles":
        """The files in vector stores."""
        from assistant_engine.store.vector_store_files import VectorStoreFiles

        return VectorStoreFiles(self.database, configured(MessagesTable).messages_table)

    @cached_property
    def vector_store_batches(self) -> "VectorStoreBatches":
        """The batches of files in vector stores."""
        from assistant_engine.store.vector_store_batches import VectorStoreBatches

        return VectorStoreBatches(self.database, configured(MessagesTable).messages_table, self.vector_store_files)
