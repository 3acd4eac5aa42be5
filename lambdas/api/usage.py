"""`/v1/usage`, an extension."""

from assistant_engine.domain.json_data import Json
from assistant_engine.resources.usage_report import report
from assistant_engine.schemas.usage import UsageParameters
from routes import Request, Routes

routes = Routes("Usage")


@routes.get(
    "/usage",
    "getUsage",
    "Usage of a thread, an assistant, a user or the project",
    query=UsageParameters,
    answer="UsageReport",
    extension=True,
)
def retrieve(request: Request) -> Json:
    return report(request.store, request.query, request.now_ms)
