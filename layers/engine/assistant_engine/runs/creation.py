"""Creates runs: a snapshot of the assistant and the request, and the thread if it is new."""

from typing import Any

from assistant_engine.domain import builtin_tools, models, tool_resources
from assistant_engine.domain.assistant import configured_functions
from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.domain.run import Run
from assistant_engine.domain.schedule import first_look
from assistant_engine.domain.thread import Thread, ThreadId, new_thread, new_thread_id
from assistant_engine.resources import references, sounds, vector_stores
from assistant_engine.resources.budgets import check_budgets
from assistant_engine.runtime.clock import now_ms as clock
from assistant_engine.runtime.log import logger
from assistant_engine.runtime.settings import ModelAliases, RunDefaults, configured
from assistant_engine.schemas.parsing import parse
from assistant_engine.schemas.requests import RunRequest
from assistant_engine.store import Idempotency, Replayed, Store
from assistant_engine.tools import registry


def new_run(
    assistant: Json,
    request: Json,
    thread_id: ThreadId,
    now: Seconds,
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
    answering = models.answering(settings["model"], configured(ModelAliases).model_aliases)
    expires_after = request.get("expires_after") or configured(RunDefaults).run_expires_after
    return Run(
        id=run_id,
        thread_id=thread_id,
        assistant_id=assistant["id"],
        status="queued",
        created_at=now,
        expires_at=now + expires_after,
        settings=settings,
        functions=configured_functions(assistant),
        tool_resources={**assistant["tool_resources"], **tool_resources.stored(request.get("tool_resources"))},
        metadata=request.get("metadata") or {},
        execution=execution,
        answers_in_output=answers_in_output,
        due_at=first_look(now),
        project=project,
        answering=answering if answering != settings["model"] else None,
        streams=bool(request.get("stream")),
        speaks=assistant["assistant_type"] if assistant["assistant_type"] in ("voice", "hybrid") else None,
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


def create(
    store: Store,
    request: Json,
    now_ms: Milliseconds,
    *,
    thread: Thread | None = None,
    run_id: str = "",
    execution: str = "",
    answers_in_output: bool = False,
    idempotency: Idempotency | None = None,
) -> Run:
    """Create a run, and its thread unless one is given, in one transaction.

    Vector stores that the request asks for, or that attachments need, are made before (`vector_stores.made_with`,
    `vector_stores.take_in`).

    Args:
        request: a valid `CreateRunRequest`, or `CreateThreadAndRunRequest` (its `thread` may be missing).
        thread: the existing thread, as it was read; without it a new one is made.
        run_id: see `new_run`. With it the new thread's id follows from it, too.

    Raises:
        NotFound: the assistant or the thread does not exist.
        InvalidRequest: a file or a vector store does not exist; the thread has an active run; too many messages for
            one transaction.
        QuotaExceeded: a budget of this day is used up.
        Replayed, Conflict: the idempotency key was used.
    """
    references.check(store, request)
    assistant = store.assistants.get(request["assistant_id"])
    check_budgets(store, assistant["id"], now_ms, idempotency)
    begun = request.get("thread") or {}
    with (
        sounds.taken_in(
            store, begun.get("messages") or [], now_ms, path="thread.messages", idempotency=idempotency
        ) as first,
        sounds.taken_in(
            store,
            request.get("additional_messages") or [],
            now_ms,
            path="additional_messages",
            thread=thread,
            idempotency=idempotency,
        ) as more,
    ):
        request = {**request, "thread": {**begun, "messages": first}, "additional_messages": more}
        return _created(
            store,
            assistant,
            request,
            now_ms,
            thread=thread,
            run_id=run_id,
            execution=execution,
            answers_in_output=answers_in_output,
            idempotency=idempotency,
        )


def _created(
    store: Store,
    assistant: Json,
    request: Json,
    now_ms: Milliseconds,
    *,
    thread: Thread | None,
    run_id: str,
    execution: str,
    answers_in_output: bool,
    idempotency: Idempotency | None,
) -> Run:
    now = seconds_of(now_ms)
    messages: list[Json] = []
    is_new = thread is None
    if thread is None:
        thread, messages = new_thread(request.get("thread") or {}, new_thread_id(now_ms, run_id), now_ms)
    run = new_run(
        assistant,
        request,
        thread.id,
        now,
        project=store.project,
        run_id=run_id,
        execution=execution,
        answers_in_output=answers_in_output,
    )
    messages += [new_message(message, now) for message in request.get("additional_messages") or []]
    # A run whose id its cause decides is the same one each time, as with a key.
    key = idempotency or (Idempotency(f"run#{store.project}#{run_id}", request) if run_id else None)
    if is_new:
        resources = tool_resources.with_attachments(thread.tool_resources, messages)
        requested = (request.get("thread") or {}).get("tool_resources")
        days = vector_stores.THREAD_DAYS
        resources = vector_stores.made_with(store, requested, resources, messages, now_ms, key, days=days)
        thread = thread._replace(tool_resources=resources)
    else:
        vector_stores.take_in(store, thread, messages, now_ms, key)

    busy = request.get("thread_busy")
    return store.runs.create(run, thread, messages, now_ms, is_new=is_new, thread_busy=busy, idempotency=idempotency)


def requested(store: Store, request: Any, run_id: str, execution: str) -> Run:
    """Create the run that another AWS service asks for; return the one that its idempotency key made before.

    Such a caller has no key of the API: IAM lets it start the state machine, for every project.

    Args:
        store: of any project; the run's is that of its thread or, where it names none, of its assistant.
        request: a `RunRequest`, valid or not.
        run_id: as the execution decides it.
        execution: its name.

    Raises:
        NotFound, InvalidRequest, QuotaExceeded, Conflict: as `create` does.
    """
    valid = parse(RunRequest, request)
    # Step Functions adds this where it is asked to; two deliveries of one request differ in it.
    valid = {name: value for name, value in valid.items() if not name.startswith("AWS_STEP_FUNCTIONS_")}
    thread_id, key = valid.get("thread_id"), valid.get("idempotency_key")
    store = store.of(store.threads.project(thread_id) if thread_id else store.assistants.project(valid["assistant_id"]))
    try:
        run = create(
            store,
            valid,
            clock(),
            thread=store.threads.get(thread_id) if thread_id else None,
            run_id=run_id,
            execution=execution,
            answers_in_output=True,
            idempotency=Idempotency(f"run-request#{store.project}#{key}", valid) if key else None,
        )
    except Replayed as before:
        thread = store.threads.get(before.made["thread_id"])  # A deleted thread's run is no answer.
        run = store.runs.get(thread.id, before.made["id"])
    # The execution bears the name that its caller gave it; the line tells a query which one to look for.
    logger.info("run %s of %s is asked for by execution %s", run.id, run.thread_id, execution)
    return run
