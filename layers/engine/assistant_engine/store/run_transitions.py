"""The changes of a run's status: every write of one takes its condition from the lifecycle's table of transitions.

A write that takes a turn depends on the turn, too. So a terminal status is written exactly once, and a second delivery
of a step changes nothing. What a streamed run's log tells of a write is part of its transaction.
"""

from collections.abc import Callable
from dataclasses import replace

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import stream
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import ACTIVE, Status, TerminalStatus, is_terminal, sources
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look, moves_look, next_look
from assistant_engine.domain.stream import Announced, Open, Tell, Told
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.connection import Connection
from assistant_engine.store.directory import Directory
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.event_log import BEGUN, EventLog, Overtaken, Tail
from assistant_engine.store.expressions import Update, put
from assistant_engine.store.message_item import put_messages
from assistant_engine.store.partition import key_of
from assistant_engine.store.run_ends import RunEnds
from assistant_engine.store.run_item import HELD, ended_place, run_of
from assistant_engine.store.runs import Runs
from assistant_engine.store.steps import Steps, stored_turn
from assistant_engine.store.threads import Threads
from assistant_engine.store.usage import Usages

MAX_FAILED_ATTEMPTS = 20
"""Attempts that a run's record keeps: each byte of a run is paid for at each change of its status."""

_MOMENTS: dict[Status, str] = {"completed": "completed_at", "cancelled": "cancelled_at", "failed": "failed_at"}


