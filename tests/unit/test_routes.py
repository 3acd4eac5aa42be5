"""A route is what its declaration says; handlers are called here without any of AWS."""

import inspect
import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import pytest

import messages
import threads
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest, NotFound
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import Thread, ThreadId
from assistant_engine.runtime.incoming import Incoming
from assistant_engine.schemas.requests import CreateThreadRequest
from assistant_engine.store import Store
from route_table import every_route
from routes import CONTAINERS, Request, Route, Routes

THREAD = Thread(
    id=ThreadId("thread_1"), created_at=1, metadata={"user_id": "ada"}, tool_resources={}, last_ms=Milliseconds(1_000)
)


class Threads:
    """The threads of a project: `thread_1` alone. Notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    def get(self, thread_id: str) -> Thread:
        self.asked.append(("get", thread_id))
        if thread_id != THREAD.id:
            raise NotFound(f"No thread found with id '{thread_id}'.")
        return THREAD


class Messages:
    """The messages of a thread."""

    def get(self, thread_id: str, message_id: str) -> Json:
        return {"id": message_id, "thread_id": thread_id}


class Files:
    """The files of a project: whatever one asks for."""

    def first_missing(self, file_ids: Iterable[str]) -> str | None:
        return None


class FakeStore:
    """A store of one project."""

    project = "ours"

    def __init__(self) -> None:
        self.threads = Threads()
        self.messages = Messages()
        self.files = Files()


def route_of(name: str) -> Route:
    return next(route for route in every_route() if route.name == name)


def answer_to(
    route: Route, store: FakeStore, body: Any = None, query: Sequence[tuple[str, str]] = (), **parameters: str
) -> Any:
    path = "/v1" + route.path.replace(":path", "").format(**parameters)
    headers = {"idempotency-key": "key-1"}
    data = b"" if body is None else json.dumps(body).encode()
    return route.answer_to(Incoming(route.method, path, query, headers, data), cast(Store, store), parameters)


def test_a_handler_is_called_without_the_rest() -> None:
    answer = threads.retrieve(Request(cast(Store, FakeStore())), thread_id="thread_1")
    assert (answer["id"], answer["metadata"]) == ("thread_1", {"user_id": "ada"})


@pytest.mark.parametrize("route", every_route(), ids=lambda route: route.name)
def test_a_handler_takes_what_its_path_names(route: Route) -> None:
    named = [CONTAINERS[name][0] if name == route.container else name for name in route.parameters]
    assert list(inspect.signature(route.handler).parameters) == ["request", *named]


@pytest.mark.parametrize("route", every_route(), ids=lambda route: route.name)
def test_whatever_lies_below_a_thread_or_a_vector_store_is_guarded(route: Route) -> None:
    first, *more = [part for part in route.path.split("/") if part.startswith("{")] or [""]
    below = route.path.partition(first)[2] if first else ""
    assert bool(route.container) == bool(below and first.strip("{}") in CONTAINERS)
    assert route.container or not more


def test_a_foreign_thread_is_not_found_and_its_messages_are_not_asked_for() -> None:
    store = FakeStore()
    with pytest.raises(NotFound):
        answer_to(route_of("getMessage"), store, thread_id="thread_2", message_id="msg_1")
    assert store.threads.asked == [("get", "thread_2")]
    answer = answer_to(route_of("getMessage"), store, thread_id="thread_1", message_id="msg_1")
    assert answer == {"id": "msg_1", "thread_id": "thread_1"}


def test_a_request_is_checked_before_anything_is_read() -> None:
    store = FakeStore()
    with pytest.raises(InvalidRequest) as refused:
        answer_to(route_of("modifyMessage"), store, {"metadata": "no"}, thread_id="thread_2", message_id="msg_1")
    assert refused.value.param == "metadata"
    with pytest.raises(InvalidRequest) as refused:
        answer_to(route_of("getThread"), store, query=[("what", "1")], thread_id="thread_1")
    assert refused.value.param == "what"
    assert store.threads.asked == []


def test_each_kind_of_object_has_idempotency_keys_of_its_own() -> None:
    given: list[Request] = []
    routes = Routes("Test")
    declared = {"body": CreateThreadRequest, "answer": "ThreadObject"}

    def handler(request: Request) -> Json:
        given.append(request)
        return {}

    for kind in ("thread", "other", ""):
        routes.post("/threads", "name", "Summary", creates=kind, **declared)(handler)  # type: ignore[arg-type]
    for route in routes.declared:
        answer_to(route, FakeStore(), {})
    keys = [request.idempotency.key if request.idempotency else None for request in given]
    assert keys == ["thread#ours#key-1", "other#ours#key-1", None]


def test_a_route_without_its_answer_can_not_be_written() -> None:
    with pytest.raises(TypeError, match="answer"):
        Routes("Test").post("/threads", "createThread", "Create a thread")(messages.create)  # type: ignore[call-arg]
