"""Follows a run in the terminal until it ends."""

import time

from rich.console import Console

from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import NANODOLLARS
from assistants.history import LOOK_SECONDS, follow
from assistants.progress import COLOURS, Progress
from assistants.run_trace import RunTraces
from assistants.terminal import plain


def watch(traces: RunTraces, run: Run, console: Console) -> Run:
    """Show the run from its beginning until it ends, and return it as it ended."""
    progress = Progress(console)
    errors = traces.step_functions.exceptions
    console.print(f"{run.id} of {run.thread_id}, {plain(run.settings['model'])}")
    followed = set()
    while run.status not in TERMINAL or run.execution not in followed:
        if run.execution not in followed:
            try:
                for change in follow(traces.step_functions, traces.execution(run.execution)):
                    progress.show(change)
                    if change.entered and change.state == "requires_action":
                        _show_waiting(traces, run, progress)
                followed.add(run.execution)
            except errors.ExecutionDoesNotExist:  # Not started yet, or lost: then the sweeper starts one.
                if run.status in TERMINAL:
                    break
                time.sleep(LOOK_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)  # Its execution is gone: the sweeper settles it, or another one takes over.
        run = traces.store.runs.get(run.thread_id, run.id)
    return run


def _show_waiting(traces: RunTraces, run: Run, progress: Progress) -> None:
    tools = traces.store.steps.pending(traces.store.runs.get(run.thread_id, run.id))
    for call in tools.unanswered(server=False) if tools else []:
        progress.tell("waits for", f"{call['function']['name']}({call['function']['arguments']})")


def summary(run: Run) -> str:
    """Return the run's end and what it used, in a line of markup."""
    used, cost = run.usage, run.account.cost
    told = run.last_error or run.incomplete_details
    return (
        f"[{COLOURS.get(run.status, 'cyan')}]{run.status}[/]: {run.turn} turns, {run.attempts} model calls,"
        f" {used.prompt_tokens} prompt and {used.completion_tokens} completion tokens"
        + (f", {dollars(cost)} US dollars" if cost is not None else "")
        + (f"; {plain(' '.join(map(str, told.values())))}" if told else "")
    )


def dollars(cost: int) -> str:
    """Return billionths of a US dollar as dollars, to the digit."""
    return f"{cost / NANODOLLARS:.9f}".rstrip("0").rstrip(".")
