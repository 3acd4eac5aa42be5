"""File search as a whole: files of every kind through queue, ingestion and search, and what may go wrong on the way."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from boto3.dynamodb.conditions import Key

from assistant_engine.domain.clock import Seconds
from assistant_engine.domain.json_data import Json
from assistant_engine.resources import ingestion
from assistant_engine.resources.vector_stores import AUTO_CHUNKING
from assistant_engine.runtime.clock import now_ms
from assistant_engine.search.parts import prefix_of, words_key_of
from assistant_engine.store import Store, Window
from assistant_engine.store.expressions import Update, query
from assistant_engine.store.vector_stores import head_key
from tests.support.clients import upload
from tests.support.documents import docx, p
from tests.support.driver import Driver
from tests.support.plain_documents import excel, pdf, powerpoint, word

SECONDS = 180
SECRET = "the-quick-brown-secret-7c1d"


@pytest.fixture
def store(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(ingestion, "queue", lambda: driver.client("sqs"))
    monkeypatch.setenv("INGESTION_QUEUE_URL", driver.queue_url("ingestion"))
    monkeypatch.setenv("EMBEDDING_MODEL", "multilingual-e5-small")
    return driver.store


def attached(client: openai.OpenAI) -> tuple[str, str]:
    """Attach a file to a new vector store; return the ids of both."""
    store_id, file_id = client.vector_stores.create().id, upload(client)
    client.vector_stores.files.create(store_id, file_id=file_id)
    return store_id, file_id


def ready(client: openai.OpenAI, store_id: str, file_id: str) -> str:
    """The status of a file that is no longer in progress."""
    return client.vector_stores.files.poll(file_id, vector_store_id=store_id, max_wait_seconds=SECONDS).status


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def invoke(driver: Driver, function: str, event: Json) -> Json:
    answer = driver.client("lambda").invoke(
        FunctionName=driver.function_name(function), Payload=json.dumps(event).encode()
    )
    result = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result or {}


def parts(driver: Driver, store_id: str) -> list[str]:
    """The keys of a store's parts in the bucket."""
    listed = driver.client("s3").list_objects_v2(Bucket=driver.outputs["Bucket"], Prefix=prefix_of(store_id))
    return [item["Key"] for item in listed.get("Contents", [])]


KINDS = {
    "hours.docx": (word(), "On which weekday is it open from 9 to 5?"),
    "turbines.xlsx": (excel(), "rpm of turbine T1"),
    "results.pptx": (powerpoint(), "quarterly results of the team"),
    "paper.pdf": (pdf("Glaciers carve valleys in the shape of a U"), "How do glaciers shape a valley?"),
    "shop.html": (b"<html><body><p>We sell used bicycles.</p></body></html>", "Where can I buy a second-hand bike?"),
    "people.csv": (b"name,city\nAda,London\nGrace,New York\n", "Where does Grace live?"),
    "config.json": (b'{"retention": "ninety days of backups"}', "How long are backups kept?"),
    "soup.md": (b"# Soup\n\nSimmer the red lentils for twenty minutes.", "How are lentils cooked?"),
    "area.py": (b"def circle_area(radius):\n    return 3.14159 * radius ** 2\n", "function for the area of a circle"),
}


def test_files_of_every_kind_are_found_and_a_broken_one_fails(client: openai.OpenAI) -> None:
    vector_store = client.vector_stores.create()
    files = {name: upload(client, name, data) for name, (data, _) in KINDS.items()}
    broken = upload(client, "broken.docx", word()[:700])
    batch = client.vector_stores.file_batches.create_and_poll(
        vector_store.id, file_ids=[*files.values(), broken], poll_interval_ms=500
    )
    assert (batch.file_counts.completed, batch.file_counts.failed) == (len(KINDS), 1)
    failed = client.vector_stores.files.retrieve(broken, vector_store_id=vector_store.id)
    assert failed.last_error
    assert (failed.last_error.code, failed.usage_bytes) == ("invalid_file", 0)
    for name, (_, question) in KINDS.items():
        found = [result.filename for result in client.vector_stores.search(vector_store.id, query=question)]
        assert name in found[:5], (question, found)
    client.vector_stores.delete(vector_store.id)


