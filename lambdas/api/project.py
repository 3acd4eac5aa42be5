"""`/v1/project` and `/v1/functions`, extensions: what a key belongs to, and the tools that its assistants may call."""

from assistant_engine.domain.json_data import Json
from assistant_engine.resources import project
from assistant_engine.runtime.api_keys import keys
from routes import Request, Routes

routes = Routes("Project")


@routes.get("/project", "getProject", "Retrieve the key's project", answer="ProjectObject", extension=True)
def retrieve(request: Request) -> Json:
    return project.described(request.store, keys().named(request.store.project), request.now_ms)


@routes.get(
    "/functions", "listFunctions", "List the deployed functions", answer="ListFunctionsResponse", extension=True
)
def list_functions(request: Request) -> Json:
    return {"object": "list", "data": project.functions()}
