"""The end of a run in its thread: the totals, and who holds the thread next. All of it is one transaction."""

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look
from assistant_engine.domain.stream import Tell
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.usage import RunUsage
from assistant_engine.store.connection import Connection
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.event_log import EventLog, Tail
from assistant_engine.store.expressions import Update
from assistant_engine.store.partition import HEAD, key_of
from assistant_engine.store.threads import CLOCK_ATTEMPTS, Threads
from assistant_engine.store.usage import Usages


class RunEnds:
    """The writes that end runs."""

    def __init__(
        self, connection: Connection, threads: Threads, directory: Directory, usage: Usages, log: EventLog
    ) -> None:
        self._db, self._table = connection.database, connection.messages_table
        self._threads = threads
        self._directory = directory
        self._usage = usage
        self._log = log

    def write(
        self,
        run: Run,
        thread: Thread,
        actions: list[Json],
        account: RunUsage,
        last_ms: Milliseconds | None,
        now_ms: Milliseconds,
        tell: Tell,
        seen: Tail | None = None,
    ) -> str | None:
        """Write the end of a run with its totals, and give its thread to the first run that waits for it.

        Args:
            thread: its head, as it was read.
            actions: what else is written, the run itself among it.
            account: the run's, closed.
            last_ms: the time part of the newest id; None if the end makes none.
            tell, seen: as `EventLog.transact` takes them.

        Returns:
            The run that has the thread now, and is to be woken; None if none waited.

        Raises:
            ConditionFailed: the run moved on.
        """
        counted = [
            self._directory.count_run_ended(run.assistant_id, run.thread_id, account),
            *self._usage.count_run_ended(run, account, now_ms),
        ]
        for attempt in range(1, CLOCK_ATTEMPTS + 1):
            waiting = thread.line_without(run.id)
            called = waiting[0] if waiting and thread.active_run == run.id else None
            release = self._threads.release(thread, run.id, account, last_ms)
            call = [self._call(run, called, now_ms)] if called else []
            whole = [*actions, release, *counted, *call]
            try:
                self._log.transact(run, whole, tell, seen)
                return called
            except ConditionFailed as failed:
                items = failed.items[: len(whole)]
                head = items.pop(len(actions))
                # Others that join or leave the line change the thread's head, and no other item of these.
                moved = head is not None and tuple(head.get("line", ())) != thread.line
                if not moved or any(item is not None for item in items) or attempt == CLOCK_ATTEMPTS:
                    raise
                thread = self._threads.get_head(run.thread_id)
        raise AssertionError("unreachable")

    def call_first(self, run: Run, now_ms: Milliseconds) -> str | None:
        """Give a thread that nobody holds to the first run that waits for it; return that one.

        Only a run that ends on code from before there were lines leaves a thread so.

        Args:
            run: one that waits for the thread.

        Raises:
            ConditionFailed: the thread or its line moved on.
        """
        thread = self._threads.get_head(run.thread_id)
        if thread.active_run or not thread.line:
            return None
        first, *rest = thread.line
        update = Update(self._table, key_of(thread.id, HEAD)).set(active_run=first)
        update.set(line=rest) if rest else update.remove("line")
        update.when(Attr("active_run").not_exists(), Attr("line").eq(list(thread.line)))
        self._db.transact([update.action(), self._call(run, first, now_ms)])
        return first

    def _call(self, run: Run, called: str, now_ms: Milliseconds) -> Json:
        """Return the action that tells a run that waits that its turn has come."""
        update = Update(self._table, key_of(run.thread_id, called))
        update.set(line="called", due_at=first_look(seconds_of(now_ms)))
        return update.when(Attr("line").eq("waiting")).action()
