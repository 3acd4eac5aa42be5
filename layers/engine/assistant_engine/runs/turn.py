"""Takes a run's turn: the one step that the state machine repeats until the run has ended.

What is done is decided from the record, so the step may be delivered twice, late, or die half way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assistant_engine.domain import builtin_tools
from assistant_engine.domain.clock import Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import is_terminal
from assistant_engine.domain.next_action import Action, next_action
from assistant_engine.domain.payloads import ToolResult
from assistant_engine.domain.run import Run
from assistant_engine.domain.thread import ThreadId
from assistant_engine.domain.turn import ToolStep
from assistant_engine.resources import vector_stores
from assistant_engine.runs import ending, tool_calls
from assistant_engine.runs.attempt import Stored, attempt
from assistant_engine.runs.outcome import (
    MAX_LOOKS,
    MOVED,
    CallTools,
    Moved,
    Outcome,
    TakeNextTurn,
    Wait,
    WaitForClient,
    WaitForThread,
)
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.store.steps import output_key

FOLLOWER_WAIT_SECONDS = 10
"""How often at first an execution looks at a run that another execution drives; later at quarters of the run's age."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery of the step.

    Attributes:
        turn: the turn that it is to take.
        execution: the name of the execution that sends it.
        outputs: of the tools that the execution called for the turn before.
    """

    thread_id: ThreadId
    run_id: str
    turn: int
    execution: str
    outputs: Sequence[ToolResult]


def advance(store: Store, delivery: Delivery) -> Outcome:
    """Take the run's next step.

    Raises:
        NotFound: there is no such run.
    """
    run, tools = _read(store, delivery)
    # Outputs of a run that was cancelled or is over come too late.
    if tools and delivery.outputs and next_action(run, delivery.turn, tools, _now()) == "call_tools":
        tools = store.steps.record_outputs(run, tools, _outputs(run, delivery.outputs), _now())
    stored = False
    for _ in range(MAX_LOOKS):
        now = _now()
        if tools:
            tools = store.steps.record_outputs(run, tools, tool_calls.refused(run, tools), now)
        action = next_action(run, delivery.turn, tools, now)
        if run.execution != delivery.execution and not is_terminal(action):
            return _follow(run, now)
        if action == "late" and stored:
            return TakeNextTurn(run.turn)
        outcome = _act(store, run, tools, action, now)
        if not isinstance(outcome, Moved | Stored):
            return outcome
        stored = stored or isinstance(outcome, Stored)
        run, tools = _read(store, delivery)
    return Wait(run.turn, 1)


def _read(store: Store, delivery: Delivery) -> tuple[Run, ToolStep | None]:
    run = store.runs.get(delivery.thread_id, delivery.run_id)
    return run, store.steps.pending(run)


def _act(store: Store, run: Run, tools: ToolStep | None, action: Action, now: Seconds) -> Outcome | Moved | Stored:
    if is_terminal(action):
        return ending.finish(store, run, action, now_ms())
    if action == "call_tools" and tools:
        return _call_tools(store, run, tools, now)
    if action == "requires_action":
        return WaitForClient(run.turn)
    if action == "wait_for_thread":
        return WaitForThread(run.turn)
    if action == "late":
        return Wait(run.turn, 1)
    if run.line:
        run = store.runs.enter(run, now_ms())
    if vector_stores.still_reading(store, run, now):
        return Wait(run.turn, (now - run.created_at) // 4)
    return attempt(store, run, tools)


def _call_tools(store: Store, run: Run, tools: ToolStep, now: Seconds) -> CallTools | Moved:
    if run.status != "in_progress":  # The client has approved the calls.
        try:
            run = store.transitions.resume(run)
        except ConditionFailed:
            return MOVED
    return CallTools(run.turn, tool_calls.calls(run, tools), tool_calls.inputs(store, run, tools, now))


def _follow(run: Run, now: Seconds) -> Wait:
    """Wait for the end of a run that another execution drives."""
    seconds = max(FOLLOWER_WAIT_SECONDS, (now - run.created_at) // 4)
    return Wait(run.turn, min(seconds, run.expires_at - now))


def _outputs(run: Run, results: Sequence[ToolResult]) -> dict[str, Json]:
    """Return what tools gave as `Steps.record_outputs` takes it."""
    return {result["tool_call_id"]: {**_output(run, result), **_times(result)} for result in results}


def _output(run: Run, result: ToolResult) -> Json:
    """Return the output, or where a large one lies, if that is where the tool of this very call puts it."""
    if "output" in result:
        return {"text": result["output"]}
    modules = {entry["module_name"] for entry in run.functions} | set(builtin_tools.FUNCTIONS)
    key, call_id = result["output_key"], result["tool_call_id"]
    # It could name any object.
    own = {output_key(module, run.thread_id, run.id, run.turn - 1, call_id) for module in modules}
    return {"key": key} if key in own else {"text": "Error: the tool gave no answer that is its own."}


def _times(result: ToolResult) -> dict[str, int]:
    return {name: result[name] for name in ("began_ms", "ended_ms") if name in result}


def _now() -> Seconds:
    return seconds_of(now_ms())
