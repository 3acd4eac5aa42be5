"""Run steps: what a run did, and the outputs of the tools that it called.

A turn is at most two steps: one creates the message, one calls the tools, however many calls there are. The message
comes first, unless it follows from calls that the model's provider carried out.
"""

from contextlib import suppress
from itertools import islice
from typing import Any

from boto3.dynamodb.conditions import Attr

from assistant_engine.domain import builtin_tools, ids
from assistant_engine.domain.clock import EPOCH, Milliseconds, Seconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TerminalStatus
from assistant_engine.domain.run import Run
from assistant_engine.domain.run_step import new_step, step_error
from assistant_engine.domain.stream import Announced, StoredTurn, answered
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import Usage
from assistant_engine.store.blobs import INLINE_BYTES
from assistant_engine.store.connection import Connection
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.event_log import EventLog
from assistant_engine.store.expressions import Update, put
from assistant_engine.store.items import IS_OURS, is_ours
from assistant_engine.store.pages import Page, Window, cut
from assistant_engine.store.partition import below, key_of, page_below

BEFORE_CALLS, TOOL_CALLS, AFTER_CALLS = 0, 1, 2
"""The places of a turn's steps: that of the message, before or after, and that of the calls."""


def output_key(module: str, thread_id: str, run_id: str, turn: int, tool_call_id: str) -> str:
    """Return the key of a tool call's large output. A tool may write below its own module's name alone."""
    return f"outputs/{module}/{thread_id}/{run_id}/{turn}/{tool_call_id}"


def stored_turn(run: Run, turn: Turn, announced: Announced | None, last_ms: Milliseconds, now: Seconds) -> StoredTurn:
    """Return what a turn is in the record: ids that were told of it already, or new ones.

    Args:
        last_ms: the time part of its message's id.
    """
    told = announced or Announced(now)
    # What the model says after calls that its provider carried out follows from them.
    index = AFTER_CALLS if turn.outputs else BEFORE_CALLS
    return StoredTurn(
        turn,
        told.message or (ids.new_id("msg_", last_ms) if turn.message else None),
        told.message_step or ids.step_id(run.id, run.turn, index),
        told.calls_step or ids.step_id(run.id, run.turn, TOOL_CALLS),
        now,
    )


