"""Lists runs, follows one, and shows what is recorded and logged of it."""

from pathlib import Path

import click

from assistant_engine.domain.run import Run
from assistant_engine.store import Store
from assistants import log_lines, report, run_list, stack, watch
from assistants.commands import options
from assistants.run_trace import RunTraces
from assistants.terminal import Terminal, say

THE_RUN = """RUN is the run's id, or the name or ARN of the execution that drives it; --last is the newest one. A run
that another AWS service asked for needs --thread if only its id is known."""

run_argument = click.argument("name", metavar="RUN", required=False, default="")
last = click.option("--last", is_flag=True, help="The newest run, of those that are under way or ended today.")
thread = click.option("--thread", "thread_id", default="", metavar="ID", help="The run's thread.")


def chosen(traces: RunTraces, name: str, thread_id: str, last: bool) -> Run:
    """Return the run that a command's arguments name."""
    if bool(name) == last:
        raise click.UsageError("Name a run, or say --last", click.get_current_context())
    return run_list.last(traces.store, thread_id) if last else traces.find(name, thread_id)


@click.group("runs", short_help="List runs, follow one, and show what is known of it.")
def group() -> None:
    """List runs, follow one, and show what is recorded and logged of it."""


@group.command("list")
@click.option("--thread", "thread_id", default="", metavar="ID", help="The runs of this thread, whenever they ended.")
@click.option("--day", type=options.Day(), help="The runs that ended on this day (UTC).")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="The newest so many.")
@options.environment
def list_(thread_id: str, day: str | None, limit: int, environment: str) -> None:
    """List the runs that are under way and those that ended today, of every project, the newest first."""
    if thread_id and day:
        raise click.UsageError("--thread and --day exclude each other", click.get_current_context())
    stack.use(environment)
    runs = run_list.newest(Store(), limit, thread_id=thread_id, day=day)
    Terminal(highlight=False, width=run_list.WIDTH).print(run_list.table(runs) if runs else "There are none.")


@group.command("watch", epilog=THE_RUN)
@run_argument
@last
@thread
@options.environment
def watch_(name: str, last: bool, thread_id: str, environment: str) -> None:
    """Follow RUN until it ends: its statuses, its calls and what came back."""
    traces = RunTraces(stack.use(environment))
    console = Terminal(highlight=False, soft_wrap=True)
    console.print(watch.summary(watch.watch(traces, chosen(traces, name, thread_id, last), console)))


@group.command("report", epilog=THE_RUN)
@run_argument
@last
@thread
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help=f"The file; {report.FOLDER}/<run>.html unless given."
)
@options.environment
def report_(name: str, last: bool, thread_id: str, out: Path | None, environment: str) -> None:
    """Write what is recorded of RUN as one HTML file, and say where it is.

    The file loads nothing from anywhere. It holds what was said, so it is as confidential as the conversation.
    """
    traces = RunTraces(stack.use(environment))
    say(str(report.write(traces, chosen(traces, name, thread_id, last), out)))


@group.command("logs", epilog=THE_RUN)
@run_argument
@last
@thread
@options.environment
def logs(name: str, last: bool, thread_id: str, environment: str) -> None:
    """Print every log line about RUN, whichever part of the stack wrote it, oldest first (UTC)."""
    found = stack.use(environment)
    run = chosen(RunTraces(found), name, thread_id, last)
    for line in log_lines.of_run(found, run):
        say(line)
