"""What can be done with a run: create it, submit tool outputs, cancel it, end it, and tell the state machine of it.

Every operation decides from the record and may be carried out twice.
"""

import json
import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any

from assistant_engine import metrics, registry, vector_stores
from assistant_engine.domain import accounting, builtin_tools, ids, tool_resources
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json, json_size
from assistant_engine.domain.lifecycle import ACTIVE, TERMINAL
from assistant_engine.domain.message import new_message, text_of
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.turn import ToolStep
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.blobs import INLINE_BYTES
from assistant_engine.store.dynamodb import ConditionFailed
from assistant_engine.usage import check_budgets

INLINE_BUDGET = 200 * 1024
"""Bytes of tool output that one turn may carry in the execution's data (Step Functions limit: 256 KiB)."""

ENVELOPE_BYTES = 400
"""What the execution's data takes for a call beside its arguments or its output: ids, names, limits."""

MOST_OUTPUT_BYTES = 512 * 1024
"""A tool's output is cut there: it is read by a model, and shown in a run step."""

MOST_TURN_BYTES = 4_000_000
"""Bytes of tool output in one turn: a run step must fit into one answer of the HTTP API (Lambda limit: 6 MB)."""

MAX_FILES = 1_000
"""Files that code finds, the newest that the thread was given: their ids are in the execution's data."""

ANSWER_BYTES = 128 * 1024
"""Bytes of answer in the output of an execution that another AWS service started."""

NOT_APPROVED = "Error: the user did not approve this call."
"""What the model is told of a call that the client said no to."""


def new_run(
    assistant: Json,
    request: Json,
    thread_id: str,
    now: int,
    *,
    project: str,
    run_id: str = "",
    execution: str = "",
    answers_in_output: bool = False,
) -> Run:
    """A queued run of an assistant from a valid `CreateRunRequest`: a snapshot, the request's fields over the
    assistant's.

    Args:
        run_id: given when the cause of the run decides its id; else the store gives one.
        execution: the name of the execution that will drive it; given together with `run_id`.
    """
    settings = settings_of(assistant, request)
    expires_after = request.get("expires_after") or int(os.environ["RUN_EXPIRES_AFTER"])
    return Run(
        id=run_id,
        thread_id=thread_id,
        assistant_id=assistant["id"],
        status="queued",
        created_at=now,
        expires_at=now + expires_after,
        settings=settings,
        functions=assistant["functions"],
        tool_resources={**assistant["tool_resources"], **tool_resources.stored(request.get("tool_resources"))},
        metadata=request.get("metadata") or {},
        execution=execution,
        answers_in_output=answers_in_output,
        due_at=first_look(now),
        project=project,
    )


def settings_of(assistant: Json, request: Json) -> Json:
    """`Run.settings`: what the request sets and, where it doesn't, the assistant or the default.

    Raises:
        InvalidRequest: `tool_choice` names a tool that the run does not have; a function's tool is not deployed any
            more.
    """

    def chosen(name: str, default: Any = None) -> Any:
        value = request.get(name)
        return assistant.get(name, default) if value is None else value

    instructions = chosen("instructions") or ""
    if request.get("additional_instructions"):
        instructions = "\n".join(filter(None, [instructions, request["additional_instructions"]]))
    tools = chosen("tools")
    if request.get("tools") is None:
        # A run that names its tools is offered those alone; the assistant's functions among them are still served.
        named = {tool["function"]["name"] for tool in tools if tool["type"] == "function"}
        deployed = registry.function_tools(assistant["functions"])
        tools = [*tools, *(tool for tool in deployed if tool["function"]["name"] not in named)]
    builtin_tools.check_names(tools)
    tool_choice = chosen("tool_choice", "auto")
    _require_tool(tool_choice, tools)
    return {
        "model": chosen("model"),
        "instructions": instructions,
        "tools": tools,
        "tool_choice": tool_choice,
        "parallel_tool_calls": chosen("parallel_tool_calls", True),
        "response_format": chosen("response_format"),
        "temperature": chosen("temperature"),
        "top_p": chosen("top_p"),
        "reasoning_effort": chosen("reasoning_effort"),
        "max_prompt_tokens": chosen("max_prompt_tokens"),
        "max_completion_tokens": chosen("max_completion_tokens"),
        "truncation_strategy": {"last_messages": None, **chosen("truncation_strategy", {"type": "auto"})},
    }


