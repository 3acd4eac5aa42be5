"""Follows a run in the terminal until it ends: `make watch RUN=run_... [THREAD=thread_...] [ENV=dev]`.

Without ENV the run is one of the local stack. RUN may also be the name or the ARN of the execution that drives it.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

from rich.console import Console

from assistant_engine.domain.lifecycle import TERMINAL
from assistant_engine.domain.run import Run
from assistant_engine.domain.usage import NANODOLLARS
from scripts import stack
from scripts.history import LOOK_SECONDS, follow
from scripts.recorded import Records, RunNotFound
from scripts.showing import COLOURS, Showing
from scripts.terminal import Terminal, plain, stop


def watch(records: Records, run: Run, console: Console) -> Run:
    """Show the run from its beginning until it ends; how it ended."""
    showing = Showing(console)
    errors = records.step_functions.exceptions
    console.print(f"{run.id} of {run.thread_id}, {plain(run.settings['model'])}")
    followed = set()
    while run.status not in TERMINAL or run.execution not in followed:
        if run.execution not in followed:
            try:
                for change in follow(records.step_functions, records.execution(run.execution)):
                    showing.show(change)
                    if change.entered and change.state == "requires_action":
                        _show_waiting(records, run, showing)
                followed.add(run.execution)
            except errors.ExecutionDoesNotExist:  # Not started yet, or lost: then the sweeper starts one.
                if run.status in TERMINAL:
                    break
                time.sleep(LOOK_SECONDS)
        else:
            time.sleep(LOOK_SECONDS)  # Its execution is gone: the sweeper settles it, or another one takes over.
        run = records.store.runs.get(run.thread_id, run.id)
    return run


def _show_waiting(records: Records, run: Run, showing: Showing) -> None:
    tools = records.store.steps.pending(records.store.runs.get(run.thread_id, run.id))
    for call in tools.unanswered(server=False) if tools else []:
        showing.tell("waits for", f"{call['function']['name']}({call['function']['arguments']})")


def summary(run: Run) -> str:
    """The run's end and what it used, in a line of markup."""
    used, cost = run.usage, run.account.cost
    told = run.last_error or run.incomplete_details
    return (
        f"[{COLOURS.get(run.status, 'cyan')}]{run.status}[/]: {run.turn} turns, {run.attempts} model calls,"
        f" {used.prompt_tokens} prompt and {used.completion_tokens} completion tokens"
        + (f", {dollars(cost)} US dollars" if cost is not None else "")
        + (f"; {plain(' '.join(map(str, told.values())))}" if told else "")
    )


def dollars(cost: int) -> str:
    """Billionths of a US dollar as dollars, to the digit."""
    return f"{cost / NANODOLLARS:.9f}".rstrip("0").rstrip(".")


def the_run(parser: argparse.ArgumentParser, work: Callable[[Records, Run, argparse.Namespace], None]) -> None:
    """Do something with the run that the command line names."""
    parser.add_argument("run", help="the run's id, or the execution that drives it")
    parser.add_argument("--thread", default="", help="the run's thread, where only the run's id is known")
    parser.add_argument("--env", default="", help="the environment: dev, staging, prod; the local stack unless given")
    given = parser.parse_args()
    try:
        found = stack.find(given.env)
        os.environ.update(found.variables)  # Where the store looks for its tables.
        records = Records(found)
        work(records, records.find(given.run, given.thread), given)
    except (stack.StackNotFound, RunNotFound) as error:
        stop(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def main() -> None:
    """Watch the run that the command line names."""
    console = Terminal(highlight=False, soft_wrap=True)

    def work(records: Records, run: Run, given: argparse.Namespace) -> None:
        console.print(summary(watch(records, run, console)))

    the_run(argparse.ArgumentParser(description="Follows a run until it ends."), work)


if __name__ == "__main__":
    main()
