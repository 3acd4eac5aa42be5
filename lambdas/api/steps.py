"""`/v1/threads/{thread_id}/runs/{run_id}/steps`."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.run import Run
from assistant_engine.schemas import IncludeParameters, ListRunStepsParameters
from exchange import listing, query, store, window

router = APIGatewayHttpRouter()


@router.get("/v1/threads/<thread_id>/runs/<run_id>/steps")
def page(thread_id: str, run_id: str) -> Json:
    parameters = query(ListRunStepsParameters)
    run = _run(thread_id, run_id)
    return listing(store().steps.page(run.thread_id, run.id, window(parameters), contents="include" in parameters))


@router.get("/v1/threads/<thread_id>/runs/<run_id>/steps/<step_id>")
def retrieve(thread_id: str, run_id: str, step_id: str) -> Json:
    parameters = query(IncludeParameters)
    run = _run(thread_id, run_id)
    return store().steps.get(run.thread_id, run.id, step_id, contents="include" in parameters)


def _run(thread_id: str, run_id: str) -> Run:
    return store().runs.get(store().threads.get(thread_id).id, run_id)
