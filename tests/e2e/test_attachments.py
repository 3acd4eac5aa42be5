"""Files and vector stores that come with a request for a message, a thread, an assistant or a run."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import openai
import pytest
from openai.types import VectorStore
from openai.types.beta.threads import Run

from assistant_engine.domain.clock import Milliseconds, Seconds, seconds_of
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.message import new_message
from assistant_engine.resources import vector_stores
from assistant_engine.store import Idempotency, Store
from tests.support.clients import upload
from tests.support.driver import Driver

pytestmark = pytest.mark.offline_model

SEARCH: Any = [{"type": "file_search"}]
LAMP = b"The lighthouse keeper lights the lamp at dusk."
SOUP = b"Simmer the red lentils for twenty minutes."
ASK_LAMP = 'call file_search {"query": "When is the lamp lit?"}'
ASK_BOTH = f'{ASK_LAMP}\ncall file_search {{"query": "How are lentils cooked?"}}'


@pytest.fixture(scope="module")
def assistant(client: openai.OpenAI) -> str:
    return client.beta.assistants.create(model="gpt-6-luna", tools=SEARCH).id


@pytest.fixture
def store(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("INGESTION_QUEUE_URL", driver.queue_url("ingestion"))
    monkeypatch.setenv("EMBEDDING_MODEL", "multilingual-e5-small")
    return driver.store


def attached(file_id: str, text: str = "Read this.") -> Any:
    return {"role": "user", "content": text, "attachments": [{"file_id": file_id, "tools": SEARCH}]}


def store_of(client: openai.OpenAI, made: Any) -> VectorStore:
    """The one vector store of an assistant or a thread."""
    [store_id] = made.tool_resources.file_search.vector_store_ids
    return client.vector_stores.retrieve(store_id)


def cited(client: openai.OpenAI, run: Run) -> set[str]:
    """The ids of the files that the run's answer cites."""
    assert run.status == "completed", run.last_error
    part = client.beta.threads.messages.list(run.thread_id, run_id=run.id).data[0].content[0]
    assert part.type == "text"
    return {each.file_citation.file_id for each in part.text.annotations if each.type == "file_citation"}


def listed(client: openai.OpenAI) -> set[str]:
    return {each.id for each in client.vector_stores.list()}


def test_an_attached_file_is_found_by_the_next_run(client: openai.OpenAI, assistant: str) -> None:
    lamp, soup = upload(client, "lamp.txt", LAMP), upload(client, "soup.md", SOUP)
    thread = client.beta.threads.create()
    client.beta.threads.messages.create(thread.id, **attached(lamp, ASK_LAMP))
    run = client.beta.threads.runs.create_and_poll(thread_id=thread.id, assistant_id=assistant)
    assert cited(client, run) == {lamp}
    made = store_of(client, client.beta.threads.retrieve(thread.id))
    assert made.expires_after is not None
    assert (made.expires_after.anchor, made.expires_after.days) == ("last_active_at", 7)

    run = client.beta.threads.runs.create_and_poll(
        thread_id=thread.id, assistant_id=assistant, additional_messages=[attached(lamp), attached(soup, ASK_BOTH)]
    )
    assert cited(client, run) == {lamp, soup}
    again = store_of(client, client.beta.threads.retrieve(thread.id))
    assert (again.id, again.file_counts.total) == (made.id, 2)


def test_a_run_searches_its_assistant_s_store_and_its_thread_s(client: openai.OpenAI) -> None:
    lamp, soup = upload(client, "lamp.txt", LAMP), upload(client, "soup.md", SOUP)
    stores: Any = {"file_search": {"vector_stores": [{"file_ids": [soup], "metadata": {"kind": "recipes"}}]}}
    assistant = client.beta.assistants.create(model="gpt-6-luna", tools=SEARCH, tool_resources=stores)
    recipes = store_of(client, assistant)
    assert (recipes.metadata, recipes.expires_after) == ({"kind": "recipes"}, None)
    client.vector_stores.files.poll(soup, vector_store_id=recipes.id)
    run = client.beta.threads.create_and_run_poll(
        assistant_id=assistant.id, thread={"messages": [attached(lamp, ASK_BOTH)]}
    )
    assert cited(client, run) == {lamp, soup}
    assert store_of(client, client.beta.threads.retrieve(run.thread_id)).id != recipes.id


