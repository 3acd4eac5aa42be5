"""Everything that a stack may hold, made by its clients: through the API, with the `openai` package."""

import itertools
import json
import time
from typing import Any, cast

import openai
from openai.types.beta.threads import Run
from pydantic import BaseModel

from assistant_engine.domain.json_data import Json
from tests.support.clients import upload
from tests.support.driver import ASK, GET_STOCK_PRICE
from tests.support.projects import PIXEL

MODEL = "gpt-6-luna"
ADA = "ada@example.com"
"""The person whose data it is, but for Bob's and Eve's."""
SAID = "I am Ada Lovelace, born in 1815."
LONG = "word " * 8_000
LAMP = b"The lighthouse keeper lights the lamp at dusk."
DIARY = b"Dear diary, my name is Ada Lovelace, and the engine weaves patterns."
SOUP = b"Simmer the red lentils for twenty minutes."
ENDS = ("completed", "incomplete", "failed", "cancelled", "expired")


class Client:
    """A project's client, and what it made.

    Attributes:
        assistant: the id of one with every kind of tool.
        threads: what the threads are called here, and their ids.
    """

    def __init__(self, api: openai.OpenAI) -> None:
        self.api = api
        self.assistant = ""
        self.threads: dict[str, str] = {}

    def thread(self, name: str, user: str = ADA, **more: Any) -> str:
        """Make a thread of a person; its id."""
        made = self.api.beta.threads.create(metadata={"user_id": user, "name": name}, **more)
        self.threads[name] = made.id
        return made.id

    def ask(self, thread: str, text: str, **more: Any) -> Run:
        """Post a message, and run until the run ends or waits for its client."""
        self.api.beta.threads.messages.create(thread, role="user", content=text)
        return self.api.beta.threads.runs.create_and_poll(thread_id=thread, assistant_id=self.assistant, **more)

    def answer(self, run: Run, output: str) -> Run:
        """Answer the call that the run waits with, and wait for its end."""
        assert run.required_action, run
        [call] = run.required_action.submit_tool_outputs.tool_calls
        return self.api.beta.threads.runs.submit_tool_outputs_and_poll(
            run_id=run.id, thread_id=run.thread_id, tool_outputs=[{"tool_call_id": call.id, "output": output}]
        )

    def ended(self, run: Run) -> Run:
        """Wait for the end of a run that nobody answers."""
        for _ in range(100):
            run = self.api.beta.threads.runs.retrieve(run.id, thread_id=run.thread_id)
            if run.status in ENDS:
                return run
            time.sleep(0.3)
        raise AssertionError(run)

    def read(self, store: str, seconds: float = 60) -> None:
        """Wait until the files of a vector store are read."""
        deadline = time.monotonic() + seconds
        while (counts := self.api.vector_stores.retrieve(store).file_counts).completed < counts.total:
            assert time.monotonic() < deadline and not counts.failed, counts
            time.sleep(0.3)