def test_words_find_a_large_file_while_its_vectors_are_made(client: openai.OpenAI) -> None:
    text = "".join(f"Entry {number}: the ferry to island {number * 7} leaves at dawn.\n" for number in range(400))
    vector_store = client.vector_stores.create()
    file_id = upload(client, "ferries.txt", (text + "The zeppelin is moored in Friedrichshafen.\n").encode())
    client.vector_stores.files.create(vector_store.id, file_id=file_id)

    def is_found() -> bool:
        page = client.vector_stores.search(vector_store.id, query="zeppelin Friedrichshafen", max_num_results=1)
        return any("zeppelin" in result.content[0].text for result in page)

    until(is_found, "the words find nothing")
    file = client.vector_stores.files.retrieve(file_id, vector_store_id=vector_store.id)
    assert file.status == "in_progress"
    assert file.model_extra and 0 <= file.model_extra["progress"] < 1
    assert ready(client, vector_store.id, file_id) == "completed"
    file = client.vector_stores.files.retrieve(file_id, vector_store_id=vector_store.id)
    assert file.model_extra and file.model_extra["progress"] == 1
    assert is_found()
    client.vector_stores.delete(vector_store.id)


def test_what_is_not_read_of_a_file_is_in_its_warnings(client: openai.OpenAI) -> None:
    header = {"word/header1.xml": b"<w:hdr"}
    data = docx(p("The depot in Lindau opens at nine."), ("header", "header1.xml"), parts=header)
    vector_store = client.vector_stores.create()
    files = [upload(client, "depot.docx", data), upload(client)]
    client.vector_stores.file_batches.create_and_poll(vector_store.id, file_ids=files, poll_interval_ms=500)
    expected = [["The part word/header1.xml of the file is broken and was not read as a whole."], []]
    shown = [client.vector_stores.files.retrieve(id, vector_store_id=vector_store.id) for id in files]
    listed = {file.id: file for file in client.vector_stores.files.list(vector_store.id)}
    for each in (shown, [listed[id] for id in files]):
        assert [file.status for file in each] == ["completed", "completed"]
        assert [file.model_extra and file.model_extra["warnings"] for file in each] == expected
    client.vector_stores.delete(vector_store.id)


def test_a_message_that_comes_again_changes_nothing(client: openai.OpenAI, driver: Driver, store: Store) -> None:
    store_id, file_id = attached(client)
    member = store.vector_store_files.member(store_id, file_id)
    ingestion.enqueue([member] * 3)
    assert ready(client, store_id, file_id) == "completed"
    before = client.vector_stores.retrieve(store_id)
    marker = upload(client, "marker.txt")
    ingestion.enqueue([member])
    client.vector_stores.files.create(store_id, file_id=marker)
    assert ready(client, store_id, marker) == "completed"
    after = client.vector_stores.retrieve(store_id)
    assert (after.file_counts.completed, after.file_counts.total) == (2, 2)
    assert after.usage_bytes > before.usage_bytes
    # A delivery that came too late may still be about to remove the words that it wrote.
    until(lambda: len(parts(driver, store_id)) == 2, "words were left behind")
    client.vector_stores.delete(store_id)


def test_a_delivery_that_died_after_it_completed_a_file_leaves_nothing_behind(
    client: openai.OpenAI, driver: Driver, store: Store
) -> None:
    store_id, file_id = attached(client)
    assert ready(client, store_id, file_id) == "completed"
    member = store.vector_store_files.member(store_id, file_id)
    [whole] = parts(driver, store_id)
    driver.client("s3").put_object(Bucket=driver.outputs["Bucket"], Key=words_key_of(member, 0), Body=b"words")
    ingestion.enqueue([member])
    until(lambda: parts(driver, store_id) == [whole], "words were left behind")
    client.vector_stores.delete(store_id)


