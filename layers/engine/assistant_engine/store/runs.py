"""Runs: the record that is the truth of a run, and the turns of its conversation with the model.

Every write is conditional on the run's status (the table of `lifecycle`) and, where it takes a turn, on the turn. So a
terminal status is written exactly once, and a second delivery of a step changes nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from assistant_engine.domain import ids
from assistant_engine.domain.errors import Conflict, InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import ACTIVE, TERMINAL, sources
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look, next_look
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage, Usage
from assistant_engine.store.dynamodb import Blobs, ConditionFailed, Database, is_ours, marshal, project_of, values
from assistant_engine.store.idempotency import Idempotency
from assistant_engine.store.pages import Page, Window, cut
from assistant_engine.store.steps import AFTER_CALLS, BEFORE_CALLS, Steps, below, below_page, key_of
from assistant_engine.store.threads import Threads
from assistant_engine.store.usage import Usages, day_of, shard_of

OPEN_SHARDS = 8
"""Partitions of the index of open runs: every run enters and leaves it once or twice."""

SETTINGS_BYTES = 4 * 1024
"""Settings over this size go to the bucket: each change of a run's status is paid for by the size of its item."""

ENDED_SHARDS = 4
"""Partitions of the index of ended runs for each day."""

_CLOCK_ATTEMPTS = 20


def open_shard(run_id: str) -> str:
    """The partition of the index of open runs that a run is listed in."""
    return f"open#{sum(run_id.encode()) % OPEN_SHARDS}"


def ended_shard(day: str, shard: int) -> str:
    """A partition of the index of the runs that ended on a day (`YYYY-MM-DD`, UTC)."""
    return f"{day}#{shard}"


def _becomes(status: str, *, changes: bool = True) -> tuple[str, Json]:
    """What every write of a status sets: the status and, if it is another one, the next number of the run's sequence.

    Returns:
        The assignments, and the values that they name.
    """
    # A run that was made before there were sequences has no number yet.
    assignments = "run_status = :status, run_sequence = if_not_exists(run_sequence, :none) + :change"
    return assignments, {"status": status, "none": 0, "change": int(changes)}


