"""Describes budgets: what the runs of a project or an assistant may use in a day (UTC)."""

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.resources.budgets import used_today
from assistant_engine.store import Store


def lines(store: Store, now_ms: Milliseconds) -> list[str]:
    """Return the project's budgets and what is used of them, a line for each."""
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