def test_a_message_that_is_lost_is_made_good_by_the_sweeper(
    client: openai.OpenAI, driver: Driver, store: Store
) -> None:
    vector_store = client.vector_stores.create()
    file_id = upload(client)
    entry = {"file_id": file_id, "filename": "a.txt", "attributes": None, "chunking": AUTO_CHUNKING}
    [member] = store.vector_store_files.attach(vector_store.id, [entry], now_ms())
    store.vector_stores.postpone(vector_store.id, member["message_id"], Seconds(1))
    invoke(driver, "sweeper", {})
    assert ready(client, vector_store.id, file_id) == "completed"
    assert (vector_store.id, member["message_id"]) not in store.vector_stores.due(Seconds(2**40))
    client.vector_stores.delete(vector_store.id)


def test_a_file_that_cannot_be_processed_fails_in_the_end(client: openai.OpenAI, driver: Driver, store: Store) -> None:
    vector_store = client.vector_stores.create()
    file_id = upload(client)
    entry = {"file_id": file_id, "filename": "a.txt", "attributes": None, "chunking": AUTO_CHUNKING}
    [member] = store.vector_store_files.attach(vector_store.id, [entry], now_ms())
    # After its last delivery, the queue hands a message over to the dead letters.
    message = {"store": vector_store.id, "file": member["message_id"], "ingestion": member["ingestion"]}
    dead_letters = driver.queue_url("ingestion-dead-letters")
    driver.client("sqs").send_message(QueueUrl=dead_letters, MessageBody=json.dumps(message))
    assert ready(client, vector_store.id, file_id) == "failed"
    error = client.vector_stores.files.retrieve(file_id, vector_store_id=vector_store.id).last_error
    assert error
    assert error.code == "server_error"
    assert client.vector_stores.retrieve(vector_store.id).file_counts.failed == 1
    client.vector_stores.delete(vector_store.id)


def test_counts_are_exact_whoever_writes_at_once(client: openai.OpenAI, store: Store) -> None:
    vector_store = client.vector_stores.create()
    files = [upload(client, f"{number}.txt", f"Note {number}.".encode()) for number in range(12)]

    def attach_and_detach(number: int) -> None:
        client.vector_stores.files.create(vector_store.id, file_id=files[number])
        if number % 3 == 0:
            client.vector_stores.files.delete(files[number], vector_store_id=vector_store.id)
        if number % 3 == 1:
            client.vector_stores.files.create(vector_store.id, file_id=files[number])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(attach_and_detach, range(len(files))))
    until(lambda: client.vector_stores.retrieve(vector_store.id).status == "completed", "files are still in progress")
    shown = client.vector_stores.retrieve(vector_store.id)
    members = list(store.vector_store_files.page(vector_store.id, Window(limit=100)).objects)
    assert shown.file_counts.total == shown.file_counts.completed == len(members) == 8
    assert shown.usage_bytes == sum(member["usage_bytes"] for member in members)
    client.vector_stores.delete(vector_store.id)


def test_a_deleted_store_leaves_nothing_behind(client: openai.OpenAI, driver: Driver, store: Store) -> None:
    file_id = upload(client)
    vector_store = client.vector_stores.create(file_ids=[file_id])
    assert ready(client, vector_store.id, file_id) == "completed"
    assert len(parts(driver, vector_store.id)) == 1
    client.vector_stores.delete(vector_store.id)
    until(lambda: not parts(driver, vector_store.id), "the chunks are still there")
    table = driver.outputs["MessagesTable"]

    def items() -> int:
        left = store.database.query_all(query(table, Key("thread_id").eq(vector_store.id)))
        return len(list(left)) + len(store.vector_store_files.stores_of(file_id))

    until(lambda: items() == 0, "items are still there")


def test_a_detached_file_leaves_no_chunks(client: openai.OpenAI, driver: Driver) -> None:
    file_id = upload(client)
    vector_store = client.vector_stores.create(file_ids=[file_id])
    assert ready(client, vector_store.id, file_id) == "completed"
    client.vector_stores.files.delete(file_id, vector_store_id=vector_store.id)
    until(lambda: not parts(driver, vector_store.id), "the chunks are still there")
    client.vector_stores.delete(vector_store.id)