class Steps:
    """Run steps in the API's shape (`RunStepObject`), and what is to be known of their tool calls (`ToolStep`)."""

    def __init__(self, connection: Connection, log: EventLog) -> None:
        self._db, self._blobs, self._table = connection.database, connection.blobs, connection.messages_table
        self._log = log

    # Reading

    def page(self, thread_id: ThreadId, run_id: str, window: Window, *, contents: bool = False) -> Page:
        """A page of a run's steps (`RunStepObject`), strongly consistent.

        Args:
            contents: whether the text that file searches found is shown.
        """
        found, has_more = cut(page_below(self._db, self._table, thread_id, ids.step_prefix(run_id), window), window)
        return Page((self.shown(item, contents=contents) for item in found), has_more, window.from_end)

    def get(self, thread_id: ThreadId, run_id: str, step_id: str, *, contents: bool = False) -> Json:
        """A step of the run.

        Args:
            contents: whether the text that file searches found is shown.

        Raises:
            NotFound: the run has no step with this id.
        """
        item = None
        if ids.is_id(step_id) and step_id.startswith(ids.step_prefix(run_id)):
            item = self._db.get(self._table, key_of(thread_id, step_id))
        if not is_ours(item):
            raise NotFound(f"No run step found with id '{ids.shown(step_id)}'.")
        return self.shown(item, contents=contents)

    def message_ids(self, thread_id: ThreadId, run_id: str) -> list[str]:
        """The ids of the messages that the run added, oldest first; some may have been deleted."""
        if not ids.is_run_id(run_id):
            return []  # What is no run's id could be the beginning of many.
        matching = Attr("outputs").not_exists() & IS_OURS
        steps = self._db.query_all(below(self._table, thread_id, ids.step_prefix(run_id), matching=matching))
        details = (self._blobs.unpack("document", item)["step_details"] for item in steps)
        # Calls of tools that were brought along keep their outputs elsewhere.
        return [detail["message_creation"]["message_id"] for detail in details if detail["type"] == "message_creation"]

    def tool_steps(self, run: Run) -> list[ToolStep]:
        """The run's steps that call tools, oldest first; none that was stored since the run was read."""
        items = self._db.query_all(below(self._table, run.thread_id, ids.step_prefix(run.id)))
        following = ids.step_id(run.id, run.turn, 0)
        return [
            self._tool_step(item)
            for item in items
            if is_ours(item) and "outputs" in item and item["message_id"] < following
        ]

    def newest_tool_steps(self, thread_id: str, count: int) -> list[ToolStep]:
        """Return those of the thread's newest `count` steps, of any run, that call tools, oldest first."""
        newest = self._db.query_all(below(self._table, thread_id, "step_", ascending=False, limit=count))
        steps = [item for item in islice(newest, count) if is_ours(item) and "outputs" in item]
        return [self._tool_step(item) for item in reversed(steps)]

    def tool_step(self, run: Run, step_id: str) -> ToolStep:
        """A step of the run that calls tools.

        Raises:
            NotFound: there is none with this id.
        """
        item = self._db.get(self._table, key_of(run.thread_id, step_id))
        if not is_ours(item):
            raise NotFound(f"No run step found with id '{ids.shown(step_id)}'.")
        return self._tool_step(item)

    def pending(self, run: Run) -> ToolStep | None:
        """The tool step of the newest stored turn: one read by its key."""
        if run.turn == 0:
            return None
        name = run.calls_step or ids.step_id(run.id, run.turn - 1, TOOL_CALLS)
        item = self._db.get(self._table, key_of(run.thread_id, name))
        return self._tool_step(item) if is_ours(item) else None

    def output_texts(self, steps: list[ToolStep]) -> list[dict[str, str]]:
        """For each step the outputs of its calls, by tool call id; those in the bucket are read side by side."""
        keys = [output["key"] for step in steps for output in step.outputs.values() if "key" in output]
        kept = dict(zip(keys, self._blobs.read_all(keys), strict=True))
        return [
            {
                call_id: output["text"] if "text" in output else kept[output["key"]]
                for call_id, output in step.outputs.items()
            }
            for step in steps
        ]

    def _tool_step(self, item: Json) -> ToolStep:
        document = self._blobs.unpack("document", item)
        since, until = item.get("waited", (None, None))
        waited = None if since is None else (since, until)
        return ToolStep(document, item["server_calls"], item["to_approve"], item["outputs"], waited)

    def shown(self, item: Json, *, contents: bool) -> Json:
        """Return a step (`RunStepObject`) from its item.

        Args:
            contents: whether the text that file searches found is shown.
        """
        step: Json = self._blobs.unpack("document", item)
        step |= {
            name: item[name] for name in ("completed_at", "cancelled_at", "expired_at", "failed_at") if name in item
        }
        step["status"] = item["step_status"]
        if step["status"] == "in_progress":
            step["usage"] = None
        step["last_error"] = item.get("last_error")
        step["metadata"] = item.get("metadata", step["metadata"])
        if "outputs" in item:
            [outputs] = self.output_texts([self._tool_step(item)])
            step["step_details"]["tool_calls"] = [
                _shown(call, outputs.get(call["id"]), contents) for call in step["step_details"]["tool_calls"]
            ]
        return step

    # Writing: actions of a run's transactions, and outputs as they come

    def put_message_creation(self, run: Run, stored: StoredTurn, usage: Usage, created_at: Seconds) -> Json:
        """The action that records the step of the run's turn that created a message."""
        details = {"type": "message_creation", "message_creation": {"message_id": stored.message}}
        assert stored.message_step
        step = {**new_step(run, stored.message_step, details, created_at), "usage": usage.api()}
        return self._put(step, stored.now, done=True)

    def put_tool_calls(
        self, run: Run, stored: StoredTurn, server_calls: list[str], to_approve: list[str], created_at: Seconds
    ) -> Json:
        """The action that records the step of the run's turn that calls tools; with an error, it has failed.

        Args:
            server_calls: ids of the calls that a tool Lambda runs.
            to_approve: ids of those among them that wait for a yes.
        """
        turn = stored.turn
        assert stored.calls_step
        details = {"type": "tool_calls", "tool_calls": turn.calls}
        step = {**new_step(run, stored.calls_step, details, created_at), "usage": turn.usage.api()}
        # Of calls that the provider carried out, the outputs are there.
        limit = INLINE_BYTES // max(1, len(turn.outputs))
        outputs = {call_id: self.pack_output(run, text, limit) for call_id, text in turn.outputs.items()}
        more: Json = {"outputs": outputs, "server_calls": server_calls, "to_approve": to_approve}
        if turn.last_error:
            more |= {"step_status": "failed", "failed_at": stored.now, "last_error": turn.last_error}
        return self._put(step, stored.now, done=len(outputs) == len(turn.calls), **more)

    def _put(self, step: Json, now: Seconds, *, done: bool, **more: Any) -> Json:
        item = {
            **key_of(step["thread_id"], step["id"]),
            "step_status": "completed" if done else "in_progress",
            "completed_at": now if done else None,
            **more,
            **self._blobs.pack("document", step, f"text/{step['thread_id']}/{step['id']}-{now}.json"),
        }
        return put(self._table, item)

    def put_recorded(self, step: Json) -> None:
        """Write a step of a run that ended elsewhere, in place of the one before."""
        self._db.transact([self._put(step, Seconds(step["created_at"]), done=True)])

    def delete_recorded(self, step: Json) -> None:
        """Delete a step of a run that ended elsewhere, with its text in the bucket."""
        item = self._db.delete(self._table, key_of(step["thread_id"], step["id"]))
        if item and "document_key" in item:
            self._blobs.delete(item["document_key"])

    def record_outputs(self, run: Run, tools: ToolStep, outputs: dict[str, Json], now: Seconds) -> ToolStep:
        """Record outputs of the pending step's calls; those recorded before stay as they are.

        Args:
            outputs: by tool call id: `{"text": ...}`, or `{"key": ...}` of an object in the bucket.
        """
        # A delivery that comes late brings outputs of an earlier turn: those are not this step's.
        waiting = {call["id"] for call in tools.calls} - set(tools.outputs)
        fresh = {call_id: output for call_id, output in outputs.items() if call_id in waiting}
        if not fresh:
            return tools
        with suppress(ConditionFailed):  # Another delivery of the same outputs was first.
            update = self._answer(run, tools, fresh, now)
            if run.streams:
                self._log.transact(run, [update.action()], answered(tools, fresh))
            else:
                self._db.update(update)  # A transaction costs twice as much.
        return self.pending(run) or tools

    def answer(self, run: Run, tools: ToolStep, outputs: dict[str, Json], now: Seconds) -> Json:
        """The action that adds outputs to the pending step; it fails if others were added meanwhile.

        What the step still has to be approved for, and how long it waited, is written as `tools` says.
        """
        return self._answer(run, tools, outputs, now).action()

    def _answer(self, run: Run, tools: ToolStep, outputs: dict[str, Json], now: Seconds) -> Update:
        # The whole map is written, conditional on its size as seen: outputs are only ever added. One expression for
        # each call would outgrow the 4 KB that DynamoDB allows for all of them.
        whole = {**tools.outputs, **outputs}
        update = self._update(run, tools).set(outputs=whole, to_approve=tools.to_approve)
        if tools.waited:
            update.set(waited=list(tools.waited))
        update.when(Attr("outputs").size().eq(len(tools.outputs)))
        if {call["id"] for call in tools.calls} <= set(whole):
            update.set(step_status="completed", completed_at=now)
        return update

    def pack_output(self, run: Run, text: str, limit: int) -> Json:
        """A tool's output as `record_outputs` takes it: inline up to `limit` bytes, else put into the bucket."""
        if len(text.encode()) <= limit:
            return {"text": text}
        # A name of its own each time: of two that submit at once, only one's reference is stored.
        key = ids.new_id(f"text/{run.thread_id}/{run.id}-", EPOCH)
        self._blobs.client.put_object(Bucket=self._blobs.bucket, Key=key, Body=text.encode())
        return {"key": key}

    def end(self, run: Run, tools: ToolStep, status: TerminalStatus, now: Seconds, last_error: Json | None) -> Json:
        """Return the action that ends the pending step with its run, as its status says or else as failed."""
        ended = status if status in ("cancelled", "failed", "expired") else "failed"
        update = self._update(run, tools).set({"step_status": ended, f"{ended}_at": now})
        if last_error:
            update.set(last_error=step_error(last_error))
        return update.action()

    def _update(self, run: Run, tools: ToolStep) -> Update:
        """Return an update of a step that is still in progress."""
        update = Update(self._table, key_of(run.thread_id, tools.step["id"]))
        return update.when(Attr("step_status").eq("in_progress"))


def _shown(call: Json, output: str | None, contents: bool) -> Json:
    if call["function"]["name"] in builtin_tools.FUNCTIONS:
        return builtin_tools.shown(call, output, contents=contents)
    return {**call, "function": {**call["function"], "output": output}}
