"""`/v1/threads/{thread_id}/runs/{run_id}/timeline`."""

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from routes import Request, Routes

routes = Routes("Runs")


@routes.get(
    "/threads/{thread_id}/runs/{run_id}/timeline",
    "getRunTimeline",
    "Retrieve the timeline of a run",
    answer="RunTimeline",
    extension=True,
)
def retrieve(request: Request, thread: Thread, run_id: str) -> Json:
    from assistant_engine.runs.timeline import timeline  # Few requests are for it.

    return timeline(request.store, request.store.runs.get(thread.id, run_id))
