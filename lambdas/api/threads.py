"""`/v1/threads`; listing them is an extension."""

from answers import deleted, listing, window
from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.resources import threads
from assistant_engine.schemas.parameters import ListThreadsParameters
from assistant_engine.schemas.requests import CreateThreadRequest, ModifyThreadRequest
from routes import Request, Routes

routes = Routes("Threads")


@routes.post(
    "/threads", "createThread", "Create a thread", body=CreateThreadRequest, answer="ThreadObject", creates="thread"
)
def create(request: Request) -> Json:
    return threads.create(request.store, request.body, request.now_ms, request.idempotency).api()


@routes.get(
    "/threads",
    "listThreads",
    "List threads",
    query=ListThreadsParameters,
    answer="ListThreadsResponse",
    extension=True,
)
def list_(request: Request) -> Json:
    query = request.query
    named = {name: query.get(name) for name in ("assistant_id", "user_id")}
    found = request.store.threads.page(window(query), **named)
    return listing(found._replace(objects=map(Thread.api, found.objects)))


@routes.get("/threads/{thread_id}", "getThread", "Retrieve a thread", answer="ThreadObject")
def retrieve(request: Request, thread_id: str) -> Json:
    return request.store.threads.get(thread_id).api()


@routes.post("/threads/{thread_id}", "modifyThread", "Modify a thread", body=ModifyThreadRequest, answer="ThreadObject")
def modify(request: Request, thread_id: str) -> Json:
    return threads.modify(request.store, thread_id, request.body).api()


@routes.delete("/threads/{thread_id}", "deleteThread", "Delete a thread", answer="DeleteThreadResponse")
def delete(request: Request, thread_id: str) -> Json:
    request.store.threads.delete(thread_id, seconds_of(request.now_ms))
    return deleted("thread", thread_id)
