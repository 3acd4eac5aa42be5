"""Exports for fine-tuning, by the command and over HTTP: two files that a client downloads, and a manifest."""

import hashlib
import json
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from assistant_engine.domain.clock import seconds_of
from assistant_engine.domain.fine_tuning import is_for_training
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.thread import ThreadId
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store.message_item import MAX_MESSAGES
from assistants import stack as stack_finder
from assistants.commands import main
from local import up as local
from tests.support.driver import GET_STOCK_PRICE, Driver
from tests.support.fine_tune_format import loaded

pytestmark = pytest.mark.offline_model

Export = Callable[..., Json]


@pytest.fixture
def api(base_url: str, api_key: str) -> httpx2.Client:
    return httpx2.Client(base_url=base_url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60)


@pytest.fixture
def openai(base_url: str, api_key: str) -> OpenAI:
    return OpenAI(base_url=base_url, api_key=api_key)


@pytest.fixture
def export(api: httpx2.Client) -> Export:
    """Ask for an export over HTTP and wait for it."""

    def made(assistant_id: str, **options: Any) -> Json:
        answer = api.post("/fine_tuning/exports", json={"assistant_id": assistant_id, **options})
        assert answer.status_code == 200, answer.text
        asked: Json = answer.json()
        deadline = time.monotonic() + 120
        while asked["status"] in ("queued", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.1)
            asked = api.get(f"/fine_tuning/exports/{asked['id']}").json()
        assert asked["status"] == "succeeded", asked["error"]
        return asked

    return made


def lines(openai: OpenAI, made: Json, kind: str = "training") -> list[Json]:
    return loaded(openai.files.content(made[f"{kind}_file"]).read(), made["format"])


def said(driver: Driver, assistant_id: str, *texts: str, thread: Json | None = None) -> ThreadId:
    """Have the assistant answer each text, on one thread."""
    first = driver.run(driver.ask(assistant_id, texts[0], **({"thread": thread} if thread else {})))
    for text in texts[1:]:
        driver.run(driver.ask(assistant_id, text, thread_id=first["thread_id"]))
    return ThreadId(first["thread_id"])


def said_at_once(driver: Driver, assistant_id: str, count: int, *texts: str) -> set[ThreadId]:
    """Have the assistant answer the texts on so many threads; `{}` is the thread's number."""
    with ThreadPoolExecutor(3) as pool:
        return set(
            pool.map(lambda number: said(driver, assistant_id, *(text.format(number) for text in texts)), range(count))
        )


def after(second: int) -> int:
    """Wait until a second is over; the one that begins then."""
    while (now := seconds_of(now_ms())) <= second:
        time.sleep(0.02)
    return now


def training(seed: int, threads: set[ThreadId]) -> set[ThreadId]:
    """Return the threads that a seed puts on the side for training: ids are new each time, so a seed is sought."""
    return {thread_id for thread_id in threads if is_for_training(seed, thread_id, 50)}


def rate(driver: Driver, thread_id: ThreadId, index: int, **metadata: str) -> None:
    driver.store.messages.update(thread_id, driver.messages(thread_id)[index]["id"], metadata)


def manifest(driver: Driver, made: Json) -> Json:
    body = driver.client("s3").get_object(Bucket=driver.outputs["Bucket"], Key=made["manifest"])["Body"].read()
    found: Json = json.loads(body)
    return found


def test_a_thread_is_an_example_word_for_word_with_its_tools(driver: Driver, openai: OpenAI, export: Export) -> None:
    assistant_id = driver.assistant(instructions="You know prices.", functions=[GET_STOCK_PRICE])
    user = f"ada-{uuid.uuid4().hex}"
    price = 'call get_stock_price {"symbol": "ACME"}\nsay It is known.'
    said(driver, assistant_id, "say Hello.", price, thread={"metadata": {"user_id": user}})
    made = export(assistant_id, training_percentage=100)
    assert made["counts"] == {"runs": 2, "examples": 1, "training": 1, "validation": 0, "left_out": {}}
    assert made["validation_file"] is None, "there is no empty file"
    file = openai.files.retrieve(made["training_file"])
    assert (file.purpose, file.filename) == ("fine-tune", f"training_{assistant_id}-{made['end_at']}.jsonl")
    [line] = lines(openai, made)
    call = line["messages"][4]
    assert line["messages"] == [
        {"role": "system", "content": "You know prices."},
        {"role": "user", "content": "say Hello."},
        {"role": "assistant", "content": "Hello.", "weight": 1},
        {"role": "user", "content": price},
        call,
        {"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": line["messages"][5]["content"]},
        {"role": "assistant", "content": line["messages"][6]["content"], "weight": 1},
    ]
    assert line["messages"][6]["content"].startswith("It is known.")
    assert json.loads(line["messages"][5]["content"])["symbol"] == "ACME"
    assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"symbol": "ACME"}
    assert {tool["function"]["name"] for tool in line["tools"]} == {"get_stock_price", "ask"}
    assert line["parallel_tool_calls"] is True
    assert user not in json.dumps(line) and user not in json.dumps(manifest(driver, made))


