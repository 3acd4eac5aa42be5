"""Measures an import of flat messages on an embedded AWS: `python -m bench.imports 100000`.

The messages are in threads of 1,000, ten to a second. It prints the rate, and the memory of the process for a tenth and
for all of them.
"""

import json
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import pytest

from assistant_engine.domain.clock import Seconds
from assistants.transfer import importing
from assistants.transfer.models import Models
from assistants.transfer.openai_export import Collector
from assistants.transfer.report import Report
from assistants.transfer.staging import Staging
from tests.support import tables

THREAD = 1_000
WORDS = "What was said in the thread, in about as many words as people use. " * 3


def measure(messages: int) -> None:
    """Import so many messages and print what it took."""
    folder = Path(tempfile.mkdtemp())
    with tables.running(folder / "emulator"), pytest.MonkeyPatch.context() as patch:
        store = tables.use(patch, tables.make("bench"))
        for size in (messages // 10, messages):
            path = folder / f"{size}.ndjson"
            with path.open("w") as file:
                for number in range(size):
                    file.write(json.dumps(_line(number, size)) + "\n")
            began = time.monotonic()
            report = Report(folder / "report.jsonl")
            with Staging() as staging:
                Collector(staging, report).read([path])
                importing.write(
                    staging,
                    importing.Target(store, Seconds(int(time.time())), Models(date.today())),
                    report,
                    lambda _: None,
                )
            took = time.monotonic() - began
            report.close()
            assert report.counts["thread.message", "new"] == size
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{size:,} messages in {took:.0f} s: {size / took:,.0f} a second; at most {peak} MB of memory so far")


def _line(number: int, size: int) -> dict[str, object]:
    return {
        "thread_id": f"thread_{size}_{number // THREAD}",
        "assistant_id": "asst_bench",
        "message_id": f"msg_{size}_{number}",
        "role": "assistant" if number % 2 else "user",
        "text": f"{number}: {WORDS}",
        "created_at": 1_700_000_000 + number // 10,
    }


if __name__ == "__main__":
    measure(int(sys.argv[1]))
