"""Ratings of answers: in the usage of the run that gave them, once, whatever is sent how often."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from assistant_engine.domain.json_data import Json
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model


@pytest.fixture
def api(base_url: str, api_key: str) -> httpx2.Client:
    return httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60)


def rated(api: httpx2.Client, **of: str) -> tuple[int, float | None]:
    total = api.get("/usage", params=of).json()["total"]
    return total["ratings"], total["rating"]


def rate(api: httpx2.Client, message: Json, metadata: Any) -> Json:
    """Rate a message; return its metadata as the answer shows it."""
    answer = api.post(f"/threads/{message['thread_id']}/messages/{message['id']}", json={"metadata": metadata})
    assert answer.status_code == 200, answer.text
    shown: Json = answer.json()["metadata"]
    return shown


def test_a_rating_counts_once_and_as_what_it_is_now(driver: Driver, api: httpx2.Client) -> None:
    assistant_id, user = driver.assistant(), f"rated-{driver.assistant()}"
    first = driver.run(driver.ask(assistant_id, "say One.", thread={"metadata": {"user_id": user}}))
    thread_id = first["thread_id"]
    driver.run(driver.ask(assistant_id, "say Two.", thread_id=thread_id))
    question, one, _, two = driver.messages(thread_id)
    views = {"thread_id": thread_id}, {"assistant_id": assistant_id}, {"user_id": user}
    steps: list[tuple[Json, Any, tuple[int, float | None]]] = [
        (one, {"rating": "up"}, (1, 1.0)),
        (one, {"rating": "up"}, (1, 1.0)),
        (one, {"rating": "up", "note": "kept"}, (1, 1.0)),
        (two, {"rating": "2"}, (2, 0.625)),
        (two, {"rating": "down"}, (2, 0.5)),
        (one, {"rating": "fine"}, (1, 0.0)),
        (two, None, (0, None)),
        (one, {"rating": "5"}, (1, 1.0)),
        (question, {"rating": "down"}, (1, 1.0)),
    ]
    before = rated(api)
    for message, metadata, expected in steps:
        assert rate(api, message, metadata) == (metadata or {})
        assert [rated(api, **view) for view in views] == [expected] * 3, metadata
    assert rated(api)[0] == before[0] + 1
    days = api.get("/usage", params={"thread_id": thread_id}).json()["data"]
    assert sum(day["ratings"] for day in days) == 1 and sum(day["runs"] for day in days) == 2


def test_ratings_at_once_leave_exact_totals(driver: Driver, api: httpx2.Client) -> None:
    assistant_id = driver.assistant()
    thread_id = driver.run(driver.ask(assistant_id, "say One."))["thread_id"]
    [_, answer] = driver.messages(thread_id)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda stars: rate(api, answer, {"rating": stars}), "12345512"))
    stored = driver.store.messages.get(thread_id, answer["id"])["metadata"]["rating"]
    assert rated(api, assistant_id=assistant_id) == (1, (int(stored) - 1) / 4)