def _require_tool(choice: str | Json, tools: list[Json]) -> None:
    if isinstance(choice, str):
        return
    name = choice["function"]["name"] if choice["type"] == "function" else None
    offered = [(tool["type"], tool["function"]["name"] if tool["type"] == "function" else None) for tool in tools]
    if (choice["type"], name) not in offered:
        wanted = f"function '{name}'" if name else f"tool of type '{choice['type']}'"
        raise InvalidRequest(
            f"Invalid 'tool_choice': there is no {wanted} in this run's tools.",
            param="tool_choice",
            code="invalid_value",
        )


def new_thread(request: Json, thread_id: str, now_ms: int) -> tuple[Thread, list[Json]]:
    """A thread and its first messages (without ids) from a valid `CreateThreadRequest`."""
    now = now_ms // 1000
    messages = [new_message(message, now) for message in request.get("messages") or []]
    resources = tool_resources.stored(request.get("tool_resources"))
    thread = Thread(
        id=thread_id,
        created_at=now,
        metadata=request.get("metadata") or {},
        tool_resources=tool_resources.with_attachments(resources, messages),
        last_ms=now_ms,
    )
    return thread, messages


def create(
    store: Store,
    request: Json,
    now_ms: int,
    *,
    thread_id: str | None = None,
    run_id: str = "",
    execution: str = "",
    answers_in_output: bool = False,
    idempotency: Idempotency | None = None,
) -> Run:
    """Create a run, and its thread unless `thread_id` is one that exists, in one transaction.

    Vector stores that the request asks for, or that attachments need, are made before (`vector_stores.made_with`,
    `vector_stores.take_in`).

    Args:
        request: a valid `CreateRunRequest`, or `CreateThreadAndRunRequest` (its `thread` may be missing).
        thread_id: the existing thread; without it a new one is made.
        run_id: see `new_run`. With it the new thread's id follows from it, too.

    Raises:
        NotFound: the assistant or the thread does not exist.
        InvalidRequest: the thread has an active run; too many messages for one transaction.
        QuotaExceeded: a budget of this day is used up.
        Replayed, Conflict: the idempotency key was used.
    """
    assistant = store.assistants.get(request["assistant_id"])
    check_budgets(store, assistant["id"], now_ms, idempotency)
    now = now_ms // 1000
    thread: Thread | None = None
    messages: list[Json] = []
    if thread_id is None:
        thread_id = new_thread_id(now_ms, run_id)
        thread, messages = new_thread(request.get("thread") or {}, thread_id, now_ms)
    run = new_run(
        assistant,
        request,
        thread_id,
        now,
        project=store.project,
        run_id=run_id,
        execution=execution,
        answers_in_output=answers_in_output,
    )
    messages += [new_message(message, now) for message in request.get("additional_messages") or []]
    # A run whose id its cause decides is the same one each time, as with a key.
    key = idempotency or (Idempotency(f"run#{store.project}#{run_id}", request) if run_id else None)
    if thread:
        resources = tool_resources.with_attachments(thread.tool_resources, messages)
        requested = (request.get("thread") or {}).get("tool_resources")
        days = vector_stores.THREAD_DAYS
        resources = vector_stores.made_with(store, requested, resources, messages, now_ms, key, days=days)
        thread = replace(thread, tool_resources=resources)
    else:
        vector_stores.take_in(store, thread_id, messages, now_ms, key)
    return store.runs.create(run, messages, now_ms, new_thread=thread, idempotency=idempotency)


