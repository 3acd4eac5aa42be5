"""The stack that everything is measured on: the very one that is deployed, on a metered embedded AWS of its own."""

import os
import shutil
import sys
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import openai

from bench.journal import Journal
from bench.model import Model
from layers.build import CACHE, build
from local import emulator, offline_model
from local import up as local
from local.down import down
from local.paths import ROOT

if TYPE_CHECKING:
    from assistant_engine.store import Store

DIRECTORY = ROOT / ".local" / "bench"
PORT = 4800

TEXT = "Thirty words of small talk, so that a message is about as long as those that people write. " * 3
STOCK_PRICE = {"module_name": "finance", "class_name": "Finance", "function_name": "get_stock_price"}
ASK = {"type": "function", "function": {"name": "ask", "parameters": {"type": "object", "properties": {}}}}


@dataclass(frozen=True)
class Stack:
    """The deployed stack, its model and what is known of both.

    `client` is of the `openai` package; `aws(service)` makes a boto3 client.
    """

    deployed: local.Local
    model: Model
    journal: Journal
    client: openai.OpenAI

    @cached_property
    def aws(self) -> Callable[[str], Any]:
        """Makes boto3 clients for the embedded AWS, each once: it takes a quarter of a second."""
        return cache(self.deployed.client)

    @cached_property
    def assistant(self) -> str:
        """An assistant with a function of the stack's, one of the client's, and both built-in tools; its id."""
        made = self.client.beta.assistants.create(
            model=self.deployed.model,
            tools=[ASK, {"type": "code_interpreter"}, {"type": "file_search"}],  # type: ignore[list-item]
            extra_body={"functions": [STOCK_PRICE]},
        )
        return made.id

    @cached_property
    def plain_assistant(self) -> str:
        """An assistant without tools; its id."""
        return self.client.beta.assistants.create(model=self.deployed.model).id

    @cached_property
    def store(self) -> "Store":
        """The engine's own store, to fill threads with."""
        from assistant_engine.domain.project import DEFAULT_PROJECT
        from assistant_engine.store.shared import store

        return store(DEFAULT_PROJECT)

    def thread(self, text: str) -> str:
        """A thread with one message; its id."""
        return self.client.beta.threads.create(messages=[{"role": "user", "content": text}]).id


def filled_thread(store: "Store", count: int) -> str:
    """A thread of so many messages, written as a client's would be, a transaction full at a time; its id."""
    from assistant_engine.domain import ids
    from assistant_engine.domain.clock import Milliseconds, seconds_of
    from assistant_engine.domain.message import new_message
    from assistant_engine.domain.thread import ThreadId, new_thread
    from assistant_engine.store.message_item import put_messages, stamp

    now = Milliseconds(int(time.time() * 1000))
    thread, _ = new_thread({}, ThreadId(f"thread_bench{uuid.uuid4().hex}"), now)
    store.threads.create(thread, [])
    message = new_message({"role": "user", "content": TEXT}, seconds_of(now))
    while count > 0:
        head = store.threads.get(thread.id)
        batch = stamp([message] * min(count, 90), head.next_ms(now), thread.id)
        newest = ids.milliseconds_of(batch[-1]["id"])
        advance = store.threads.advance(head, batch, newest)
        store.database.transact([advance, *put_messages(os.environ["MESSAGES_TABLE"], store.blobs, batch)])
        count -= len(batch)
    return thread.id


@contextmanager
def stack(step: Callable[[str], Any]) -> Iterator[Stack]:
    """Bring the stack up, and take it down afterwards."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    build("host")
    model = None
    try:
        emulator.start(DIRECTORY, port=PORT, metered=True)
        model = Model(offline_model.start(DIRECTORY))
        deployed = local.up(DIRECTORY, port=PORT, use_real_model=False, step=step, model_base_url=model.url)
        os.environ.update(deployed.settings, RUN_EXPIRES_AFTER="600")
        sys.path.insert(0, str(CACHE / "host" / "engine" / "python"))
        client = openai.OpenAI(
            base_url=deployed.settings["ASSISTANTS_BASE_URL"],
            api_key=deployed.settings["ASSISTANTS_API_KEY"],
            max_retries=5,
        )
        yield Stack(deployed, model, Journal(emulator.journal(DIRECTORY)), client)
    finally:
        if model:
            model.close()
        down(DIRECTORY)
        shutil.rmtree(DIRECTORY, ignore_errors=True)