def test_a_thread_is_made_with_a_vector_store(client: openai.OpenAI) -> None:
    files = [upload(client, f"{number}.txt") for number in range(3)]
    sizes = {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}
    asked: Any = {"file_ids": files[:2], "chunking_strategy": {"type": "static", "static": sizes}}
    thread = client.beta.threads.create(
        messages=[attached(files[2])], tool_resources={"file_search": {"vector_stores": [asked]}}
    )
    made = store_of(client, thread)
    assert made.expires_after is not None
    assert (made.file_counts.total, made.expires_after.days) == (3, 7)
    chunking = client.vector_stores.files.retrieve(files[0], vector_store_id=made.id).chunking_strategy
    assert chunking is not None
    assert chunking.type == "static"
    assert chunking.static.max_chunk_size_tokens == 200
    before = listed(client)
    nothing: list[Any] = [{"file_search": {"vector_stores": []}}, {"file_search": {}}, {}]
    for resources in nothing:
        client.beta.threads.create(tool_resources=resources)
    assert listed(client) == before


def test_a_repeated_request_makes_one_store(client: openai.OpenAI, assistant: str) -> None:
    file_id = upload(client)
    resources: Any = {"file_search": {"vector_stores": [{"file_ids": [file_id]}]}}
    threads = [client.beta.threads.create().id for _ in range(2)]
    message = attached(file_id)
    requests: list[tuple[str, Json]] = [
        ("/threads", {"messages": [message]}),
        ("/threads", {"tool_resources": resources}),
        ("/assistants", {"model": "gpt-6-luna", "tool_resources": resources}),
        ("/threads/runs", {"assistant_id": assistant, "thread": {"messages": [message]}}),
        (f"/threads/{threads[0]}/messages", message),
        (f"/threads/{threads[1]}/runs", {"assistant_id": assistant, "additional_messages": [message]}),
    ]

    def twice(numbered: tuple[int, tuple[str, Json]]) -> set[str]:
        number, (path, body) = numbered
        key: Any = {"headers": {"Idempotency-Key": f"stores-{number}-{file_id}"}}

        def post(_: int) -> str:
            return str(client.post(path, body=body, options=key, cast_to=httpx2.Response).json()["id"])

        with ThreadPoolExecutor(2) as pool:
            return set(pool.map(post, range(2)))

    before = listed(client)
    answers = list(map(twice, enumerate(requests)))
    assert [len(made) for made in answers] == [1] * len(requests)
    named = listed(client) - before
    assert len(named) == len(requests)
    assert {client.vector_stores.retrieve(store_id).file_counts.total for store_id in named} == {1}


def test_messages_at_once_give_their_thread_one_store(client: openai.OpenAI) -> None:
    thread = client.beta.threads.create()
    files = [upload(client, f"{number}.txt") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda file_id: client.beta.threads.messages.create(thread.id, **attached(file_id)), files))
    made = store_of(client, client.beta.threads.retrieve(thread.id))
    assert made.file_counts.total == 4


def test_a_thread_whose_store_is_gone_gets_another(client: openai.OpenAI) -> None:
    first, second = upload(client), upload(client)
    thread = client.beta.threads.create(messages=[attached(first)])
    gone = store_of(client, thread).id
    client.vector_stores.delete(gone)
    client.beta.threads.messages.create(thread.id, **attached(second))
    made = store_of(client, client.beta.threads.retrieve(thread.id))
    assert made.id != gone
    assert [each.id for each in client.vector_stores.files.list(made.id)] == [second]