class RunTransitions:
    """The writes that move a run from status to status.

    Attributes:
        ends: the ends of runs in their threads.
    """

    def __init__(
        self,
        connection: Connection,
        runs: Runs,
        threads: Threads,
        directory: Directory,
        steps: Steps,
        usage: Usages,
        log: EventLog,
    ) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._runs = runs
        self._threads = threads
        self._steps = steps
        self._log = log
        self.ends = RunEnds(connection, threads, directory, usage, log)

    # The two ways to write a status

    def _enter(self, run: Run, status: Status, *, seen: Status | None = None) -> Update:
        """Return the update that gives the run another status, from where the table of transitions allows it.

        Args:
            seen: the one status that it comes from, if the write is for no other.

        Raises:
            ValueError: the table has no such transition.
        """
        allowed = [source for source in sources(status) if seen in (None, source)]
        if not allowed:
            raise ValueError(f"no run goes from {seen} to {status}")
        return self._write(run, status, changes=1).when(Attr("run_status").is_in(allowed))

    def _stay(self, run: Run, status: Status) -> Update:
        """Return the update of a run that keeps its status."""
        return self._write(run, status, changes=0).when(Attr("run_status").eq(status))

    def _write(self, run: Run, status: Status, changes: int) -> Update:
        # Events are put in order by the sequence. A run that was made before there were sequences has none yet.
        return Update(self._table, key_of(run.thread_id, run.id)).set(run_status=status).add(run_sequence=changes)

    def _save(self, run: Run, update: Update, tell: Tell) -> Run:
        """Write a change of the run alone; return the run after it."""
        if not run.streams:
            return run_of(self._db.update(update), self._blobs)
        self._log.transact(run, [update.action()], tell)
        return self._runs.get(run.thread_id, run.id)

    def _enter_or_stay(
        self,
        run: Run,
        status: Status,
        more: Callable[[Update], Update],
        tell: Callable[[Run], Tell],
        seen: Tail | None = None,
    ) -> Tail:
        """Give the run a status in its turn; it may have it already, which is no change.

        Args:
            more: adds what else is written.
            tell: how the log is told, given the run before the change.
            seen: as `EventLog.transact` takes it.

        Returns:
            The end of its log after the change.

        Raises:
            ConditionFailed: the run moved on.
        """

        def write(begin: Callable[[Run, Status], Update]) -> Tail:
            update = more(begin(run, status)).when(Attr("turn").eq(run.turn))
            # Whichever of the two writes holds: it tells what the run was before it.
            was: Status = status if begin == self._stay else run.status if run.status != status else "queued"
            if run.streams:
                return self._log.transact(run, [update.action()], tell(replace(run, status=was)), seen)
            self._db.update(update)
            return Tail(0, None)

        first, second = (self._stay, self._enter) if run.status == status else (self._enter, self._stay)
        try:
            return write(first)
        except ConditionFailed:  # Another delivery came between, or this one's answer was lost.
            return write(second)

    # Taking a turn

    def begin_attempt(self, run: Run, now_ms: Milliseconds) -> tuple[Run, Tail]:
        """Record that the model is about to be called for the run's next turn; `queued` becomes `in_progress`.

        Args:
            now_ms: milliseconds since 1970.

        Returns:
            The run, and the end of its log: whatever is written there next, but by this attempt, is somebody else's.

        Raises:
            ConditionFailed: the run moved on, or another attempt has begun.
        """
        now, unseen = seconds_of(now_ms), Attr("attempts").eq(run.attempts)
        changes: Json = {
            "attempts": run.attempts + 1,
            "started_at": run.started_at or now,
            "asked_ms": run.asked_ms or now_ms,
            **({"due_at": next_look(run, now)} if moves_look(run, now) else {}),
        }
        tail = self._enter_or_stay(
            run,
            "in_progress",
            lambda update: update.set(changes).remove("task_token").when(unseen),
            lambda before: stream.begun(before, now),
            seen=BEGUN if run.attempts == 0 else None,
        )
        return replace(run, status="in_progress", task_token=None, **changes), tail

    def note_failed_attempt(self, run: Run, attempt: Json) -> Run:
        """Add an attempt to the run's `failed_attempts`: of an attempt that is noted already, nothing changes.

        Args:
            run: as it was when the attempt began.

        Raises:
            ConditionFailed: the run moved on.
        """
        noted = [*run.failed_attempts, attempt][-MAX_FAILED_ATTEMPTS:]
        update = self._stay(run, run.status).set(failed_attempts=noted)
        update.when(Attr("turn").eq(run.turn), Attr("attempts").eq(run.attempts))
        return run_of(self._db.update(update), self._blobs)

    def store_turn(
        self,
        run: Run,
        turn: Turn,
        server_calls: list[str],
        to_approve: list[str],
        account: RunUsage,
        now_ms: Milliseconds,
        announced: Announced | None = None,
        seen: Tail | None = None,
    ) -> tuple[str | None, str | None]:
        """Record the outcome of a model call, in one transaction conditional on (run, turn).

        With a terminal status the lock's release, the totals and the status are part of it.

        Args:
            run: as it was when the call began.
            server_calls: ids of the turn's calls that a tool Lambda runs.
            to_approve: ids of those among them that wait for a yes.
            account: the run's with this turn; closed, if the turn ends it.
            now_ms: milliseconds since 1970.
            announced: what the run's log was told of the turn while the model worked; its ids become the record's.
            seen: the end of the log after that.

        Returns:
            The id of the message that the turn made, and the run that waited for the thread and holds it now: each if
            there is one.

        Raises:
            ConditionFailed: the run moved on (cancelled, or another delivery was first); nothing was written.
        """
        now = seconds_of(now_ms)
        ended = turn.status if is_terminal(turn.status) else None
        changes = _changes(ended, turn.last_error, turn.incomplete_details, now_ms) if ended else {}
        if ended:
            update = self._enter(run, ended, seen="in_progress")
            _end(update.set(changes), run, now_ms)
        else:
            update = self._stay(run, turn.status).remove("asked_ms")
        _account(update.add(turn=1).when(Attr("turn").eq(run.turn)), account)
        thread = self._threads.get_head(run.thread_id)
        last_ms = thread.next_ms(now_ms)
        output = self._blobs.pack("output", turn.output, f"text/{run.thread_id}/{run.id}-turn-{run.turn}-{now_ms}.json")
        item = {
            **key_of(run.thread_id, f"turn#{run.id}#{run.turn:04d}"),
            "answered_ms": now_ms,
            "model_ms": account.model_ms - run.account.model_ms,
            "first_ms": announced.first_ms if announced else None,
            **output,
        }
        stored = stored_turn(run, turn, announced, last_ms, now)
        if turn.calls and announced and announced.calls_step:
            update.set(calls_step=stored.calls_step)
        elif run.calls_step:
            update.remove("calls_step")
        actions = [update.action(), put(self._table, item)]
        at = announced.at if announced else now
        if turn.message:
            message = {**turn.message, "id": stored.message, "thread_id": run.thread_id, "created_at": at}
            actions += put_messages(self._table, self._blobs, [message])
            # Of two steps of one turn the later has its usage: the run's is the sum over its steps.
            usage_of_message = Usage() if turn.calls else turn.usage
            actions.append(self._steps.put_message_creation(run, stored, usage_of_message, at))
        if turn.calls:
            actions.append(self._steps.put_tool_calls(run, stored, server_calls, to_approve, at))
        if turn.message and not ended:
            actions.append(self._threads.move_clock(run.thread_id, last_ms, run.id))

        def tell(open: Open | None) -> Told:
            if announced and not announced.owns(open):
                raise Overtaken
            return stream.turn_stored(run, stored, announced, open, **changes)

        try:
            if ended:
                called = self.ends.write(run, thread, actions, account, last_ms, now_ms, tell, seen)
                return stored.message, called
            self._log.transact(run, actions, tell, seen)
        except Overtaken:  # Another attempt has told that this one failed: the turn is told anew.
            return self.store_turn(run, turn, server_calls, to_approve, account, now_ms)
        return stored.message, None

    def resume(self, run: Run) -> Run:
        """`in_progress` again, after the client's word, for tools to be run.

        Raises:
            ConditionFailed: the run moved on.
        """
        update = self._stay(run, run.status) if run.status == "in_progress" else self._enter(run, "in_progress")
        update.when(Attr("execution").eq(run.execution), Attr("attempts").eq(run.attempts))
        return self._save(run, update, stream.changed(run, "in_progress"))

    # Waiting

    def wait_for_thread(self, run: Run, task_token: str) -> None:
        """Write the token that ends the wait of a run for its thread.

        Raises:
            ConditionFailed: its turn has come, or it is to be cancelled, or has ended.
        """
        update = self._stay(run, "queued").set(task_token=task_token).when(Attr("line").eq("waiting"))
        self._db.update(update)

    def wait_for_outputs(self, run: Run, tools: ToolStep, task_token: str, now_ms: Milliseconds) -> None:
        """`requires_action`, and the token that ends it, in one update.

        Args:
            tools: the step whose calls wait for the client.
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run is no longer in progress.
        """
        # Delivered twice, the later token is the one that the execution waits with.
        self._enter_or_stay(
            run,
            "requires_action",
            lambda update: update.set(task_token=task_token).set_once(waiting_ms=now_ms),
            lambda before: stream.waits(before, tools),
        )

    def submit_outputs(
        self, run: Run, tools: ToolStep, outputs: dict[str, Json], now_ms: Milliseconds, *, streams: bool = False
    ) -> Run:
        """Record the client's outputs and queue the run again, in one transaction.

        Args:
            now_ms: milliseconds since 1970.
            streams: whether the run writes a log from here on; one that has a log goes on with it.

        Raises:
            ConditionFailed: the run does not wait for them any more.
        """
        now = seconds_of(now_ms)
        waited_ms = max(0, now_ms - run.waiting_ms) if run.waiting_ms else 0
        update = (
            self._enter(run, "queued")
            .set(due_at=first_look(now), client_ms=run.account.client_ms + waited_ms)
            .remove("waiting_ms")
            .when(Attr("turn").eq(run.turn))
        )
        if streams and not run.streams:
            update.set(streams=True)
            run = replace(run, streams=True)
        told = tools._replace(waited=(run.waiting_ms, now_ms)) if run.waiting_ms else tools
        actions = [update.action(), self._steps.answer(run, told, outputs, now)]
        self._log.transact(run, actions, stream.answered(tools, outputs, queued=run))
        return self._runs.get(run.thread_id, run.id)

    # Ending

    def request_cancel(self, run: Run, now: Seconds) -> Run:
        """`cancelling`: the execution, or the sweeper if it is gone, makes it `cancelled`.

        Raises:
            ConditionFailed: the run can't be cancelled from where it is now.
        """
        update = self._enter(run, "cancelling").set(due_at=first_look(now))
        return self._save(run, update, stream.changed(run, "cancelling"))

    def settle(
        self,
        run: Run,
        tools: ToolStep | None,
        status: TerminalStatus,
        account: RunUsage,
        now_ms: Milliseconds,
        last_error: Json | None = None,
        incomplete_details: Json | None = None,
    ) -> tuple[Run, str | None]:
        """End a run without a further turn: `expired`, `cancelled`, `failed` or `incomplete`.

        The terminal status, the lock's release and the totals are one transaction. If the run has ended already, that
        end stands.

        Args:
            tools: the run's tool step of its newest turn.
            account: the run's, closed.
            now_ms: milliseconds since 1970.

        Returns:
            The run, and the one that waited for the thread and holds it now, if there is one.

        Raises:
            ConditionFailed: the run moved on from how it was seen: its totals and its pending step are others now.
        """
        update = self._enter(run, status).when(Attr("turn").eq(run.turn))
        changes = _changes(status, last_error, incomplete_details, now_ms)
        _end(update.set(changes), run, now_ms)
        actions = [_account(update, account).action()]
        if tools and (tools.unanswered(server=True) or tools.unanswered(server=False)):
            actions.append(self._steps.end(run, tools, status, seconds_of(now_ms), last_error))
        called = None
        try:
            tell = stream.settled(run, status, seconds_of(now_ms), **changes)
            thread = self._threads.get_head(run.thread_id)
            called = self.ends.write(run, thread, actions, account, None, now_ms, tell)
        except ConditionFailed:
            current = self._runs.get(run.thread_id, run.id)
            if current.status in ACTIVE:
                raise
            return current, None
        return self._runs.get(run.thread_id, run.id), called


def _changes(
    status: TerminalStatus, last_error: Json | None, incomplete_details: Json | None, now_ms: Milliseconds
) -> Json:
    """Return what the API shows of a run's end, beside its status."""
    moment = {_MOMENTS[status]: seconds_of(now_ms)} if status in _MOMENTS else {}
    told = {"last_error": last_error, "incomplete_details": incomplete_details}
    return {**moment, **{name: value for name, value in told.items() if value}}


def _end(update: Update, run: Run, now_ms: Milliseconds) -> Update:
    """Add what is written of a run that ends, beside what the API shows."""
    update.set(ended_ms=now_ms, **ended_place(run.project, run.id, now_ms))
    return update.remove("open_shard", "task_token", "asked_ms", "waiting_ms", "line", HELD)


def _account(update: Update, account: RunUsage) -> Update:
    """Add what the run has taken."""
    # What is not there counts as 0, and no figure ever falls: each byte of a run is paid for at each change.
    return update.set({name: figure for name, figure in account.figures().items() if figure or name == "cost"})