def test_the_same_request_again_gives_the_same_bytes(driver: Driver, openai: OpenAI, export: Export) -> None:
    assistant_id = driver.assistant()
    threads = said_at_once(driver, assistant_id, 6, "say {}.")
    seed = next(seed for seed in count() if training(seed, threads) not in (set(), threads))
    end = seconds_of(now_ms()) + 1
    window = {"start_at": end - 3600, "end_at": end, "training_percentage": 50, "seed": seed}
    first = export(assistant_id, **window)
    files = [first["training_file"], first["validation_file"]]
    before = [openai.files.content(name).read() for name in files]
    listed = manifest(driver, first)
    again = export(assistant_id, **window)
    assert again["id"] == first["id"] and [again["training_file"], again["validation_file"]] == files
    assert [openai.files.content(name).read() for name in files] == before
    assert manifest(driver, again) == listed
    told = [listed["files"][kind] for kind in ("training", "validation")]
    assert [file["sha256"] for file in told] == [hashlib.sha256(data).hexdigest() for data in before]
    assert [file["bytes"] for file in told] == list(map(len, before))
    runs = [run for file in told for line in file["lines"] for run in line["run_ids"]]
    assert len(set(runs)) == 6


def test_the_split_follows_from_the_seed_and_never_parts_a_thread(driver: Driver, export: Export) -> None:
    assistant_id = driver.assistant()
    threads = said_at_once(driver, assistant_id, 8, "say One.", "say Two.")
    other = next(seed for seed in count(2) if training(seed, threads) != training(1, threads))
    sides = []
    for seed in (1, 1, other):
        made = export(assistant_id, per="run", training_percentage=50, seed=seed, retrain=True)
        files = manifest(driver, made)["files"]
        side = {kind: {line["thread_id"] for line in file["lines"]} for kind, file in files.items() if file}
        assert not side.get("training", set()) & side.get("validation", set())
        assert set().union(*side.values()) == threads
        sides.append(side)
    assert sides[0] == sides[1]
    assert sides[0] != sides[2]


def test_a_run_that_was_exported_is_left_out_unless_it_is_to_be_trained_again(
    driver: Driver, openai: OpenAI, export: Export
) -> None:
    assistant_id = driver.assistant()
    thread_id = said(driver, assistant_id, "say First.")
    first = export(assistant_id, training_percentage=100)
    assert first["counts"]["examples"] == 1
    after(first["end_at"])  # Until now is another request in another second.
    none = export(assistant_id, training_percentage=100)
    assert none["counts"]["left_out"] == {"exported_before": 1}
    assert (none["training_file"], none["manifest"]) == (None, None)
    driver.run(driver.ask(assistant_id, "say Second.", thread_id=thread_id))
    [line] = lines(openai, export(assistant_id, training_percentage=100))
    assert [(each["content"], each["weight"]) for each in line["messages"] if each["role"] == "assistant"] == [
        ("First.", 0),
        ("Second.", 1),
    ]
    [line] = lines(openai, export(assistant_id, training_percentage=100, retrain=True))
    assert [each["weight"] for each in line["messages"] if each["role"] == "assistant"] == [1, 1]


def test_weights_and_ratings_say_what_is_learned(driver: Driver, openai: OpenAI, export: Export) -> None:
    assistant_id = driver.assistant()
    thread_id = said(driver, assistant_id, "say Up.", "say Down.", "say Three stars.", "say Weight.", "say Plain.")
    rate(driver, thread_id, 1, rating="up")
    rate(driver, thread_id, 3, rating="down")
    rate(driver, thread_id, 5, rating="3")
    rate(driver, thread_id, 7, rating="up", weight="0")

    def learned(**options: Any) -> list[tuple[str, int]]:
        [line] = lines(openai, export(assistant_id, training_percentage=100, retrain=True, **options))
        return [(each["content"], each["weight"]) for each in line["messages"] if each["role"] == "assistant"]

    assert learned() == [("Up.", 1), ("Down.", 0), ("Three stars.", 1), ("Weight.", 0), ("Plain.", 1)]
    assert dict(learned(min_weight=0.75)) == {"Up.": 1, "Down.": 0, "Three stars.": 0, "Weight.": 0, "Plain.": 1}
    made = export(assistant_id, per="run", training_percentage=100, retrain=True)
    assert made["counts"]["left_out"] == {"weight": 2}


def test_a_run_is_an_example_with_what_was_said_before_it(driver: Driver, openai: OpenAI, export: Export) -> None:
    assistant_id = driver.assistant(instructions=None)
    said(driver, assistant_id, "say One.", "say Two.")
    first, second = lines(openai, export(assistant_id, per="run", training_percentage=100))
    assert [message["content"] for message in first["messages"]] == ["say One.", "One."]
    assert [(each["content"], each.get("weight")) for each in second["messages"]] == [
        ("say One.", None),
        ("One.", 0),
        ("say Two.", None),
        ("Two.", 1),
    ]


