"""`/v1/threads/{thread_id}/runs/{run_id}/steps`."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine.domain.json_data import Json
from assistant_engine.schemas import IncludeParameters, ListRunStepsParameters
from exchange import listing, query, store, window

router = APIGatewayHttpRouter()


@router.get("/v1/threads/<thread_id>/runs/<run_id>/steps")
def page(thread_id: str, run_id: str) -> Json:
    parameters = query(ListRunStepsParameters)
    _check(thread_id, run_id)
    return listing(store().steps.page(thread_id, run_id, window(parameters), contents="include" in parameters))


@router.get("/v1/threads/<thread_id>/runs/<run_id>/steps/<step_id>")
def retrieve(thread_id: str, run_id: str, step_id: str) -> Json:
    parameters = query(IncludeParameters)
    _check(thread_id, run_id)
    return store().steps.get(thread_id, run_id, step_id, contents="include" in parameters)


def _check(thread_id: str, run_id: str) -> None:
    store().threads.get(thread_id)
    store().runs.get(thread_id, run_id)
