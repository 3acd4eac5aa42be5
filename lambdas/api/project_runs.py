"""`/v1/runs`: an extension, for whoever looks after runs."""

from answers import listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.schemas.parameters import ListProjectRunsParameters
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
