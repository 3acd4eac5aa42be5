"""`/v1/threads/{thread_id}/messages`."""

from answers import deleted, listing, window
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import messages
from assistant_engine.schemas.parameters import ListMessagesParameters
from assistant_engine.schemas.requests import CreateMessageRequest, ModifyMessageRequest
from routes import Request, Routes

routes = Routes("Messages")

_ALL, _ONE = "/threads/{thread_id}/messages", "/threads/{thread_id}/messages/{message_id}"


@routes.post(
    _ALL, "createMessage", "Create a message", body=CreateMessageRequest, answer="MessageObject", creates="message"
)
def create(request: Request, thread: Thread) -> Json:
    return messages.create(request.store, thread, request.body, request.now_ms, request.idempotency)


@routes.get(
    _ALL,
    "listMessages",
    "List the messages of a thread",
    query=ListMessagesParameters,
    answer="ListMessagesResponse",
)
def list_(request: Request, thread: Thread) -> Json:
    run_id = request.query.get("run_id")
    added = request.store.steps.message_ids(thread.id, run_id) if run_id else None
    return listing(request.store.messages.page(thread.id, window(request.query), added))


@routes.get(_ONE, "getMessage", "Retrieve a message", answer="MessageObject")
def retrieve(request: Request, thread: Thread, message_id: str) -> Json:
    return request.store.messages.get(thread.id, message_id)


@routes.post(_ONE, "modifyMessage", "Modify a message", body=ModifyMessageRequest, answer="MessageObject")
def modify(request: Request, thread: Thread, message_id: str) -> Json:
    if "metadata" not in request.body:
        return request.store.messages.get(thread.id, message_id)
    metadata = request.body["metadata"] or {}
    return request.store.ratings.update(thread.id, message_id, metadata, request.now_ms)


@routes.delete(_ONE, "deleteMessage", "Delete a message", answer="DeleteMessageResponse")
def delete(request: Request, thread: Thread, message_id: str) -> Json:
    messages.delete(request.store, thread, message_id)
    return deleted("thread.message", message_id)
