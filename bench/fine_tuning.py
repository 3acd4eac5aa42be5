"""Measures an export for fine-tuning on an embedded AWS: `python -m bench.fine_tuning 10000`.

Each run is on a thread of its own: a question, a call of a function with its output, and an answer. One run is written
as the engine writes it, the others are copies of its items with ids of their own. It prints the time, the processor
time of the process that does what the function does, and its memory.
"""

import json
import resource
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import boto3
import pytest
from boto3.dynamodb.conditions import Key

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.fine_tuning import exports
from assistant_engine.fine_tuning.writing import write
from assistant_engine.store import Store
from assistant_engine.store.expressions import query
from assistant_engine.store.items import marshal
from tests.support import contents, tables

BATCH = 25


def measure(runs: int) -> None:
    """Export so many runs and print what it took."""
    folder = Path(tempfile.mkdtemp())
    with tables.running(folder / "emulator"), pytest.MonkeyPatch.context() as patch:
        contents.configure(patch)
        variables = tables.make("bench")
        store = tables.use(patch, variables)
        assistant = contents.assistant(store, instructions="Answer in one sentence.")
        patch.setattr(contents, "LONG", "word " * 100)
        run = contents.thread_with_run(store, assistant["id"], "ada", "What is three plus four?")
        assert run.ended_ms
        _copy(store, variables, run.thread_id, assistant["id"], runs - 1)
        end = run.ended_ms // 1000 + 60
        asked = exports.create(store, {"assistant_id": assistant["id"], "end_at": end}, contents.NOW_MS)
        began, busy = time.monotonic(), time.process_time()
        made = write(store, asked["id"], 90)
        took, busy = time.monotonic() - began, time.process_time() - busy
        assert made["counts"]["examples"] == runs, made["counts"]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"{runs:,} runs in {took:.0f} s, {busy:.0f} s of them on the processor; at most {peak} MB of memory")


def _copy(store: Store, variables: dict[str, str], thread_id: str, assistant_id: str, count: int) -> None:
    """Write the items of a thread again, under other ids."""
    client = boto3.client("dynamodb")
    parts = (("MESSAGES_TABLE", "thread_id", thread_id), ("THREADS_TABLE", "assistant_id", assistant_id))
    for variable, key, value in parts:
        table = variables[variable]
        items = list(store.database.query_all(query(table, Key(key).eq(value))))
        made = (_renamed(item, thread_id, number) for number in range(count) for item in items)
        while batch := list(islice(made, BATCH)):
            client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": marshal(item)}} for item in batch]})


def _renamed(item: Json, thread_id: str, number: int) -> Json:
    new = ids.new_id("thread_", Milliseconds(contents.NOW_MS + number), seed=f"bench {number}")
    renamed: Json = json.loads(json.dumps(item).replace(thread_id, new))
    return renamed


if __name__ == "__main__":
    measure(int(sys.argv[1]))
