"""Sets, shows and removes budgets: what the runs of a project or an assistant may use in a day (UTC).

    make budget [ENV=dev] [SAY="--project sales"]
    make budget [ENV=dev] SAY="set --tokens 1000000 --dollars 20"
    make budget [ENV=dev] SAY="set --assistant asst_... --dollars 2.50"
    make budget [ENV=dev] SAY="remove"

Without ENV it is the local stack's. Setting replaces what was set before, and holds from the next run on.
"""

import argparse
import os
import re
import time
from decimal import Decimal, InvalidOperation

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import ApiError
from assistant_engine.domain.project import DEFAULT_PROJECT
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.resources.usage import used_today
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from scripts import stack
from scripts.terminal import say, stop


def lines(store: Store, now_ms: Milliseconds) -> list[str]:
    """The project's budgets and what is used of them, a line for each."""
    shown = []
    for budget in store.usage.budgets():
        used = used_today(store, budget, now_ms)
        limits = []
        if budget.tokens is not None:
            limits.append(f"{used.usage.total_tokens:,} of {budget.tokens:,} tokens")
        if budget.cost is not None:
            limits.append(f"{(used.cost or 0) / NANODOLLARS:.4f} of {budget.cost / NANODOLLARS:.2f} US dollars")
        shown.append(f"{budget.assistant_id or 'project ' + store.project}: {' and '.join(limits)} used today")
    return shown or [f"Project {store.project} has no budget."]


def _dollars(text: str) -> int:
    """US dollars in billionths."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount of dollars")
    return int(amount * NANODOLLARS)


def _tokens(text: str) -> int:
    if not re.fullmatch(r"\d{1,15}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of tokens")
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    """What the command line says."""
    parser = argparse.ArgumentParser(description="What runs may use in a day (UTC).")
    parser.add_argument("command", nargs="?", choices=("show", "set", "remove"), default="show")
    parser.add_argument("--env", default="", help="the environment: dev, staging, prod; the local stack unless given")
    parser.add_argument("--project", default=DEFAULT_PROJECT)
    parser.add_argument("--assistant", help="of this assistant alone; of the whole project unless given")
    parser.add_argument("--tokens", type=_tokens, help="set: prompt and completion together")
    parser.add_argument("--dollars", type=_dollars, help="set: US dollars, by the price table")
    given = parser.parse_args(arguments)
    limits = given.tokens, given.dollars
    if (given.command == "set") == (limits == (None, None)):
        parser.error("set takes --tokens, --dollars or both, and nothing else does")
    try:
        os.environ.update(stack.find(given.env).variables)
        store = Store(given.project)
        if given.command == "set" and given.assistant:
            store.assistants.get(given.assistant)  # A typing error would be a budget of nobody.
        if given.command != "show":
            store.usage.set_budget(Budget(given.assistant, *limits))
        say("\n".join(lines(store, Milliseconds(int(time.time() * 1000)))))
    except (stack.StackNotFound, ApiError) as error:
        stop(str(error))


if __name__ == "__main__":
    main()
