"""`/v1/assistants`."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine import assistants, vector_stores
from assistant_engine.domain.errors import Unavailable
from assistant_engine.domain.json_data import Json
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import CreateAssistantRequest, ListParameters, ModifyAssistantRequest, NoParameters
from exchange import body, deleted, idempotency, listing, query, store, window

router = APIGatewayHttpRouter()

_MODIFY_ATTEMPTS = 10


@router.post("/v1/assistants")
def create() -> Json:
    request = body(CreateAssistantRequest)
    now = now_ms()
    assistant = assistants.new_assistant(request, now)
    key = idempotency("assistant", request)
    resources, requested = assistant["tool_resources"], request.get("tool_resources")
    assistant["tool_resources"] = vector_stores.made_with(store(), requested, resources, [], now, key)
    store().assistants.create(assistant, key)
    return assistant


@router.get("/v1/assistants")
def page() -> Json:
    return listing(store().assistants.page(window(query(ListParameters))))


@router.get("/v1/assistants/<assistant_id>")
def retrieve(assistant_id: str) -> Json:
    query(NoParameters)
    return store().assistants.get(assistant_id)


@router.post("/v1/assistants/<assistant_id>")
def modify(assistant_id: str) -> Json:
    request = body(ModifyAssistantRequest)
    for _ in range(_MODIFY_ATTEMPTS):
        seen = store().assistants.get(assistant_id)
        assistant = assistants.modified(seen, request)
        if store().assistants.replace(assistant, seen):
            return assistant
    raise Unavailable(f"Too many writers on {assistant_id} at once. Please try again.")


@router.delete("/v1/assistants/<assistant_id>")
def delete(assistant_id: str) -> Json:
    query(NoParameters)
    store().assistants.delete(assistant_id)
    return deleted("assistant", assistant_id)
