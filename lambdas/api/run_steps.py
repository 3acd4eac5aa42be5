"""`/v1/threads/{thread_id}/runs/{run_id}/steps`."""

from answers import listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.schemas.parameters import IncludeParameters, ListRunStepsParameters
from routes import Request, Routes

routes = Routes("Run steps")

_ALL = "/threads/{thread_id}/runs/{run_id}/steps"


@routes.get(
    _ALL, "listRunSteps", "List the steps of a run", query=ListRunStepsParameters, answer="ListRunStepsResponse"
)
def list_(request: Request, thread: Thread, run_id: str) -> Json:
    run = request.store.runs.get(thread.id, run_id)
    steps, contents = request.store.steps, "include" in request.query
    return listing(steps.page(thread.id, run.id, window(request.query), contents=contents))


@routes.get(f"{_ALL}/{{step_id}}", "getRunStep", "Retrieve a run step", query=IncludeParameters, answer="RunStepObject")
def retrieve(request: Request, thread: Thread, run_id: str, step_id: str) -> Json:
    run = request.store.runs.get(thread.id, run_id)
    return request.store.steps.get(thread.id, run.id, step_id, contents="include" in request.query)
