"""`/v1/threads/{thread_id}/runs` and `/v1/threads/runs`."""

import time
from functools import partial

from aws_lambda_powertools.event_handler import Response

import streams
from answers import listing, window
from assistant_engine.domain.clock import Milliseconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.lifecycle import TERMINAL, WORKING
from assistant_engine.domain.run import Run
from assistant_engine.domain.stream import Cursor
from assistant_engine.domain.thread import Thread
from assistant_engine.runs import requests
from assistant_engine.runs.stream_reader import cursor_in
from assistant_engine.runs.streams import opening
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas.parameters import IncludeParameters, ListParameters
from assistant_engine.schemas.requests import (
    CreateRunRequest,
    CreateThreadAndRunRequest,
    ModifyRunRequest,
    SubmitToolOutputsRunRequest,
)
from assistant_engine.store import Replayed, Store
from routes import Answer, Request, Routes

routes = Routes("Runs")

HOLD_SECONDS = 25
"""How long a poll waits for the end of a run that is younger than that. API Gateway gives up after 29 s."""

LOOK_SECONDS = 0.04
"""How often it looks at first, for half a read unit each time."""

LOOK_SHARE = 0.05
"""How often it looks later: so large a share of the time that it has waited passes between two looks."""

_ALL, _ONE = "/threads/{thread_id}/runs", "/threads/{thread_id}/runs/{run_id}"


@routes.post(
    _ALL,
    "createRun",
    "Create a run",
    body=CreateRunRequest,
    query=IncludeParameters,
    answer="RunObject",
    creates="run",
    polled=True,
    streams=True,
)
def create(request: Request, thread: Thread) -> Answer:
    return _create(request, thread)


@routes.post(
    "/threads/runs",
    "createThreadAndRun",
    "Create a thread and run it",
    body=CreateThreadAndRunRequest,
    answer="RunObject",
    creates="run",
    polled=True,
    streams=True,
)
def create_thread_and_run(request: Request) -> Answer:
    return _create(request)


@routes.get(_ALL, "listRuns", "List the runs of a thread", query=ListParameters, answer="ListRunsResponse")
def list_(request: Request, thread: Thread) -> Json:
    found = request.store.runs.page(thread.id, window(request.query))
    return listing(found._replace(objects=map(partial(_shown, request.store), found.objects)))


@routes.get(_ONE, "getRun", "Retrieve a run", answer="RunObject", polled=True)
def retrieve(request: Request, thread: Thread, run_id: str) -> Response[Json]:
    run = request.store.runs.get(thread.id, run_id)
    if request.headers.get("x-stainless-poll-helper") == "true":
        run = _watched(request.store, run)
    return answer(request.store, run)


@routes.post(_ONE, "modifyRun", "Modify a run", body=ModifyRunRequest, answer="RunObject", polled=True)
def modify(request: Request, thread: Thread, run_id: str) -> Response[Json]:
    if "metadata" not in request.body:
        return answer(request.store, request.store.runs.get(thread.id, run_id))
    return answer(request.store, request.store.runs.update(thread.id, run_id, request.body["metadata"] or {}))


@routes.post(f"{_ONE}/cancel", "cancelRun", "Cancel a run", answer="RunObject", polled=True)
def cancel(request: Request, thread: Thread, run_id: str) -> Response[Json]:
    return answer(request.store, requests.cancel(request.store, thread.id, run_id, seconds_of(request.now_ms)))


@routes.post(
    f"{_ONE}/submit_tool_outputs",
    "submitToolOuputsToRun",
    "Submit the outputs of tool calls",
    body=SubmitToolOutputsRunRequest,
    answer="RunObject",
    polled=True,
    streams=True,
)
def submit_tool_outputs(request: Request, thread: Thread, run_id: str) -> Answer:
    if not request.body.get("stream"):
        return answer(request.store, _submit(request, thread, run_id))
    with opening(request.store) as lease:
        # The run waits, so what comes next in its log is that it was answered.
        before = request.store.log.tail(request.store.runs.get(thread.id, run_id))
        run = _submit(request, thread, run_id, streams=True)
        return streams.answer(request, run, Cursor(before.position, 0), lease)


def _submit(request: Request, thread: Thread, run_id: str, *, streams: bool = False) -> Run:
    outputs, now = request.body["tool_outputs"], request.now_ms
    return requests.submit_tool_outputs(request.store, thread.id, run_id, outputs, now, streams=streams)


def _create(request: Request, thread: Thread | None = None) -> Answer:
    if not request.body.get("stream"):
        return answer(request.store, _started(request, thread))
    with opening(request.store) as lease:
        try:
            run = _started(request, thread)
        except Replayed as before:
            thread = request.store.threads.get(before.made["thread_id"])
            run = request.store.runs.get(thread.id, before.made["id"])
        return streams.answer(request, run, cursor_in(request.store, run, None, ""), lease)


def _started(request: Request, thread: Thread | None) -> Run:
    key = request.idempotency
    return requests.start(request.store, request.body, request.now_ms, thread=thread, idempotency=key)


def _watched(store: Store, run: Run) -> Run:
    """A run that is polled, once it is over or waits for its client; after `HOLD_SECONDS` as it is.

    The poller of the `openai` package, which says so in a header, waits after each answer as long as the first one told
    it to: a short time makes many requests, a long one delays the end of every short run. So the request itself waits,
    which costs less than asking again (docs/performance.md): for a run that is young, or goes on after its client's
    word. Of one that takes longer, a look that is seconds late is a small part of its time.
    """
    called = run.status == "queued" and run.line != "waiting"
    young = called or _age_ms(run, now_ms()) < 1000 * HOLD_SECONDS
    start = time.monotonic()
    status, waited = run.status, 0.0
    while young and status in WORKING and waited < HOLD_SECONDS:
        time.sleep(max(LOOK_SECONDS, LOOK_SHARE * waited))
        status = store.runs.status(run.thread_id, run.id)
        waited = time.monotonic() - start
    return run if status == run.status else store.runs.get(run.thread_id, run.id)


def answer(store: Store, run: Run) -> Response[Json]:
    """Answer with a run, and while it is under way with the time to ask again."""
    headers = {} if run.status in TERMINAL else {"openai-poll-after-ms": str(poll_after(run, now_ms()))}
    return Response(200, "application/json", _shown(store, run), headers=headers)


def poll_after(run: Run, now_ms: Milliseconds) -> int:
    """Return how many milliseconds a client that polls an unfinished run had best wait: a tenth of the run's age.

    So it hears of the end late by a twentieth of the run's time on the average. The client of the `openai` package
    keeps to the first one that it is told in a poll.

    Args:
        now_ms: milliseconds since 1970.
    """
    if run.status == "requires_action":
        return 1_000
    return max(250, min(5_000, _age_ms(run, now_ms) // 10))


def _age_ms(run: Run, now_ms: Milliseconds) -> int:
    """Return for how long the run has worked at its turn or, between two turns, at all."""
    return now_ms - (run.asked_ms or run.created_ms)


def _shown(store: Store, run: Run) -> Json:
    waiting: list[Json] = []
    if run.status == "requires_action" and (tools := store.steps.pending(run)):
        waiting = tools.required([call["id"] for call in tools.unanswered(server=False)], tools.to_approve)
    return run.api(waiting, ended=run.status in TERMINAL)