def requested_project(store: Store, request: Json) -> str:
    """The project of a run that another AWS service asks for: its thread's or, where it names none, its assistant's.

    Such a caller has no key: IAM lets it start the state machine, for every project.

    Args:
        request: a valid `RunRequest`.

    Raises:
        NotFound: the thread or the assistant does not exist.
    """
    if "thread_id" in request:
        return store.threads.project(request["thread_id"])
    return store.assistants.project(request["assistant_id"])


def requested_ids(request: Any, execution: Json) -> tuple[str, str]:
    """The ids of the thread and the run that an execution is about.

    The HTTP API names both. For a run request they follow from the execution's start time and ARN, so the same
    execution, delivered again, finds what it wrote before.

    Args:
        request: the execution's input, valid or not.
        execution: `{"name", "arn", "start_time" (ISO 8601)}`.
    """
    named = request if isinstance(request, dict) else {}
    thread_id, run_id = named.get("thread_id"), named.get("run_id")
    if isinstance(thread_id, str) and isinstance(run_id, str):
        return thread_id, run_id
    started = datetime.fromisoformat(execution["start_time"])
    run_id = ids.new_id("run_", int(started.timestamp() * 1000), seed=execution["arn"])
    return thread_id if isinstance(thread_id, str) else new_thread_id(0, run_id), run_id


def new_thread_id(now_ms: int, run_id: str) -> str:
    """The id of a new thread; the same one each time for a run whose id is given."""
    return ids.new_id("thread_", ids.milliseconds_of(run_id) if run_id else now_ms, seed=run_id or None)


def submit_tool_outputs(store: Store, thread_id: str, run_id: str, tool_outputs: list[Json], now_ms: int) -> Run:
    """Take the client's outputs and queue the run again. `wake` the execution afterwards.

    Args:
        tool_outputs: `[{"tool_call_id", "output"}]`, one for each call that the run waits for. Of a call that waits for
            approval the output is `yes` or `no`.
        now_ms: milliseconds since 1970.

    Raises:
        NotFound: no such run.
        InvalidRequest: the run does not wait, or the outputs are not those that it waits for.
    """
    run = store.runs.get(thread_id, run_id)
    # The execution that waits for them writes that a run has expired, a moment after it has.
    status = "expired" if run.status in ACTIVE and now_ms // 1000 >= run.expires_at else run.status
    if status != "requires_action":
        raise InvalidRequest(f'Runs in status "{status}" do not accept tool outputs.')
    tools = store.steps.pending(run)
    waiting = [call["id"] for call in tools.unanswered(server=False)] if tools else []
    given = [output["tool_call_id"] for output in tool_outputs]
    if extra := sorted(set(given) - set(waiting)):
        raise InvalidRequest(
            f"Unexpected tool outputs for call ids {extra}. Expected outputs for call ids {waiting}.",
            param="tool_outputs",
        )
    if len(set(given)) < len(given):
        raise InvalidRequest("Each tool_call_id may be given only once.", param="tool_outputs")
    if missing := [call_id for call_id in waiting if call_id not in given]:
        raise InvalidRequest(f"Expected tool outputs for call ids {missing}, got {given}.", param="tool_outputs")
    assert tools is not None
    limit = _inline_bytes(tools)
    outputs = {}
    for index, given_output in enumerate(tool_outputs):
        call_id, text = given_output["tool_call_id"], given_output.get("output") or ""
        if call_id not in tools.to_approve:
            outputs[call_id] = store.steps.pack_output(run, text, limit)
        elif (word := text.strip().lower()) == "no":
            outputs[call_id] = {"text": NOT_APPROVED}
        elif word != "yes":
            raise InvalidRequest(
                f"Invalid 'tool_outputs[{index}].output': the call waits for approval, so it is 'yes' or 'no'.",
                param=f"tool_outputs[{index}].output",
                code="invalid_value",
            )
    try:
        return store.transitions.submit_outputs(run, replace(tools, to_approve=[]), outputs, now_ms)
    except ConditionFailed:
        current = store.runs.get(thread_id, run_id)
        raise InvalidRequest(f'Runs in status "{current.status}" do not accept tool outputs.') from None


