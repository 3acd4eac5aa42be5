"""A request repeated under its idempotency key reads what it has made: nothing that was deleted comes back."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.project import DEFAULT_PROJECT
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

SECRET = "PLANTED-" * 6_000
"""More than an item holds inline, so that the bucket would have it, too."""


@dataclass
class Api:
    """Sends requests under one idempotency key."""

    client: httpx2.Client
    key: str

    def post(self, path: str, **body: Any) -> httpx2.Response:
        return self.client.post(path, headers={"Idempotency-Key": self.key}, **body)

    def plain(self, path: str, body: Json) -> Json:
        answer = self.client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        made: Json = answer.json()
        return made


Case = tuple[str, Callable[[], httpx2.Response], list[str]]
"""The kind that is created, the request, and the paths of deletions, `{id}` in them for the id of what was created."""


def assistant(api: Api, driver: Driver) -> Case:
    body = {"model": driver.model, "instructions": SECRET}
    return "assistant", lambda: api.post("assistants", json=body), ["assistants/{id}"]


def thread(api: Api, driver: Driver) -> Case:
    body = {"metadata": {"note": SECRET[:500]}}
    return "thread", lambda: api.post("threads", json=body), ["threads/{id}"]


def message(api: Api, driver: Driver) -> Case:
    within = api.plain("threads", {})["id"]
    body = {"role": "user", "content": SECRET}
    path = f"threads/{within}/messages"
    return "message", lambda: api.post(path, json=body), [f"{path}/{{id}}"]


def message_of_a_thread(api: Api, driver: Driver) -> Case:
    within = api.plain("threads", {})["id"]
    body = {"role": "user", "content": SECRET}
    return "message", lambda: api.post(f"threads/{within}/messages", json=body), [f"threads/{within}"]


def run(api: Api, driver: Driver) -> Case:
    within = api.plain("threads", {"messages": [{"role": "user", "content": "say Done."}]})["id"]
    body = {"assistant_id": driver.assistant(), "instructions": SECRET}

    def create() -> httpx2.Response:
        answer = api.post(f"threads/{within}/runs", json=body)
        if answer.status_code == 200:  # A thread with an active run is not deleted.
            driver.ended(driver.store.runs.get(within, answer.json()["id"]), "completed")
        return answer

    return "run", create, [f"threads/{within}"]


def file(api: Api, driver: Driver) -> Case:
    form: Any = {"data": {"purpose": "assistants"}, "files": {"file": ("planted.txt", b"text")}}
    return "file", lambda: api.post("files", **form), ["files/{id}"]


def vector_store(api: Api, driver: Driver) -> Case:
    return "vector_store", lambda: api.post("vector_stores", json={"name": SECRET[:200]}), ["vector_stores/{id}"]


@pytest.mark.parametrize(
    "case", [assistant, thread, message, message_of_a_thread, run, file, vector_store], ids=lambda case: case.__name__
)
def test_what_was_deleted_does_not_come_back_under_its_key(
    driver: Driver, api: httpx2.Client, case: Callable[[Api, Driver], Case]
) -> None:
    key = str(uuid.uuid4())
    creates, create, deletions = case(Api(api, key), driver)
    first = create()
    assert first.status_code == 200, first.text
    made = first.json()["id"]
    again = create()
    assert (again.status_code, again.json()["id"]) == (200, made)

    digest = hashlib.sha256(f"{creates}#{DEFAULT_PROJECT}#{key}".encode()).hexdigest()
    record = driver.store.database.get(
        driver.outputs["MessagesTable"], {"thread_id": f"idempotency#{digest}", "message_id": "record"}
    )
    assert record is not None
    assert record["made"]["id"] == made
    assert "PLANTED" not in str(record)
    kept = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix="text/idempotency/")
    assert kept["KeyCount"] == 0

    for path in deletions:
        assert api.delete(path.format(id=made)).status_code == 200
    gone = create()
    assert gone.status_code == 404, gone.text
    assert "PLANTED" not in gone.text and gone.json()["error"]["message"]


def test_a_replay_shows_what_was_made_as_it_is_now(api: httpx2.Client) -> None:
    key = Api(api, str(uuid.uuid4()))
    made = key.post("threads", json={"metadata": {"a": "1"}}).json()["id"]
    key.plain(f"threads/{made}", {"metadata": {"a": "2"}})
    assert key.post("threads", json={"metadata": {"a": "1"}}).json()["metadata"] == {"a": "2"}


def test_an_upload_and_its_part_are_replayed(api: httpx2.Client) -> None:
    key = Api(api, str(uuid.uuid4()))
    body = {"bytes": 3, "filename": "a.txt", "mime_type": "text/plain", "purpose": "assistants"}
    upload = key.post("uploads", json=body).json()
    assert key.post("uploads", json=body).json() == upload
    form: Any = {"files": {"data": ("data", b"abc")}}
    path = f"uploads/{upload['id']}"
    part = key.post(f"{path}/parts", **form).json()
    assert key.post(f"{path}/parts", **form).json() == part
    assert api.post(f"{path}/complete", json={"part_ids": [part["id"]]}).status_code == 200
    done = key.post("uploads", json=body).json()
    assert (done["id"], done["status"], done["file"]["filename"]) == (upload["id"], "completed", "a.txt")
    api.delete(f"files/{done['file']['id']}")
    assert key.post("uploads", json=body).status_code == 404


def test_a_run_request_is_no_way_to_a_deleted_thread(driver: Driver) -> None:
    request = {
        "assistant_id": driver.assistant(),
        "additional_messages": [{"role": "user", "content": "say Done."}],
        "idempotency_key": str(uuid.uuid4()),
    }
    finished = driver.run(driver.start(request))
    driver.store.threads.delete(finished["thread_id"], Seconds(0))
    described = driver.wait(driver.start(request))
    assert (described["status"], described["error"]) == ("FAILED", "invalid_request_error")
    assert finished["thread_id"] in described["cause"]