def test_a_window_takes_the_runs_that_ended_in_it(driver: Driver, export: Export) -> None:
    assistant_id = driver.assistant()
    said(driver, assistant_id, "say Before.")
    middle = after(seconds_of(now_ms()))
    said(driver, assistant_id, "say After.")
    end = seconds_of(now_ms()) + 1
    windows = {"before": (middle - 600, middle), "after": (middle, end), "both": (middle - 600, end)}
    found = {
        name: export(assistant_id, start_at=start, end_at=stop, retrain=True)["counts"]["runs"]
        for name, (start, stop) in windows.items()
    }
    assert found == {"before": 1, "after": 1, "both": 2}


def test_bedrock_gets_conversations_without_tools(driver: Driver, openai: OpenAI, export: Export) -> None:
    assistant_id = driver.assistant(instructions="Be kind.", functions=[GET_STOCK_PRICE])
    thread_id = said(
        driver, assistant_id, 'call get_stock_price {"symbol": "ACME"}\nsay Known.', "say Bad.", "say Good."
    )
    rate(driver, thread_id, 3, rating="down")
    [line] = lines(openai, export(assistant_id, format="bedrock", training_percentage=100))
    assert line["system"] == [{"text": "Be kind."}]
    texts = [part["text"] for each in line["messages"] for part in each["content"]]
    assert texts[1].startswith("Known.")
    assert texts[0].startswith("call ") and texts[2:] == ["say Good.", "Good."]


def test_what_can_t_be_learned_from_is_left_out_and_counted(driver: Driver, export: Export) -> None:
    assistant_id = driver.assistant()
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    shown = [{"role": "user", "content": [{"type": "text", "text": "say Seen."}, image]}]
    failed = driver.created("say Late.", assistant_id=assistant_id, expires_after=1)
    driver.run(driver.start({"assistant_id": assistant_id, "additional_messages": shown}))
    deleted = said(driver, assistant_id, "say Deleted.")
    driver.store.messages.delete(deleted, driver.messages(deleted)[-1]["id"])
    gone = said(driver, assistant_id, "say Gone.")
    driver.store.threads.delete(gone, seconds_of(now_ms()))
    said(driver, assistant_id, "say Kept.")
    after(failed.expires_at - 1)
    driver.start({"thread_id": failed.thread_id, "run_id": failed.id}, failed.execution)
    driver.ended(failed, "expired")
    made = export(assistant_id, training_percentage=100)
    assert made["counts"]["left_out"] == {"deleted": 1, "image": 1, "not_completed": 1}
    assert (made["counts"]["runs"], made["counts"]["examples"]) == (4, 1)


def test_the_command_makes_the_export_and_says_where_it_is(
    driver: Driver,
    openai: OpenAI,
    stack: local.Local,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(stack_finder, "find", lambda environment: stack_finder.Stack(stack.settings))
    assistant_id = driver.assistant()
    said(driver, assistant_id, "say Hello.")
    main(["fine-tuning", "export", "--assistant", assistant_id, "--train", "100", "--days", "1"])
    shown = capsys.readouterr().out
    assert "1 runs, 1 examples" in shown and "Warning: 1 examples for training" in shown
    file_id = next(word.strip(",") for word in shown.split() if word.startswith("file-"))
    [line] = loaded(openai.files.content(file_id).read())
    assert line["messages"][-1]["content"] == "Hello."
    assert f"/files/{file_id}" in shown and f"/fine_tuning/{assistant_id}/ftexport-" in shown


def test_a_large_thread_is_one_line(driver: Driver, openai: OpenAI, export: Export) -> None:
    """Its text lies in the bucket, its messages on several pages."""
    assistant_id = driver.assistant()
    messages = [{"role": "user", "content": f"{number} " + "x" * 4_000} for number in range(MAX_MESSAGES)]
    thread = {"messages": messages[:80]}
    request = {"assistant_id": assistant_id, "thread": thread}
    run = driver.ended(driver.begin("say " + "y" * 40_000, **request), "completed")
    [line] = lines(openai, export(assistant_id, training_percentage=100))
    assert len(line["messages"]) == 82 and run.thread_id not in json.dumps(line)


def test_exports_are_a_project_s_own(api: httpx2.Client, export: Export, driver: Driver) -> None:
    made = export(driver.assistant())
    assert made["counts"]["runs"] == 0
    listed = api.get("/fine_tuning/exports", params={"limit": 100}).json()
    assert made in listed["data"]
    assert api.get(f"/fine_tuning/exports/{made['id']}x").status_code == 404
    missing = api.post("/fine_tuning/exports", json={"assistant_id": "asst_missing"})
    assert missing.status_code == 404
    wrong = api.post("/fine_tuning/exports", json={"assistant_id": made["assistant_id"], "start_at": 5, "end_at": 5})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "start_at")