def cancel(store: Store, thread_id: str, run_id: str, now: int) -> Run:
    """Ask for the run to be cancelled. `wake` the execution afterwards.

    Raises:
        NotFound: no such run.
        InvalidRequest: the run has ended.
    """
    run = store.runs.get(thread_id, run_id)
    if run.status == "cancelling":
        return run
    try:
        return store.transitions.request_cancel(run, now)
    except ConditionFailed:
        current = store.runs.get(thread_id, run_id)
        if current.status == "cancelling":
            return current
        raise InvalidRequest(f"Cannot cancel run with status '{current.status}'.") from None


def execution_arn(run: Run) -> str:
    """The ARN of the execution that drives the run, from `STATE_MACHINE_ARN`."""
    return os.environ["STATE_MACHINE_ARN"].replace(":stateMachine:", ":execution:") + ":" + run.execution


def start(step_functions: Any, store: Store, run: Run, now: int, *, again: bool = False) -> None:
    """Start the execution of a queued run, named after the run: started twice, it is one execution.

    Args:
        step_functions: the boto3 client.
        again: the execution that the run had has ended; another one takes over, from where the record stands.

    Raises:
        ConditionFailed: someone else took over.
    """
    name = run.execution
    if again:
        name = f"{run.id}-{run.attempts + 1}"
        run = store.runs.hand_over(run, name, first_look(now))
    data = json.dumps({"thread_id": run.thread_id, "run_id": run.id})
    # If it has run already, what it did is in the record.
    with suppress(step_functions.exceptions.ExecutionAlreadyExists):
        step_functions.start_execution(stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=name, input=data)


def wake(step_functions: Any, run: Run) -> bool:
    """Wake the execution that waits in `requires_action`; whether one waited.

    The token only wakes it: what it finds is in the record, which is written already.

    Args:
        step_functions: the boto3 client.
    """
    if run.task_token is None:
        return False
    errors = step_functions.exceptions
    try:
        step_functions.send_task_success(taskToken=run.task_token, output="{}")
    except (errors.TaskTimedOut, errors.TaskDoesNotExist, errors.InvalidToken):
        return False  # It went on by itself: the wait timed out, or someone else woke it.
    return True


# What the state machine is told: ids, the tools' arguments and outputs, and the answer if it was asked for.


def ended(store: Store, run: Run) -> Json:
    """What the state machine is told of a run that has ended: its status, and the run or the error."""
    told: Json = {"status": run.status, "turn": run.turn}
    ids_of_run = {"thread_id": run.thread_id, "run_id": run.id}
    if run.status in ("completed", "incomplete"):
        finished: Json = {
            **ids_of_run,
            "assistant_id": run.assistant_id,
            "status": run.status,
            "usage": run.usage.api(),
        }
        finished |= {"incomplete_details": run.incomplete_details}
        created = store.steps.message_ids(run.thread_id, run.id)
        finished["messages"] = (
            _answer(store, run, created) if run.answers_in_output else [{"message_id": name} for name in created]
        )
        return {**told, "run": finished}
    code = run.last_error["code"] if run.last_error else run.status
    return {**told, "error": code, "cause": json.dumps(ids_of_run)}


