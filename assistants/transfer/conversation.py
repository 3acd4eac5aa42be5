"""Writes the threads of an import: messages in their order, and runs that have ended.

A thread keeps its id. Messages, runs and steps get ids of this engine, which sort by time, made of their old ids: the
same at each import. A pointer leads from the old id to the new one, and says that the object is there.
"""

from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

from assistant_engine.domain import clock, ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, seconds_of
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.domain.tool_resources import with_attachments
from assistant_engine.runs.ended_elsewhere import EndedRun, ended_run, put
from assistant_engine.store import Store
from assistant_engine.store.message_item import item_of
from assistant_engine.store.threads import PREFIX, totals_of
from assistant_engine.store.transfer import Row, Transfer, pointer
from assistants.transfer import convert
from assistants.transfer.report import NEW, THERE, Report
from assistants.transfer.staging import Staging


@dataclass
class _Plan:
    """Holds the time parts of new ids by old id, for the messages and runs of a thread.

    Attributes:
        said: which run said the message; of runs, the last message's time.
        reads: of a run, the times between which the messages lie that it was the first to read.
    """

    messages: dict[str, Milliseconds] = field(default_factory=dict)
    runs: dict[str, Milliseconds] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    ends: dict[str, Milliseconds] = field(default_factory=dict)
    reads: dict[str, tuple[Milliseconds, Milliseconds]] = field(default_factory=dict)
    last_ms: Milliseconds = EPOCH


