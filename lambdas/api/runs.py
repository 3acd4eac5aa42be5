"""`/v1/threads/{thread_id}/runs` and `/v1/threads/runs`."""

import time
from dataclasses import replace
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from botocore.config import Config

from assistant_engine.domain.clock import Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL, WORKING
from assistant_engine.domain.run import Run
from assistant_engine.runs import control, creation, executions
from assistant_engine.runtime.clock import now_ms
from assistant_engine.runtime.faults import fault_of
from assistant_engine.runtime.log import logger
from assistant_engine.schemas import (
    CreateRunRequest,
    CreateThreadAndRunRequest,
    IncludeParameters,
    ListParameters,
    ModifyRunRequest,
    NoParameters,
    SubmitToolOutputsRunRequest,
)
from exchange import body, event, idempotency, listing, query, store, window

router = APIGatewayHttpRouter()

WATCH_SECONDS = 2
"""How long a poll of a young run waits for its end."""

LOOK_SECONDS = 0.04
"""How often it looks then, for half a read unit each time."""


@router.post("/v1/threads/runs")
def create_thread_and_run() -> Response[Json]:
    request = body(CreateThreadAndRunRequest)
    return _start(creation.create(store(), request, now_ms(), idempotency=idempotency("run", request)))


@router.post("/v1/threads/<thread_id>/runs")
def create(thread_id: str) -> Response[Json]:
    request = body(CreateRunRequest, IncludeParameters)
    key = idempotency("run", request)
    return _start(creation.create(store(), request, now_ms(), thread_id=thread_id, idempotency=key))


@router.get("/v1/threads/<thread_id>/runs")
def page(thread_id: str) -> Json:
    parameters = query(ListParameters)
    thread = store().threads.get(thread_id)
    found = store().runs.page(thread.id, window(parameters))
    return listing(replace(found, objects=map(_shown, found.objects)))


@router.get("/v1/threads/<thread_id>/runs/<run_id>")
def retrieve(thread_id: str, run_id: str) -> Response[Json]:
    query(NoParameters)
    thread = store().threads.get(thread_id)
    run = store().runs.get(thread.id, run_id)
    if event().headers.get("x-stainless-poll-helper") == "true":
        run = _watched(run)
    return _answer(run)


@router.post("/v1/threads/<thread_id>/runs/<run_id>")
def modify(thread_id: str, run_id: str) -> Response[Json]:
    request = body(ModifyRunRequest)
    thread = store().threads.get(thread_id)
    if "metadata" not in request:
        return _answer(store().runs.get(thread.id, run_id))
    return _answer(store().runs.update(thread.id, run_id, request["metadata"] or {}))


@router.post("/v1/threads/<thread_id>/runs/<run_id>/cancel")
def cancel(thread_id: str, run_id: str) -> Response[Json]:
    body(NoParameters)
    thread = store().threads.get(thread_id)
    return _wake(control.cancel(store(), thread.id, run_id, seconds_of(now_ms())))


@router.post("/v1/threads/<thread_id>/runs/<run_id>/submit_tool_outputs")
def submit_tool_outputs(thread_id: str, run_id: str) -> Response[Json]:
    outputs = body(SubmitToolOutputsRunRequest)["tool_outputs"]
    thread = store().threads.get(thread_id)
    return _wake(control.submit_tool_outputs(store(), thread.id, run_id, outputs, now_ms()))


def _start(run: Run) -> Response[Json]:
    try:
        executions.start(_step_functions(), store(), run, seconds_of(now_ms()))
    except Exception as error:
        # The run is there, so it is the answer; the sweeper starts it within a minute.
        logger.warning("run %s is not started yet: %s", run.id, fault_of(error).where)
    return _answer(run)


def _wake(run: Run) -> Response[Json]:
    try:
        executions.wake(_step_functions(), run)
    except Exception as error:
        # What was asked for is in the record; the sweeper wakes the execution within a minute.
        logger.warning("run %s is not awake yet: %s", run.id, fault_of(error).where)
    return _answer(run)


def _watched(run: Run) -> Run:
    """A run that is polled, once it is over or waits for its client; after `WATCH_SECONDS` as it is.

    The poller of the `openai` package, which says so in a header, waits after each answer as long as the first one told
    it to: a short time makes many requests, a long one delays the end of every short run. So while a run is young, or
    goes on after its client's word, the request itself waits.
    """
    young = run.status == "queued" or seconds_of(now_ms()) - run.created_at <= WATCH_SECONDS
    deadline = time.monotonic() + (WATCH_SECONDS if young else 0)
    status = run.status
    while status in WORKING and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        status = store().runs.status(run.thread_id, run.id)
    return run if status == run.status else store().runs.get(run.thread_id, run.id)


def again(thread_id: str, run_id: str) -> Response[Json]:
    """The answer to a request that has created this run before.

    Raises:
        NotFound: its thread was deleted.
    """
    thread = store().threads.get(thread_id)
    return _answer(store().runs.get(thread.id, run_id))


def _answer(run: Run) -> Response[Json]:
    headers = {} if run.status in TERMINAL else {"openai-poll-after-ms": str(poll_after(run, seconds_of(now_ms())))}
    return Response(200, "application/json", _shown(run), headers=headers)


def poll_after(run: Run, now: Seconds) -> int:
    """How many milliseconds a client that polls an unfinished run had best wait.

    The client of the `openai` package keeps to the first one that it is told in a poll.

    Args:
        now: seconds since 1970.
    """
    if run.status in ("queued", "cancelling"):
        return 250
    if run.status == "requires_action":
        return 1_000
    age = now - (run.started_at or run.created_at)
    return 500 if age < 10 else 1_000 if age < 60 else 2_000


def _shown(run: Run) -> Json:
    waiting: list[Json] = []
    if run.status == "requires_action" and (tools := store().steps.pending(run)):
        for call in tools.unanswered(server=False):
            shown = {**call, "function": {name: call["function"][name] for name in ("name", "arguments")}}
            waiting.append({**shown, "needs_approval": True} if call["id"] in tools.to_approve else shown)
    return run.api(waiting, ended=run.status in TERMINAL)


@cache
def _step_functions() -> Any:
    config = Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=2, read_timeout=5)
    return boto3.client("stepfunctions", config=config)
