"""The list of runs that the command line prints."""

import io
from dataclasses import replace

from assistant_engine.domain.thread import ThreadId
from assistants.run_list import WIDTH, table
from assistants.terminal import Terminal
from tests.support.streamed_run import RUN


def test_no_id_of_a_listed_run_is_cut() -> None:
    names = [f"{prefix}_{'x' * (128 - len(prefix) - 1)}" for prefix in ("run", "thread", "asst")]
    brought = replace(RUN, id=names[0], thread_id=ThreadId(names[1]), assistant_id=names[2], project="p" * 64)
    output = io.StringIO()
    Terminal(file=output, highlight=False, width=WIDTH).print(table([RUN, brought]))
    _, _, ours, theirs = [line for line in output.getvalue().splitlines() if line.strip()]
    assert {RUN.id, RUN.thread_id, RUN.assistant_id} <= set(ours.split())
    assert {*names, brought.project} <= set(theirs.split())
