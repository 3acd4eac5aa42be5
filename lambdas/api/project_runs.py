"""`/v1/runs` and the timeline of a run: extensions, for whoever looks after runs."""

from answers import listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.runs.timeline import timeline
from assistant_engine.schemas import ListProjectRunsParameters
from assistant_engine.store.project_runs import ProjectRuns, Wanted
from routes import Request, Routes

routes = Routes("Runs")


@routes.get(
    "/runs",
    "listProjectRuns",
    "List the runs of the project",
    query=ListProjectRunsParameters,
    answer="ListProjectRunsResponse",
    extension=True,
)
def list_(request: Request) -> Json:
    query = request.query
    min_cost = query.get("min_cost")
    wanted = Wanted(
        frozenset(query.get("status", ())),
        query.get("assistant_id"),
        query.get("user_id"),
        None if min_cost is None else round(min_cost * NANODOLLARS),
    )
    return listing(ProjectRuns(request.store).page(wanted, window(query)))


@routes.get(
    "/threads/{thread_id}/runs/{run_id}/timeline",
    "getRunTimeline",
    "Retrieve the timeline of a run",
    answer="RunTimeline",
    extension=True,
)
def retrieve_timeline(request: Request, thread: Thread, run_id: str) -> Json:
    return timeline(request.store, request.store.runs.get(thread.id, run_id))
