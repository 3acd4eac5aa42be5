"""Shows what was used, day by day."""

import click

from assistant_engine.resources.usage_report import report
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistants import stack, usage
from assistants.commands import options
from assistants.terminal import Terminal


@click.group("usage", cls=options.UsualVerb)
def group() -> None:
    """Show tokens, calls, time and money, day by day."""


@group.command("show")
@options.project
@click.option("--thread", "thread_id", metavar="ID", help="Of this thread alone.")
@click.option("--assistant", "assistant_id", metavar="ID", help="Of this assistant alone.")
@click.option(
    "--user", "user_id", metavar="ID", help="Of this user alone: a user_id in the metadata of runs or threads."
)
@click.option("--from", "start_date", type=options.Day(), help="The first day (UTC); 29 days before the last one.")
@click.option("--to", "end_date", type=options.Day(), help="The last day (UTC); today.")
@options.environment
def show(environment: str, project: str, **given: str | None) -> None:
    """Show what the runs of a project took that ended on each day.

    The figures of a day are exact once its runs have ended.
    """
    asked = {name: value for name, value in given.items() if value is not None}
    of = [name for name in ("thread_id", "assistant_id", "user_id") if name in asked]
    if len(of) > 1:
        raise click.UsageError("--thread, --assistant and --user exclude each other", click.get_current_context())
    stack.use(environment)
    told = report(Store(project), asked, now_ms())
    whose = asked[of[0]] if of else "all"
    console = Terminal(highlight=False, width=usage.WIDTH)
    console.print(usage.table(told, f"Usage of project {project}, {whose}, {told['start_date']} to {told['end_date']}"))
    if unpriced := told["total"]["unpriced_runs"]:
        console.print(
            f"* Without what {unpriced:,} runs cost: the table of models has no price for theirs (docs/usage.md)."
        )
