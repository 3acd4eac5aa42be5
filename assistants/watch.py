"""Follows a run in the terminal until it ends."""

import time
from datetime import UTC, datetime

from rich.console import Console

from assistant_engine.domain.json_data import Json
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
    console.print(f"{run.id} of {run.thread_id}, {plain(answered_by(run))}")
    followed: set[str] = set()
    told = 0
    while run.status not in TERMINAL or run.execution not in followed:
        if run.execution not in followed:
            try:
                for change in follow(traces.step_functions, traces.execution(run.execution)):
                    progress.show(change)
                    if change.entered and change.state == "requires_action":
                        _show_waiting(traces, run, progress)
                    if change.entered and change.state in ("backoff", "failed"):
                        told = _show_failures(traces, run, progress, told)
                followed.add(run.execution)
            except errors.ExecutionDoesNotExist:  # Not started yet, or lost: then the sweeper starts one.
                if run.status in TERMINAL:
                    break
                time.sleep(LOOK_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)  # Its execution is gone: the sweeper settles it, or another one takes over.
        run = traces.store.runs.get(run.thread_id, run.id)
    return run


def answered_by(run: Run) -> str:
    """Return the model that a client asked for and, if another one answers, that one."""
    asked = str(run.settings["model"])
    return asked if run.model == asked else f"{asked}, answered by {run.model}"


def _show_waiting(traces: RunTraces, run: Run, progress: Progress) -> None:
    tools = traces.store.steps.pending(traces.store.runs.get(run.thread_id, run.id))
    for call in tools.unanswered(server=False) if tools else []:
        progress.tell("waits for", f"{call['function']['name']}({call['function']['arguments']})")


def _show_failures(traces: RunTraces, run: Run, progress: Progress, told: int) -> int:
    """Show the model calls that came to nothing after the attempt `told`; return the newest one's number."""
    for failure in traces.store.runs.get(run.thread_id, run.id).failed_attempts:
        if failure["attempt"] > told:
            told = failure["attempt"]
            progress.tell("failed", f"model call {described(failure)}")
    return told


def described(failure: Json) -> str:
    """Return a model call that came to nothing in words: number, status and reason, and when the next one comes."""
    status = f" answered {failure['status']}" if failure["status"] else ""
    following = failure["next_ms"]
    moment = f"{datetime.fromtimestamp(following / 1000, UTC):%H:%M:%S} UTC" if following else ""
    then = f"The next one comes at {moment}." if moment else "It is not tried again."
    return f"{failure['attempt']}{status}: {failure['reason']} {then}"


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
