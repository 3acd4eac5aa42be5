"""`/v1/assistants`."""

from answers import deleted, listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import assistants
from assistant_engine.schemas.parameters import ListParameters
from assistant_engine.schemas.requests import CreateAssistantRequest, ModifyAssistantRequest
from routes import Request, Routes

routes = Routes("Assistants")

_ONE = "/assistants/{assistant_id}"


@routes.post(
    "/assistants",
    "createAssistant",
    "Create an assistant",
    body=CreateAssistantRequest,
    answer="AssistantObject",
    creates="assistant",
)
def create(request: Request) -> Json:
    return assistants.create(request.store, request.body, request.now_ms, request.idempotency)


@routes.get("/assistants", "listAssistants", "List assistants", query=ListParameters, answer="ListAssistantsResponse")
def list_(request: Request) -> Json:
    return listing(request.store.assistants.page(window(request.query)))


@routes.get(_ONE, "getAssistant", "Retrieve an assistant", answer="AssistantObject")
def retrieve(request: Request, assistant_id: str) -> Json:
    return request.store.assistants.get(assistant_id)


@routes.post(_ONE, "modifyAssistant", "Modify an assistant", body=ModifyAssistantRequest, answer="AssistantObject")
def modify(request: Request, assistant_id: str) -> Json:
    return assistants.modify(request.store, assistant_id, request.body)


@routes.delete(_ONE, "deleteAssistant", "Delete an assistant", answer="DeleteAssistantResponse")
def delete(request: Request, assistant_id: str) -> Json:
    request.store.assistants.delete(assistant_id)
    return deleted("assistant", assistant_id)
