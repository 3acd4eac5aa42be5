"""`/v1/threads/{thread_id}/messages`."""

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine import vector_stores
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import CreateMessageRequest, ListMessagesParameters, ModifyMessageRequest, NoParameters
from exchange import body, deleted, idempotency, listing, query, store, window

router = APIGatewayHttpRouter()


@router.post("/v1/threads/<thread_id>/messages")
def create(thread_id: str) -> Json:
    request = body(CreateMessageRequest)
    now = now_ms()
    key = idempotency("message", request)
    message = new_message(request, now // 1000)
    vector_stores.take_in(store(), thread_id, [message], now, key)
    return store().messages.add(thread_id, message, now, key)


@router.get("/v1/threads/<thread_id>/messages")
def page(thread_id: str) -> Json:
    parameters = query(ListMessagesParameters)
    thread = store().threads.get(thread_id)
    run_id = parameters.get("run_id")
    added = store().steps.message_ids(thread.id, run_id) if run_id else None
    return listing(store().messages.page(thread.id, window(parameters), added))


@router.get("/v1/threads/<thread_id>/messages/<message_id>")
def retrieve(thread_id: str, message_id: str) -> Json:
    query(NoParameters)
    thread = store().threads.get(thread_id)
    return store().messages.get(thread.id, message_id)


@router.post("/v1/threads/<thread_id>/messages/<message_id>")
def modify(thread_id: str, message_id: str) -> Json:
    request = body(ModifyMessageRequest)
    thread = store().threads.get(thread_id)
    if "metadata" not in request:
        return store().messages.get(thread.id, message_id)
    return store().messages.update(thread.id, message_id, request["metadata"] or {})


@router.delete("/v1/threads/<thread_id>/messages/<message_id>")
def delete(thread_id: str, message_id: str) -> Json:
    query(NoParameters)
    thread = store().threads.get(thread_id)
    store().messages.delete(thread.id, message_id)
    return deleted("thread.message", message_id)
