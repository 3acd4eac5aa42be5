"""`/v1/threads`; listing them is an extension."""

from dataclasses import replace

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assistant_engine import vector_stores
from assistant_engine.domain import tool_resources
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread
from assistant_engine.runs import creation, executions
from assistant_engine.runtime.clock import now_ms
from assistant_engine.schemas import CreateThreadRequest, ListThreadsParameters, ModifyThreadRequest, NoParameters
from exchange import body, deleted, idempotency, listing, query, store, window

router = APIGatewayHttpRouter()


@router.post("/v1/threads")
def create() -> Json:
    request = body(CreateThreadRequest)
    now = now_ms()
    thread, messages = creation.new_thread(request, executions.new_thread_id(now, ""), now)
    key = idempotency("thread", request)
    requested, days = request.get("tool_resources"), vector_stores.THREAD_DAYS
    resources = vector_stores.made_with(store(), requested, thread.tool_resources, messages, now, key, days=days)
    thread = replace(thread, tool_resources=resources)
    store().threads.create(thread, messages, key)
    return thread.api()


@router.get("/v1/threads")
def page() -> Json:
    parameters = query(ListThreadsParameters)
    found = store().threads.page(
        window(parameters), assistant_id=parameters.get("assistant_id"), user_id=parameters.get("user_id")
    )
    return listing(replace(found, objects=map(Thread.api, found.objects)))


@router.get("/v1/threads/<thread_id>")
def retrieve(thread_id: str) -> Json:
    query(NoParameters)
    return store().threads.get(thread_id).api()


@router.post("/v1/threads/<thread_id>")
def modify(thread_id: str) -> Json:
    request = body(ModifyThreadRequest)
    if request.get("tool_resources"):
        stored = store().threads.get(thread_id).tool_resources
        request["tool_resources"] = tool_resources.sent_back(request["tool_resources"], stored)
    # Null empties what a key that is not given leaves alone.
    changes = {name: request[name] or {} if name in request else None for name in ("metadata", "tool_resources")}
    return store().threads.update(thread_id, **changes).api()


@router.delete("/v1/threads/<thread_id>")
def delete(thread_id: str) -> Json:
    query(NoParameters)
    store().threads.delete(thread_id, now_ms() // 1000)
    return deleted("thread", thread_id)