def fill(client: Client) -> None:
    """Make one of everything."""
    api = client.api
    files = {"lamp.txt": LAMP, "soup.md": SOUP, "diary.txt": DIARY, "pixel.png": PIXEL}
    lamp, soup, diary, pixel = (upload(api, name, data) for name, data in files.items())
    large = api.uploads.upload_file_chunked(
        file=LONG.encode(), filename="long.txt", bytes=len(LONG), mime_type="text/plain", purpose="assistants"
    )
    assert large.file
    store = api.vector_stores.create(
        name="Papers", file_ids=[lamp], metadata={"k": "v"}, expires_after={"anchor": "last_active_at", "days": 9}
    ).id
    batch = api.vector_stores.file_batches.create_and_poll(
        store, files=[{"file_id": soup, "attributes": {"course": 1.5}}, {"file_id": large.file.id}]
    )
    assert batch.file_counts.completed == 2
    client.read(store)
    schema: Json = {"type": "object", "properties": {"z": {"type": "number"}, "a": {"type": "string", "default": ""}}}
    client.assistant = api.beta.assistants.create(
        model=MODEL,
        name="",
        instructions=LONG,
        temperature=0.5,
        tools=cast(
            Any,
            [
                ASK,
                {"type": "file_search"},
                {"type": "code_interpreter"},
                {"type": "function", "function": {"name": "other", "parameters": schema}},
            ],
        ),
        tool_resources={
            "file_search": {"vector_store_ids": [store]},
            "code_interpreter": {"file_ids": [lamp]},
        },
        metadata={"b": "1", "a": ""},
        extra_body={"functions": [GET_STOCK_PRICE], "configuration": {"small": 1e-7, "large": 10**40, "one": 1.0}},
    ).id

    # What is said: texts, pictures, attachments, a text that is kept in the bucket.
    content: Any = [
        {"type": "text", "text": SAID},
        {"type": "image_file", "image_file": {"file_id": pixel, "detail": "low"}},
    ]
    linked: Any = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    client.thread("linked", "bob", messages=[{"role": "user", "content": linked}])
    attachments: Any = [
        {"file_id": diary, "tools": [{"type": "file_search"}]},
        {"file_id": large.file.id, "tools": [{"type": "code_interpreter"}]},
    ]
    told = client.thread("told", messages=[{"role": "user", "content": content, "attachments": attachments}])
    resources = api.beta.threads.retrieve(told).tool_resources
    assert resources and resources.file_search and resources.file_search.vector_store_ids
    client.read(resources.file_search.vector_store_ids[0])
    kept = api.beta.threads.messages.create(told, role="user", content=f"{SAID} {LONG}")
    api.beta.threads.messages.update(kept.id, thread_id=told, metadata={"z": "1", "a": "2"})
    gone = api.beta.threads.messages.create(told, role="user", content="Delete me.")
    api.beta.threads.messages.delete(gone.id, thread_id=told)

    # What is done: each kind of step and each end of a run.
    worked = client.thread("worked")
    code = "open('/mnt/data/sum.csv', 'w').write('1')\nprint(6 * 7)"
    ends = {
        'call file_search {"query": "When is the lamp lit?"}': "completed",
        f"call code_interpreter {json.dumps({'code': code})}": "completed",
        'call get_stock_price {"symbol": "ACME"}': "completed",
        "say Once upon a time\ncut": "incomplete",
        "fail 400": "failed",
    }
    for text, status in ends.items():
        assert client.ask(worked, text).status == status, text
    waiting = client.ask(worked, 'call ask {"a": "Which colour does Ada like?"}', max_prompt_tokens=50_000)
    assert client.answer(waiting, f"Blue, says Ada Lovelace. {LONG}").status == "completed"
    waiting = client.ask(worked, "call ask {}")
    api.beta.threads.runs.cancel(waiting.id, thread_id=worked)
    assert client.ended(waiting).status == "cancelled"
    waiting = client.ask(worked, "call ask {}", extra_body={"expires_after": 1})
    assert client.ended(waiting).status == "expired"
    run = client.ask(worked, "say Noted.", metadata={"n": "1"}, instructions=LONG)
    api.beta.threads.runs.update(run.id, thread_id=worked, metadata={"n": "2"})
    streamed = client.thread("streamed", messages=[{"role": "user", "content": f"say {SAID}"}])
    with api.beta.threads.runs.stream(thread_id=streamed, assistant_id=client.assistant) as stream:
        stream.until_done()

    # A person more, and what was deleted: its usage stays.
    bob = client.thread("bob", "bob", messages=[{"role": "user", "content": "I am Bob."}])
    assert client.ask(bob, "say Hello Bob.").status == "completed"
    deleted = client.thread("deleted", "bob")
    assert client.ask(deleted, "say Gone.").status == "completed"
    api.beta.threads.delete(deleted)


def export(client: Client) -> list[Json]:
    """Return what a program saves that goes through the API: pages as the package gives them."""
    api = client.api
    pages: list[BaseModel] = [api.beta.assistants.list()]
    for thread in itertools.islice(client.threads.values(), 3):
        pages += [api.beta.threads.messages.list(thread, limit=100), api.beta.threads.runs.list(thread, limit=100)]
        for run in api.beta.threads.runs.list(thread, limit=100):
            pages.append(api.beta.threads.runs.steps.list(run.id, thread_id=thread))
    threads = [api.beta.threads.retrieve(name) for name in client.threads.values() if name != client.threads["deleted"]]
    return [each.model_dump(mode="json") for each in (*threads, *pages)]
