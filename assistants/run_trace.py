"""Reads all that is recorded of a run: its record, its steps, the messages around it and its executions' histories."""

import json
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.turn import Asked, ToolStep
from assistant_engine.runs import executions
from assistant_engine.store import Store, Window
from assistants.errors import CommandError
from assistants.history import Change, changes
from assistants.stack import Stack

MAX_MESSAGES = 100
"""Of those that a run answers to; a thread may hold any number."""


class RunNotFound(CommandError):
    """There is no such run; the message says what to do."""


@dataclass(frozen=True)
class RunTrace:
    """Holds the records of a run.

    Attributes:
        steps: `RunStepObject`, oldest first, with what file searches found.
        asked: when the model was asked for each turn.
        tools: what is to be known of the steps that call tools, oldest first.
        messages: what the run answers to and what it said, `MessageObject`, oldest first.
        changes: of the executions that drove it, oldest first; none when AWS keeps them no longer (90 days).
        executions: their ARNs.
        store: sees the run's project.
    """

    run: Run
    steps: list[Json]
    asked: list[Asked]
    tools: list[ToolStep]
    messages: list[Json]
    changes: list[Change]
    executions: list[str]
    store: Store


class RunTraces:
    """Finds and reads the runs of a stack, which the process was pointed at (`stack.use`)."""

    def __init__(self, stack: Stack) -> None:
        self.store = Store()
        self.step_functions = stack.client("stepfunctions")
        self._machine = stack.variables["STATE_MACHINE_ARN"]

    def find(self, name: str, thread_id: str = "") -> Run:
        """Return a run.

        Args:
            name: the run's id, or name or ARN of the execution that drives it.
            thread_id: its thread; needed for a run that another AWS service asked for, if only its id is known.

        Raises:
            RunNotFound: there is none.
        """
        try:
            return self.store.runs.get(*((ThreadId(thread_id), name) if thread_id else self._ids(name)))
        except NotFound as error:
            raise RunNotFound(error.message) from None

    def execution(self, name: str) -> str:
        """Return the ARN of an execution, by its name."""
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"

    def read(self, run: Run) -> RunTrace:
        """Return all that is recorded of the run."""
        store = self.store.of(run.project)
        # An execution that was lost may have had another one take over; the API names the first one after the run.
        names = dict.fromkeys([run.id, run.execution])
        found = {arn: self._changes(arn) for arn in map(self.execution, names)}
        executions = [arn for arn, seen in found.items() if seen]
        return RunTrace(
            run=run,
            steps=_all_steps(store, run),
            asked=store.runs.asked(run),
            tools=store.steps.tool_steps(run),
            messages=_messages(store, run),
            changes=[change for arn in executions for change in found[arn]],
            executions=executions,
            store=store,
        )

    def _changes(self, execution: str) -> list[Change]:
        try:
            return changes(self.step_functions, execution)
        except self.step_functions.exceptions.ExecutionDoesNotExist:
            return []

    def _ids(self, name: str) -> tuple[ThreadId, str]:
        arn = name if name.startswith("arn:") else self.execution(name)
        errors = self.step_functions.exceptions
        try:
            described: Any = self.step_functions.describe_execution(executionArn=arn)
        except (errors.ExecutionDoesNotExist, errors.InvalidArn):
            raise RunNotFound(
                f"There is no execution {name}. Is it a run that another AWS service asked for? Then say its thread"
                " (--thread ...), or its execution instead of the run."
            ) from None
        for told in (described.get("output"), described.get("cause")):
            with suppress(TypeError, ValueError, KeyError):
                named = json.loads(told)
                return named["thread_id"], named["run_id"]
        started = described["startDate"].isoformat()
        return executions.requested_ids(
            json.loads(described["input"]), {"name": name, "arn": arn, "start_time": started}
        )


def _all_steps(store: Store, run: Run) -> list[Json]:
    steps: list[Json] = []
    while True:
        after = steps[-1]["id"] if steps else None
        page = store.steps.page(run.thread_id, run.id, Window(100, "asc", after), contents=True)
        steps += page.objects
        if not page.has_more:
            return steps


def _messages(store: Store, run: Run) -> list[Json]:
    """Return what no run had answered yet when this one was created, and what this one said."""
    # Ids sort by time; one that was given to the request may be a little older than its messages.
    later = "msg_" + ids.time_part(Milliseconds((run.created_at + 60) * 1000))
    page = store.messages.page(run.thread_id, Window(MAX_MESSAGES, "desc", after=later))
    before = (message for message in page.objects if message["created_at"] <= run.created_at)
    asked = list(takewhile(lambda message: message["run_id"] is None, before))
    said = store.messages.by_ids(run.thread_id, store.steps.message_ids(run.thread_id, run.id))
    return [*reversed(asked), *said]