def _answer(store: Store, run: Run, message_ids: list[str]) -> list[Json]:
    left = ANSWER_BYTES
    answer: list[Json] = []
    for message in store.messages.by_ids(run.thread_id, message_ids):
        text = text_of(message)
        cut = text
        while cut and json_size(cut) > left:
            cut = cut[: min(len(cut) - 1, len(cut) * left // json_size(cut))]
        left -= json_size(cut)
        answer.append({"message_id": message["id"], "text": cut, **({"truncated": True} if cut != text else {})})
    return answer


def calls(run: Run, tools: ToolStep) -> list[Json]:
    """The calls of a turn that tool Lambdas run, as `call_tools` takes them."""
    modules = {entry["function_name"]: entry["module_name"] for entry in run.functions}
    return [
        {
            "tool_call_id": call["id"],
            "function": registry.alias_arn(modules.get(name, name)),
            "payload": {
                "thread_id": run.thread_id,
                "run_id": run.id,
                "turn": run.turn - 1,
                "tool_call_id": call["id"],
                "function_name": name,
                "arguments": call["function"]["arguments"],
                "inline_bytes": _inline_bytes(tools),
                "most_bytes": min(MOST_OUTPUT_BYTES, MOST_TURN_BYTES // len(tools.calls)),
            },
        }
        for call in tools.unanswered(server=True)
        for name in [call["function"]["name"]]
    ]


def inputs(store: Store, run: Run, tools: ToolStep, now: int) -> dict[str, Json]:
    """What the turn's calls of built-in tools work on, by the tool's name: once, however many calls there are.

    That is the ids of the assistant's and the thread's files and vector stores. Code is also told how much time its run
    has left.

    Args:
        now: seconds since 1970.
    """
    if not {call["function"]["name"] for call in tools.unanswered(server=True)} & set(builtin_tools.FUNCTIONS):
        return {}
    resources = [run.tool_resources, store.threads.get_head(run.thread_id).tool_resources]
    file_ids = tool_resources.named(resources, "code_interpreter", "file_ids")
    vector_store_ids = tool_resources.named(resources, "file_search", "vector_store_ids")
    search = builtin_tools.search_options(run.settings["tools"])
    return {
        "code_interpreter": {
            "file_ids": file_ids[-MAX_FILES:],
            "project": run.project,
            "seconds": max(1, run.expires_at - now),
        },
        "file_search": {"vector_store_ids": vector_store_ids, "project": run.project, **search},
    }


def refused(run: Run, tools: ToolStep) -> dict[str, Json]:
    """The outputs, by call id, of calls that nobody can carry out: the model is told, and may do better."""
    offered = {tool["function"]["name"] for tool in run.settings["tools"] if tool["type"] == "function"}
    offered |= set(builtin_tools.offered(run.settings["tools"]))
    answers = {}
    for call in [*tools.unanswered(server=True), *tools.unanswered(server=False)]:
        if call["function"]["name"] not in offered:
            answers[call["id"]] = {"text": "Error: there is no function of this name."}
        elif call["id"] in tools.server_calls and json_size(call["function"]["arguments"]) > _share(tools):
            answers[call["id"]] = {"text": "Error: the arguments are too long."}
    return answers


def _share(tools: ToolStep) -> int:
    """What each of a turn's calls may take of the execution's data."""
    return max(0, INLINE_BUDGET // len(tools.calls) - ENVELOPE_BYTES)


def _inline_bytes(tools: ToolStep) -> int:
    """How much of a call's output may stand in an item and in the execution's data."""
    return min(INLINE_BYTES, _share(tools))


def finish(
    store: Store,
    run: Run,
    status: str,
    now_ms: int,
    *,
    last_error: Json | None = None,
    incomplete_details: Json | None = None,
) -> Json:
    """End a run without a further turn and tell the state machine.

    An end that it has already stands, and a run that was to be cancelled is.
    """
    if run.status in TERMINAL:
        return ended(store, run)
    if run.status == "cancelling":
        status, last_error = "cancelled", None  # Whatever else happened to it: it was asked to.
    tools = store.steps.pending(run)
    account = accounting.closed(run, accounting.without_turn(run, tools, now_ms), now_ms)
    run = store.transitions.settle(run, tools, status, account, now_ms, last_error, incomplete_details)
    metrics.run_ended(run)
    return ended(store, run)