class Runs:
    """Runs (`Run`) and the turns of their conversation with the model."""

    def __init__(
        self, database: Database, blobs: Blobs, table: str, threads: Threads, steps: Steps, usage: Usages
    ) -> None:
        self._db = database
        self._blobs = blobs
        self._table = table
        self._threads = threads
        self._steps = steps
        self._usage = usage

    # Creating

    def create(
        self,
        run: Run,
        messages: list[Json],
        now_ms: int,
        *,
        new_thread: Thread | None = None,
        idempotency: Idempotency | None = None,
    ) -> Run:
        """Write a run and all that comes with it, taking the thread's lock, in one transaction.

        Args:
            run: the run; without an id (an empty one) it gets one from the thread's clock, and its execution is named
                after it.
            messages: to be added to the thread, without ids.
            now_ms: milliseconds since 1970.
            new_thread: a thread to be made for it.

        Returns:
            The run; the one that exists if it has the same id (the same request was delivered before).

        Raises:
            InvalidRequest: the thread has an active run.
            NotFound: the thread does not exist.
            Replayed, Conflict: the idempotency key was used.
        """
        if idempotency:
            idempotency.check(self._db, self._table)
        for _ in range(_CLOCK_ATTEMPTS):
            thread = new_thread or self._threads.get(run.thread_id)
            if thread.active_run:
                if thread.active_run == run.id:
                    return self.get(run.thread_id, run.id)
                if idempotency:
                    # The active run may be the answer to this very request, sent twice at once.
                    idempotency.check(self._db, self._table)
                raise InvalidRequest(f"Thread {thread.id} already has an active run {thread.active_run}.")
            first_ms = max(now_ms, thread.last_ms + 1)
            last_ms = first_ms + len(messages)
            run_id = run.id or ids.new_id("run_", last_ms)
            created = replace(
                run,
                id=run_id,
                execution=run.execution or run_id,
                user=run.metadata.get("user_id") or thread.metadata.get("user_id"),
                reads=(thread.read_ms, last_ms),
                created_ms=now_ms,
            )
            if new_thread:
                actions = self._threads.new_thread_actions(new_thread, messages, active_run=created.id)
            else:
                stamped = self._threads.stamp(messages, first_ms, thread.id)
                actions = [
                    self._threads.advance(thread, stamped, last_ms, lock=created.id),
                    *self._threads.put_messages(stamped),
                ]
            listed = self._threads.count_run_begun(run.assistant_id, run.thread_id)
            actions += [self._put_run(created), listed]
            if idempotency:
                answer = created.api([], ended=False)
                actions.append(idempotency.action(self._table, answer, created.created_at))
            try:
                self._db.transact(actions)
                return created
            except ConditionFailed as failed:
                if failed.items[actions.index(listed)] is not None:
                    raise InvalidRequest(
                        f"The table of threads holds an item of {run.assistant_id} and {run.thread_id} that is not this"
                        " engine's. Please use another thread."
                    ) from None
                # Someone else was first: on the key, on this very run, or on the thread, which is looked at again.
                if idempotency:
                    idempotency.check(self._db, self._table)
                if run.id and (existing := self.find(run.thread_id, run.id)):
                    return existing
        raise Conflict(f"Too many writers on {run.thread_id} at once. Please try again.", code="conflict")

    def _put_run(self, run: Run) -> Json:
        fixed = {"settings": run.settings, "functions": run.functions, "tool_resources": run.tool_resources}
        item = {
            "thread_id": run.thread_id,
            "message_id": run.id,
            "assistant_id": run.assistant_id,
            "belongs_to": run.project,
            "run_status": run.status,
            "run_sequence": run.sequence,
            "created_at": run.created_at,
            "created_ms": run.created_ms,
            "expires_at": run.expires_at,
            "metadata": run.metadata,
            "used_by": run.user,
            "reads": list(run.reads),
            "execution": run.execution,
            "answers_in_output": run.answers_in_output,
            "open_shard": open_shard(run.id),
            "due_at": run.due_at,
            "turn": run.turn,
            "attempts": run.attempts,
            # A tool Lambda may read this attribute and no other of a run: its configuration.
            "functions": {
                f"{entry['class_name']}.{entry['function_name']}": json.dumps(entry["configuration"])
                for entry in run.functions
                if entry.get("configuration")
            },
            **self._blobs.pack("document", fixed, f"text/{run.thread_id}/{run.id}.json", SETTINGS_BYTES),
        }
        put = {
            "TableName": self._table,
            "Item": marshal(item),
            "ConditionExpression": "attribute_not_exists(message_id)",
        }
        return {"Put": put}

    # Reading

    def find(self, thread_id: str, run_id: str) -> Run | None:
        """The run, or None."""
        if not ids.is_id(thread_id) or not ids.is_id(run_id) or not run_id.startswith("run_"):
            return None
        item = self._db.get(self._table, key_of(thread_id, run_id))
        return self._run(item) if is_ours(item) else None

    def get(self, thread_id: str, run_id: str) -> Run:
        """The run.

        Raises:
            NotFound: there is none with this id in the thread.
        """
        run = self.find(thread_id, run_id)
        if run is None:
            raise NotFound(f"No run found with id '{ids.shown(run_id)}'.")
        return run

    def status(self, thread_id: str, run_id: str) -> str:
        """The run's status, read eventually consistent: half the price, for looking again and again."""
        item = self._db.get(self._table, key_of(thread_id, run_id), consistent=False, attributes=["run_status"])
        return item["run_status"] if item else "queued"

    def _run(self, item: Json) -> Run:
        fixed = self._blobs.unpack("document", item)
        return Run(
            id=item["message_id"],
            thread_id=item["thread_id"],
            assistant_id=item["assistant_id"],
            status=item["run_status"],
            created_at=item["created_at"],
            expires_at=item["expires_at"],
            settings=fixed["settings"],
            functions=fixed["functions"],
            tool_resources=fixed["tool_resources"],
            metadata=item["metadata"],
            execution=item["execution"],
            answers_in_output=item["answers_in_output"],
            due_at=item["due_at"],
            project=project_of(item),
            sequence=item.get("run_sequence", 0),
            turn=item["turn"],
            attempts=item["attempts"],
            account=RunUsage.of(item),
            user=item.get("used_by"),
            reads=tuple(item.get("reads", (0, 0))),
            created_ms=item.get("created_ms", 1000 * item["created_at"]),
            ended_ms=item.get("ended_ms"),
            asked_ms=item.get("asked_ms"),
            waiting_ms=item.get("waiting_ms"),
            task_token=item.get("task_token"),
            started_at=item.get("started_at"),
            completed_at=item.get("completed_at"),
            cancelled_at=item.get("cancelled_at"),
            failed_at=item.get("failed_at"),
            incomplete_details=item.get("incomplete_details"),
            last_error=item.get("last_error"),
        )

    def turns(self, run: Run) -> list[list[Json]]:
        """The output items of every stored turn, in order; of none that was stored since the run was read."""
        items = self._db.query_all(**below(self._table, run.thread_id, f"turn#{run.id}#"))
        return self._blobs.unpack_all("output", list(islice(items, run.turn)))

    def asked(self, run: Run) -> list[tuple[int, int]]:
        """From when to when the model was asked for each stored turn, in order; milliseconds since 1970."""
        query = below(self._table, run.thread_id, f"turn#{run.id}#")
        items = self._db.query_all(**query, ProjectionExpression="answered_ms, model_ms")
        # Turns that were stored before their times were have none.
        times = [(item.get("answered_ms", 0), item.get("model_ms", 0)) for item in items]
        return [(answered - took, answered) for answered, took in times]

    def page(self, thread_id: str, window: Window) -> Page:
        """A page of a thread's runs (`Run`), strongly consistent."""
        found, has_more = cut(below_page(self._db, self._table, thread_id, "run_", window), window)
        return Page(map(self._run, found), has_more, window.from_end)

    def update(self, thread_id: str, run_id: str, metadata: dict[str, str]) -> Run:
        """Replace the run's metadata.

        Raises:
            NotFound: there is no run with this id in the thread.
        """
        self.get(thread_id, run_id)
        try:
            item = self._db.update(
                TableName=self._table,
                Key=marshal(key_of(thread_id, run_id)),
                UpdateExpression="SET metadata = :metadata",
                ConditionExpression="attribute_exists(message_id)",
                ExpressionAttributeValues=values(metadata=metadata),
            )
        except ConditionFailed:
            return self.get(thread_id, run_id)
        return self._run(item)

    def open(self, due: int, execution: str | None = None) -> Iterator[tuple[str, str]]:
        """The open runs that are due, or those that an execution drives, from the index, as (thread id, run id)."""
        shards = [f"open#{shard}" for shard in range(OPEN_SHARDS)]
        condition, more = "open_shard = :shard AND due_at <= :due", {}
        named: Json = {"due": due}
        if execution is not None:
            condition, named = "open_shard = :shard", {"execution": execution}
            more = {"FilterExpression": "execution = :execution"}
            # The HTTP API's executions, and those that took over from another, are named after their run.
            if ids.is_run_id(run_id := execution.partition("-")[0]):
                shards = [open_shard(run_id)]
        for shard in shards:
            for item in self._db.query_all(
                TableName=self._table,
                IndexName="open_runs",
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values(shard=shard, **named),
                **more,
            ):
                yield item["thread_id"], item["message_id"]

    def ended(self, day: str, shard: int) -> Iterator[tuple[str, str]]:
        """One shard (below `ENDED_SHARDS`) of the runs that ended on a day (`YYYY-MM-DD`, UTC), from the index.

        As (thread id, run id), in the order of run ids; what ended in the last moments may be missing.
        """
        for item in self._db.query_all(
            TableName=self._table,
            IndexName="ended_runs",
            KeyConditionExpression="ended_shard = :shard",
            ExpressionAttributeValues=values(shard=ended_shard(day, shard)),
        ):
            yield item["thread_id"], item["message_id"]

    def postpone(self, run: Run, due: int) -> None:
        """Let the sweeper look again at `due`.

        Raises:
            ConditionFailed: the run moved on.
        """
        self._set(run, "due_at = :due", {"due": due})

    def hand_over(self, run: Run, execution: str, due: int) -> Run:
        """Let another execution drive the run.

        Raises:
            ConditionFailed: the run moved on, or was handed over already.
        """
        return self._set(run, "due_at = :due, execution = :execution", {"due": due, "execution": execution})

    def _set(self, run: Run, assignments: str, named: Json) -> Run:
        item = self._db.update(
            TableName=self._table,
            Key=marshal(key_of(run.thread_id, run.id)),
            UpdateExpression="SET " + assignments,
            ConditionExpression="run_status = :seen_status AND execution = :seen_execution"
            " AND attempts = :seen_attempts",
            ExpressionAttributeValues=values(
                **named, seen_status=run.status, seen_execution=run.execution, seen_attempts=run.attempts
            ),
        )
        return self._run(item)

    def _become_or_stay(self, run: Run, status: str, before: str, assignments: str, named: Json) -> Run:
        """Give the run a status in its turn, from the one `before` it; it may have it already, which is no change.

        Raises:
            ConditionFailed: the run moved on.
        """

        def write(seen: str) -> Run:
            becomes, counted = _becomes(status, changes=seen != status)
            item = self._db.update(
                TableName=self._table,
                Key=marshal(key_of(run.thread_id, run.id)),
                UpdateExpression=f"SET {becomes}, {assignments}",
                ConditionExpression="turn = :turn AND run_status = :seen",
                ExpressionAttributeValues=values(**counted, **named, seen=seen, turn=run.turn),
            )
            return self._run(item)

        first, second = (status, before) if run.status == status else (before, status)
        try:
            return write(first)
        except ConditionFailed:  # Another delivery came between, or this one's answer was lost.
            return write(second)

    # Taking a turn

    def begin_attempt(self, run: Run, now_ms: int) -> Run:
        """Record that the model is about to be called for the run's next turn; `queued` becomes `in_progress`.

        Args:
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run moved on.
        """
        return self._become_or_stay(
            run,
            "in_progress",
            "queued",
            "attempts = attempts + :one, due_at = :due, started_at = if_not_exists(started_at, :now),"
            " asked_ms = if_not_exists(asked_ms, :now_ms) REMOVE task_token",
            {"one": 1, "due": next_look(run, now_ms // 1000), "now": now_ms // 1000, "now_ms": now_ms},
        )

    def store_turn(
        self, run: Run, turn: Turn, server_calls: list[str], to_approve: list[str], account: RunUsage, now_ms: int
    ) -> None:
        """Record the outcome of a model call, in one transaction conditional on (run, turn).

        With a terminal status the lock's release, the totals and the status are part of it.

        Args:
            run: as it was when the call began.
            server_calls: ids of the turn's calls that a tool Lambda runs.
            to_approve: ids of those among them that wait for a yes.
            account: the run's with this turn; closed, if the turn ends it.
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run moved on (cancelled, or another delivery was first); nothing was written.
        """
        now = now_ms // 1000
        ended = turn.status in TERMINAL
        becomes, named = _becomes(turn.status, changes=turn.status != "in_progress")
        names = {"SET": [becomes, "turn = turn + :one"], "REMOVE": ["asked_ms"]}
        named |= {"one": 1, "turn": run.turn, "in_progress": "in_progress"}
        if ended:
            self._ending(run, turn.status, turn.last_error, turn.incomplete_details, now_ms, names, named)
        self._accounted(account, names, named)
        thread = self._threads.get_head(run.thread_id)
        last_ms = max(now_ms, thread.last_ms + 1)
        message = (
            {**turn.message, "id": ids.new_id("msg_", last_ms), "thread_id": run.thread_id} if turn.message else None
        )
        actions = [
            self._update_run(run, names, named, "turn = :turn AND run_status = :in_progress"),
            {
                "Put": {
                    "TableName": self._table,
                    "Item": marshal(
                        {
                            **key_of(run.thread_id, f"turn#{run.id}#{run.turn:04d}"),
                            "answered_ms": now_ms,
                            "model_ms": account.model_ms - run.account.model_ms,
                            **self._blobs.pack(
                                "output", turn.output, f"text/{run.thread_id}/{run.id}-turn-{run.turn}-{now_ms}.json"
                            ),
                        }
                    ),
                }
            },
        ]
        if message:
            actions += self._threads.put_messages([message])
            # Of two steps of one turn the later has its usage: the run's is the sum over its steps.
            usage_of_message = Usage() if turn.calls else turn.usage
            # What the model says after calls that its provider carried out follows from them.
            index = AFTER_CALLS if turn.outputs else BEFORE_CALLS
            actions.append(self._steps.put_message_creation(run, message["id"], usage_of_message, now, index))
        if turn.calls:
            actions.append(self._steps.put_tool_calls(run, turn, server_calls, to_approve, now))
        if ended:
            actions += self._release(run, account, last_ms, now_ms)
        elif message:
            actions.append(self._threads.move_clock(run.thread_id, last_ms, run.id))
        self._db.transact(actions)

    def resume(self, run: Run) -> Run:
        """`in_progress` again, after the client's word, for tools to be run.

        Raises:
            ConditionFailed: the run moved on.
        """
        becomes, named = _becomes("in_progress", changes=run.status != "in_progress")
        return self._set(run, becomes, named)

    # Waiting for the client

    def wait_for_outputs(self, run: Run, task_token: str, now_ms: int) -> None:
        """`requires_action`, and the token that ends it, in one update.

        Args:
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run is no longer in progress.
        """
        # Delivered twice, the later token is the one that the execution waits with.
        assignments = "task_token = :token, waiting_ms = if_not_exists(waiting_ms, :now)"
        named = {"token": task_token, "now": now_ms}
        self._become_or_stay(run, "requires_action", "in_progress", assignments, named)

    def submit_outputs(self, run: Run, tools: ToolStep, outputs: dict[str, Json], now_ms: int) -> Run:
        """Record the client's outputs and queue the run again, in one transaction.

        Args:
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run does not wait for them any more.
        """
        now = now_ms // 1000
        waited_ms = max(0, now_ms - run.waiting_ms) if run.waiting_ms else 0
        becomes, named = _becomes("queued")
        named |= {"waiting": "requires_action", "due": first_look(now), "turn": run.turn}
        named["client_ms"] = run.account.client_ms + waited_ms
        self._db.transact(
            [
                self._update_run(
                    run,
                    {"SET": [becomes, "due_at = :due", "client_ms = :client_ms"], "REMOVE": ["waiting_ms"]},
                    named,
                    "turn = :turn AND run_status = :waiting",
                ),
                self._steps.answer(run, tools, outputs, now),
            ]
        )
        return self.get(run.thread_id, run.id)

    # Ending

    def request_cancel(self, run: Run, now: int) -> Run:
        """`cancelling`: the execution, or the sweeper if it is gone, makes it `cancelled`.

        Raises:
            ConditionFailed: the run can't be cancelled from where it is now.
        """
        becomes, named = _becomes("cancelling")
        item = self._db.update(
            TableName=self._table,
            Key=marshal(key_of(run.thread_id, run.id)),
            UpdateExpression=f"SET {becomes}, due_at = :due",
            **self._from(sources("cancelling"), {**named, "due": first_look(now)}),
        )
        return self._run(item)

    def settle(
        self,
        run: Run,
        tools: ToolStep | None,
        status: str,
        account: RunUsage,
        now_ms: int,
        last_error: Json | None = None,
        incomplete_details: Json | None = None,
    ) -> Run:
        """End a run without a further turn: `expired`, `cancelled`, `failed` or `incomplete`.

        The terminal status, the lock's release and the totals are one transaction. If the run has ended already, that
        end stands.

        Args:
            tools: the run's tool step of its newest turn.
            account: the run's, closed.
            now_ms: milliseconds since 1970.

        Raises:
            ConditionFailed: the run moved on from how it was seen: its totals and its pending step are others now.
        """
        becomes, named = _becomes(status)
        names: dict[str, list[str]] = {"SET": [becomes]}
        named["turn"] = run.turn
        self._ending(run, status, last_error, incomplete_details, now_ms, names, named)
        self._accounted(account, names, named)
        condition = self._from(sources(status), named)
        actions = [self._update_run(run, names, named, f"turn = :turn AND {condition['ConditionExpression']}")]
        if tools and (tools.unanswered(server=True) or tools.unanswered(server=False)):
            actions.append(self._steps.end(run, tools, status, now_ms // 1000, last_error))
        try:
            self._db.transact([*actions, *self._release(run, account, 0, now_ms)])
        except ConditionFailed:
            current = self.get(run.thread_id, run.id)
            if current.status in ACTIVE:
                raise
            return current
        return self.get(run.thread_id, run.id)

    @staticmethod
    def _ending(
        run: Run,
        status: str,
        last_error: Json | None,
        incomplete_details: Json | None,
        now_ms: int,
        names: dict[str, list[str]],
        named: Json,
    ) -> None:
        moment = {"completed": "completed_at", "cancelled": "cancelled_at", "failed": "failed_at"}.get(status)
        if moment:
            names["SET"].append(f"{moment} = :moment")
            named["moment"] = now_ms // 1000
        if last_error:
            names["SET"].append("last_error = :last_error")
            named["last_error"] = last_error
        if incomplete_details:
            names["SET"].append("incomplete_details = :incomplete_details")
            named["incomplete_details"] = incomplete_details
        names["SET"] += ["ended_ms = :ended_ms", "ended_shard = :ended_shard"]
        named["ended_ms"] = now_ms
        named["ended_shard"] = ended_shard(day_of(now_ms), shard_of(run.id, ENDED_SHARDS))
        names["REMOVE"] = ["open_shard", "task_token", "asked_ms", "waiting_ms"]

    @staticmethod
    def _accounted(account: RunUsage, names: dict[str, list[str]], named: Json) -> None:
        # What is not there counts as 0, and no figure ever falls: each byte of a run is paid for at each change.
        figures = {name: figure for name, figure in account.figures().items() if figure or name == "cost"}
        names["SET"] += [f"{name} = :{name}" for name in figures]
        named |= figures

    def _release(self, run: Run, account: RunUsage, last_ms: int, now_ms: int) -> list[Json]:
        return [
            self._threads.release(run.thread_id, run.id, account, last_ms),
            self._threads.count_run_ended(run.assistant_id, run.thread_id, account),
            *self._usage.count_run_ended(run, account, now_ms),
        ]

    def _update_run(self, run: Run, names: dict[str, list[str]], named: Json, condition: str) -> Json:
        expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in names.items())
        return {
            "Update": {
                "TableName": self._table,
                "Key": marshal(key_of(run.thread_id, run.id)),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values(**named),
            }
        }

    @staticmethod
    def _from(statuses: tuple[str, ...], named: Json) -> Json:
        """The condition that the run is in one of the statuses; their values are added to `named`."""
        named |= {f"from{index}": status for index, status in enumerate(statuses)}
        condition = f"run_status IN ({', '.join(f':from{index}' for index in range(len(statuses)))})"
        return {"ConditionExpression": condition, "ExpressionAttributeValues": values(**named)}
