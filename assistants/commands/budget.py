"""Sets, shows and removes budgets."""

import re
from decimal import Decimal, InvalidOperation

import click

from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.runtime.clock import now_ms
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from assistants import budgets, stack
from assistants.commands import options
from assistants.terminal import say


class Dollars(click.ParamType[int]):
    """An amount of US dollars; as billionths."""

    name = "AMOUNT"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the amount."""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount of dollars", param, ctx)
        return int(amount * NANODOLLARS)


class Tokens(click.ParamType[int]):
    """A number of tokens."""

    name = "NUMBER"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        if not re.fullmatch(r"\d{1,15}", value):
            self.fail(f"{value!r} is not a number of tokens", param, ctx)
        return int(value)


assistant = click.option(
    "--assistant", metavar="ID", help="Of this assistant alone; of the whole project unless given."
)


@click.group("budget", cls=options.UsualVerb, short_help="Limit what runs may use in a day.")
def group() -> None:
    """Limit what the runs of a project or an assistant may use in a day (UTC)."""


@group.command("show")
@options.project
@options.environment
def show(project: str, environment: str) -> None:
    """Show the project's budgets and what is used of them today."""
    stack.use(environment)
    _show(Store(project))


@group.command("set")
@click.option("--tokens", type=Tokens(), help="Prompt and completion tokens together.")
@click.option("--dollars", type=Dollars(), help="US dollars, by the price table.")
@assistant
@options.project
@options.environment
def set_(tokens: int | None, dollars: int | None, assistant: str | None, project: str, environment: str) -> None:
    """Set a budget of tokens, of dollars or of both; it holds from the next run on.

    It replaces the budget that was set before.
    """
    if tokens is None and dollars is None:
        raise click.UsageError("Give --tokens, --dollars or both", click.get_current_context())
    stack.use(environment)
    store = Store(project)
    if assistant:
        store.assistants.get(assistant)  # A typing error would be a budget of nobody.
    store.usage.set_budget(Budget(assistant, tokens, dollars))
    _show(store)


@group.command("remove")
@assistant
@options.project
@options.environment
def remove(assistant: str | None, project: str, environment: str) -> None:
    """Remove a budget."""
    stack.use(environment)
    store = Store(project)
    store.usage.set_budget(Budget(assistant, None, None))
    _show(store)


def _show(store: Store) -> None:
    say("\n".join(budgets.lines(store, now_ms())))