class Conversations:
    """Writes threads of a project."""

    def __init__(self, transfer: Transfer, store: Store, staging: Staging, report: Report, *, dry_run: bool) -> None:
        self._transfer = transfer
        self._store = store
        self._staging = staging
        self._report = report
        self._dry_run = dry_run

    def names(self) -> list[str]:
        """Return the ids of all threads that were read, with those that only messages or runs name."""
        kinds = ("thread.message", "thread.run")
        named = (name for kind in kinds for name in self._staging.parents(kind))
        return list(dict.fromkeys([*self._staging.names("thread"), *named]))

    def write(self, thread_id: str) -> None:
        """Write a thread, or what of it is not there yet."""
        try:
            there = self._store.threads.find(thread_id)
        except NotFound:
            self._report.leave_out("thread", thread_id, "there is another one with this id")
            return
        plan = self._planned(thread_id)
        body = self._staging.get("thread", thread_id) or {"id": thread_id}
        created = clock.moment(body.get("created_at")) or min(plan.messages.values(), default=None)
        if created is None:
            self._report.leave_out("thread", thread_id, "it has no created_at, and no message with one")
            return
        if there and "created_at" in body and seconds_of(created) != there.created_at:
            self._report.leave_out("thread", thread_id, "there is another one with this id")
            return
        metadata = convert.metadata({**body, "id": thread_id}, "thread", self._report)
        resources = body.get("tool_resources") or {}
        thread = there or Thread(
            ThreadId(thread_id), seconds_of(created), metadata, resources, max(plan.last_ms, created)
        )
        known = self._transfer.imported(thread_id)
        thread = self._write_messages(thread, plan, known)
        thread = self._write_runs(thread, plan, known, is_new=there is None)
        self._finish(thread, is_new=there is None)

    def _finish(self, thread: Thread, *, is_new: bool) -> None:
        self._report.count("thread", NEW if is_new else THERE)
        if self._dry_run:
            return
        threads = self._store.threads
        if not is_new:
            threads.reach(thread.id, thread.last_ms)
            return
        place = ids.listed_as(PREFIX, thread.id, seconds_of(Milliseconds(1000 * thread.created_at)))
        totals = {
            "runs": thread.runs,
            "prompt_tokens": thread.usage.prompt_tokens,
            "completion_tokens": thread.usage.completion_tokens,
            "cost": thread.cost,
            "unpriced_runs": thread.unpriced_runs,
        }
        head = {**threads.head_of(thread, thread.last_ms, place), **(totals if thread.runs else {})}
        if not self._transfer.put_new([Row("messages", head)]):
            self._report.note("thread", thread.id, "another import wrote it at the same time")

    # The order of things

    def _planned(self, thread_id: str) -> _Plan:
        """Give each message and run its time: its own, or a millisecond after what came before it."""
        plan = _Plan()
        order = self._order(thread_id)
        runs = {run["id"]: run for run in self._staging.all("thread.run", thread_id)}
        waiting = sorted(
            ((created, name) for name, run in runs.items() if (created := clock.moment(run.get("created_at")))),
        )
        last, unread = EPOCH, EPOCH

        def begin(run_id: str, at: Milliseconds) -> None:
            nonlocal last, unread
            if run_id not in plan.runs:
                last = Milliseconds(max(at, last + 1))
                plan.runs[run_id], plan.reads[run_id], unread = last, (unread, last), last

        for name, created, run_id in order:
            while waiting and waiting[0][0] // 1000 < created // 1000:
                begin(waiting[0][1], waiting.pop(0)[0])
            if run_id:
                begin(run_id, clock.moment(runs.get(run_id, {}).get("created_at")) or created)
                plan.said[name] = run_id
            last = Milliseconds(max(created, last + 1))
            plan.messages[name] = last
            if run_id:
                plan.ends[run_id] = last
        for created, name in waiting:
            begin(name, created)
        for name in runs:
            begin(name, last)
        plan.last_ms = last
        return plan

    def _order(self, thread_id: str) -> list[tuple[str, Milliseconds, str]]:
        """Return the messages of a thread in the order in which they were said: (id, time, id of its run)."""
        found: list[tuple[str, Milliseconds, str, bool]] = []
        for body in self._staging.all("thread.message", thread_id):
            created = clock.moment(body.get("created_at"))
            if created is None and not found:
                created = clock.moment((self._staging.get("thread", thread_id) or {}).get("created_at"))
            by_assistant = body.get("role") == "assistant"
            run_id = body.get("run_id") if by_assistant else None
            at = created if created is not None else found[-1][1] if found else None
            if at is None:
                self._report.leave_out("thread.message", body["id"], "it has no created_at")
            else:
                said_by = run_id if isinstance(run_id, str) and ids.is_id(run_id) else ""
                found.append((body["id"], at, said_by, by_assistant))
        if _newest_first(found):
            found.reverse()
        # Messages from several files are sorted by time; those of one time keep their order.
        found.sort(key=lambda each: each[1] // 1000)
        return [each[:3] for each in found]

    # Writing

    def _write_messages(self, thread: Thread, plan: _Plan, known: dict[str, str]) -> Thread:
        attached: list[Json] = []
        timed = (body for body in self._staging.all("thread.message", thread.id) if body["id"] in plan.messages)
        while group := list(islice(timed, 50)):
            rows: list[Row] = []
            for body in group:
                if body["id"] in known:  # An import that was cut short may have left the thread without its files.
                    self._report.count("thread.message", THERE)
                    attached.append({"attachments": convert.attachments(body)})
                    continue
                try:
                    message = convert.message(body, self._report)
                except convert.Unfit as unfit:
                    self._report.leave_out("thread.message", body["id"], str(unfit))
                    continue
                at = plan.messages[body["id"]]
                message["created_at"] = message["created_at"] or at // 1000
                if run_id := plan.said.get(body["id"]):
                    message["run_id"] = self._run_id(run_id, plan, known)
                made = {"id": ids.new_id("msg_", at, seed=body["id"]), **message, "thread_id": thread.id}
                attached += [made] if made["attachments"] else []
                if not self._dry_run:
                    item = {**item_of(made, self._store.blobs), "imported_id": body["id"]}
                    rows += [Row("messages", item), pointer(thread.id, body["id"], made["id"])]
                self._report.count("thread.message", NEW)
            self._transfer.put_new(rows)
        resources = with_attachments(thread.tool_resources, attached)
        return thread._replace(tool_resources=resources, last_ms=max(thread.last_ms, plan.last_ms))

    def _run_id(self, old: str, plan: _Plan, known: dict[str, str]) -> str:
        return known.get(old) or ids.new_id("run_", plan.runs[old], seed=old)

    def _write_runs(self, thread: Thread, plan: _Plan, known: dict[str, str], *, is_new: bool) -> Thread:
        names = {name: known.get(name) or ids.new_id("msg_", at, seed=name) for name, at in plan.messages.items()}
        assistants = self._assistants(thread.id)
        for run_id, at in sorted(plan.runs.items(), key=lambda each: each[1]):
            body = self._staging.get("thread.run", run_id, thread.id) or {"id": run_id}
            assistant_id = body.get("assistant_id") or assistants.get(run_id) or assistants.get("")
            if not isinstance(assistant_id, str) or not ids.is_id(assistant_id):
                self._report.leave_out("thread.run", run_id, "its assistant is not known")
                continue
            metadata = convert.metadata(body, "thread.run", self._report)
            new_id = self._run_id(run_id, plan, known)
            body = {**body, "id": new_id, "assistant_id": assistant_id, "metadata": metadata}
            ended = ended_run(
                body,
                self._staging.all("thread.run.step", run_id),
                names,
                thread,
                project=self._store.project,
                created_ms=at,
                ends_ms=plan.ends.get(run_id),
                reads=plan.reads[run_id],
            )
            there = run_id in known or not self._put_run(ended, run_id, is_new=is_new)
            if there and run_id not in known and run_id not in self._transfer.imported(thread.id):
                self._report.leave_out("thread.run", run_id, "the directory of threads has an item of others for it")
                continue
            self._report.count("thread.run", THERE if there else NEW)
            self._report.count("thread.run.step", THERE if there else NEW, len(ended.steps))
            if is_new:
                thread = _counted(thread, ended)
        if not self._dry_run:
            # A thread without runs is in its assistant's list, too.
            listed = sorted({name for name in assistants.values() if ids.is_id(name)})
            rows = [{"assistant_id": name, "thread_id": thread.id, "runs": 0} for name in listed]
            self._transfer.put_new(Row("threads", row) for row in rows)
        return thread

    def _assistants(self, thread_id: str) -> dict[str, str]:
        """Return the assistants of a thread's runs by the runs' ids, as its messages name them; "" for the last one."""
        found: dict[str, Any] = {}
        for body in self._staging.all("thread.message", thread_id):
            if isinstance(body.get("assistant_id"), str):
                found[""] = body["assistant_id"]
                if isinstance(body.get("run_id"), str):
                    found.setdefault(body["run_id"], body["assistant_id"])
        return found

    def _put_run(self, ended: EndedRun, old: str, *, is_new: bool) -> bool:
        """Write a run with its steps and add it to the totals, once; whether it was not there."""
        if self._dry_run:
            return True
        return put(self._transfer, ended, old, is_new=is_new)


def _counted(thread: Thread, ended: EndedRun) -> Thread:
    totals = totals_of(ended.run.account)
    return thread._replace(
        runs=thread.runs + 1,
        usage=thread.usage + ended.run.usage,
        cost=thread.cost + totals["cost"],
        unpriced_runs=thread.unpriced_runs + totals["unpriced_runs"],
        read_ms=max(thread.read_ms, ended.run.reads[1]),
    )


def _newest_first(found: list[tuple[str, Milliseconds, str, bool]]) -> bool:
    """Return whether a list of messages begins with the newest, as the API lists them unless it is told."""
    seconds = [each[1] // 1000 for each in found]
    rising = sum((after > before) - (after < before) for before, after in pairwise(seconds))
    if rising or not found:
        return rising < 0
    return found[0][3] and not found[-1][3]  # A person begins.