def test_an_expired_store_keeps_its_name_and_loses_its_chunks(
    client: openai.OpenAI, driver: Driver, store: Store
) -> None:
    file_id = upload(client)
    vector_store = client.vector_stores.create(
        file_ids=[file_id], name="old", expires_after={"anchor": "last_active_at", "days": 1}
    )
    assert ready(client, vector_store.id, file_id) == "completed"
    expired = Update(driver.outputs["MessagesTable"], head_key(vector_store.id))
    store.database.update(expired.set(expires_at=int(time.time()) - 1, due_at=1))
    invoke(driver, "sweeper", {})
    until(lambda: not parts(driver, vector_store.id), "the chunks are still there")
    shown = client.vector_stores.retrieve(vector_store.id)
    assert (shown.name, shown.status) == ("old", "expired")
    event = call(vector_store.id, "library")
    assert json.loads(invoke(driver, "tool-file_search", event)["output"])["results"] == []
    client.vector_stores.delete(vector_store.id)


def call(store_id: str, query: str, **more: Any) -> Json:
    """A call of the model's as the state machine hands it to the tool."""
    return {
        "thread_id": "thread_1",
        "run_id": "run_1",
        "turn": 1,
        "tool_call_id": "call_1",
        "function_name": "file_search",
        "arguments": json.dumps({"query": query}),
        "project": "default",
        "vector_store_ids": [store_id],
        "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
        "inline_bytes": 32_000,
        "most_bytes": 512_000,
        **more,
    }


def test_the_tool_gives_what_it_found_through_the_bucket_if_it_is_much(client: openai.OpenAI, driver: Driver) -> None:
    pasta = " ".join(f"Boil pasta number {number} for nine minutes." for number in range(40))
    file_ids = [upload(client, "library.txt"), upload(client, "pasta.txt", pasta.encode())]
    vector_store = client.vector_stores.create(
        file_ids=file_ids,
        chunking_strategy={"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}},
    )
    for file_id in file_ids:
        assert ready(client, vector_store.id, file_id) == "completed"
    answer = invoke(driver, "tool-file_search", call(vector_store.id, "Who lends books?", max_num_results=1))
    output = json.loads(answer["output"])
    assert output["ranking_options"] == {"ranker": "auto", "score_threshold": 0.0}
    [best] = output["results"]
    assert (best["file_id"], best["file_name"]) == (file_ids[0], "library.txt")
    assert best["text"] == "The library lends books for four weeks."
    assert 0 < best["score"] <= 1

    large = invoke(driver, "tool-file_search", call(vector_store.id, "pasta", inline_bytes=2_000))
    stored = driver.client("s3").get_object(Bucket=driver.outputs["Bucket"], Key=large["output_key"])["Body"].read()
    assert len(json.loads(stored)["results"]) == 5
    cut = invoke(driver, "tool-file_search", call(vector_store.id, "pasta", most_bytes=6_000))
    assert len(cut["output"]) < 6_000
    assert len(json.loads(cut["output"])["results"]) == 2

    high = call(vector_store.id, "books", ranking_options={"ranker": "auto", "score_threshold": 0.99})
    assert json.loads(invoke(driver, "tool-file_search", high)["output"])["results"] == []
    for arguments in ("", "{}", "[1]", "no json", '{"query": ""}', '{"query": 7}'):
        bad = invoke(driver, "tool-file_search", call(vector_store.id, "", arguments=arguments))
        assert bad["output"].startswith("Error: bad arguments"), arguments
    client.vector_stores.delete(vector_store.id)


def test_no_log_line_holds_what_is_in_a_file_or_asked(client: openai.OpenAI, driver: Driver) -> None:
    since = time.time() - 1
    files = [upload(client, "a.txt", f"{SECRET} words".encode()), upload(client, "b.pdf", b"%PDF-" + SECRET.encode())]
    vector_store = client.vector_stores.create(file_ids=files)
    for file_id in files:
        ready(client, vector_store.id, file_id)
    assert client.vector_stores.search(vector_store.id, query=SECRET).data
    invoke(driver, "tool-file_search", call(vector_store.id, SECRET))
    assert SECRET not in driver.log_lines(since)
    client.vector_stores.delete(vector_store.id)
