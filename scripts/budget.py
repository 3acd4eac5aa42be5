"""Sets, shows and removes budgets: what the runs of a project or an assistant may use in a day (UTC).

    python -m scripts.budget show --env dev [--project PROJECT]
    python -m scripts.budget set --env dev [--project PROJECT] [--assistant ID] [--tokens N] [--dollars N]
    python -m scripts.budget remove --env dev [--project PROJECT] [--assistant ID]

The same by make: `make budget ENV=dev SAY="set --tokens 1000000"`. Without an environment it is the local stack's.
Setting replaces what was set before, and holds from the next run on.
"""

import argparse
import os
import re
import sys
import time
from decimal import Decimal, InvalidOperation

from assistant_engine.errors import ApiError
from assistant_engine.ids import is_id
from assistant_engine.records import DEFAULT_PROJECT, NANODOLLARS
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget
from assistant_engine.usage import used_today
from scripts import stack


def lines(store: Store, now_ms: int) -> list[str]:
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
    parser = argparse.ArgumentParser(description="What runs may use in a day.")
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("show", "show the budgets of a project, and what is used of them today"),
        ("set", "set what may be used in a day; new runs are refused once it is"),
        ("remove", "remove a budget"),
    ):
        subparser = commands.add_parser(command, help=text)
        subparser.add_argument("--env", default="", help="dev, staging, prod; the local stack unless given")
        subparser.add_argument("--project", default=DEFAULT_PROJECT)
        if command != "show":
            subparser.add_argument("--assistant", help="of this assistant alone; of the whole project unless given")
        if command == "set":
            subparser.add_argument("--tokens", type=_tokens, help="prompt and completion together")
            subparser.add_argument("--dollars", type=_dollars, help="US dollars, by the price table")
    given = parser.parse_args(arguments)
    if given.command == "set" and given.tokens is None and given.dollars is None:
        parser.error("say --tokens, --dollars or both")
    try:
        os.environ.update(stack.find(given.env).variables)
        store = Store(given.project)
        if given.command != "show":
            if given.assistant is not None:
                if not is_id(given.assistant):
                    sys.exit("That is no assistant's id.")
                store.assistants.get(given.assistant)
            limits = (given.tokens, given.dollars) if given.command == "set" else (None, None)
            store.usage.set_budget(Budget(given.assistant, *limits))
        print("\n".join(lines(store, int(time.time() * 1000))))
    except (stack.StackNotFound, ApiError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