def test_a_request_that_died_after_its_store_finds_it_again(client: openai.OpenAI, store: Store) -> None:
    file_id = upload(client)
    now_ms = Milliseconds(int(time.time() * 1000))
    key = Idempotency(f"thread of {file_id}", ["the request"])
    message = new_message(attached(file_id), seconds_of(now_ms))
    made = vector_stores.made_with(store, None, {}, [message], now_ms, key, days=7)
    assert vector_stores.made_with(store, None, {}, [message], Milliseconds(now_ms + 60_000), key, days=7) == made
    [store_id] = made["file_search"]["vector_store_ids"]
    assert client.vector_stores.retrieve(store_id).file_counts.total == 1

    thread = client.beta.threads.create()
    vector_stores.take_in(store, store.threads.get(thread.id), [message], now_ms, key)
    seen = client.beta.threads.retrieve(thread.id)
    vector_stores.take_in(store, store.threads.get(thread.id), [message], now_ms, key)
    assert client.beta.threads.retrieve(thread.id) == seen
    assert store_of(client, seen).file_counts.total == 1


def test_a_refused_message_takes_nothing_in(client: openai.OpenAI, driver: Driver) -> None:
    run = driver.created("Hello")
    for work in (
        lambda: client.beta.threads.messages.create(run.thread_id, **attached(upload(client))),
        lambda: client.beta.threads.messages.create(run.thread_id, **attached("file-none")),
        lambda: client.beta.threads.create(tool_resources={"file_search": {"vector_stores": [{"file_ids": ["x"]}]}}),
    ):
        before = listed(client)
        with pytest.raises(openai.BadRequestError):
            work()
        assert listed(client) == before


def test_a_run_request_brings_files_too(client: openai.OpenAI, driver: Driver, assistant: str) -> None:
    lamp, soup = upload(client, "lamp.txt", LAMP), upload(client, "soup.md", SOUP)
    stores = {"file_search": {"vector_stores": [{"file_ids": [soup]}]}}
    request = {
        "assistant_id": assistant,
        "thread": {"tool_resources": stores},
        "additional_messages": [attached(lamp, ASK_BOTH)],
    }
    finished = driver.run(driver.start(request), seconds=120)
    run = client.beta.threads.runs.retrieve(finished["run_id"], thread_id=finished["thread_id"])
    assert cited(client, run) == {lamp, soup}
    again = driver.run(driver.start({"assistant_id": assistant, "thread_id": run.thread_id,
                                     "additional_messages": [attached(upload(client, "x.txt", SOUP), ASK_LAMP)]}),
                       seconds=120)  # fmt: skip
    assert again["status"] == "completed"
    made = store_of(client, client.beta.threads.retrieve(run.thread_id))
    assert made.file_counts.total == 3


def test_a_run_waits_a_minute_at_most_for_files_of_its_thread(
    client: openai.OpenAI, driver: Driver, store: Store
) -> None:
    vector_store = client.vector_stores.create()
    entry = {
        "file_id": upload(client),
        "filename": "a.txt",
        "attributes": None,
        "chunking": vector_stores.AUTO_CHUNKING,
    }
    # Nobody tells the ingestion.
    store.vector_store_files.attach(vector_store.id, [entry], Milliseconds(int(time.time() * 1000)))
    thread = {"tool_resources": {"file_search": {"vector_store_ids": [vector_store.id]}}}
    run = driver.created("Hello", assistant_id=driver.assistant(functions=[], tools=SEARCH), thread=thread)
    waits = [vector_stores.still_reading(store, run, Seconds(run.created_at + age)) for age in (0, 59, 60)]
    assert waits == [True, True, False]
    without_search = driver.created("Hello", thread=thread)
    assert not vector_stores.still_reading(store, without_search, Seconds(run.created_at))
    client.vector_stores.delete(vector_store.id)
    assert not vector_stores.still_reading(store, run, Seconds(run.created_at))
