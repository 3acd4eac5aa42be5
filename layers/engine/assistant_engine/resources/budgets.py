"""The budgets that new runs are held against."""

from dataclasses import replace

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import QuotaExceeded
from assistant_engine.domain.usage import NANODOLLARS, RunUsage
from assistant_engine.store import Idempotency, Store
from assistant_engine.store.usage import Budget, Total, day_of


def cost_of(total: Total) -> int:
    """Return what the runs and the speech of a total cost, in billionths of a US dollar."""
    return (total.account.cost or 0) + total.speech.speech_cost


def check_budgets(store: Store, assistant_id: str, now_ms: Milliseconds, idempotency: Idempotency | None) -> None:
    """Let a new run of the assistant through while its budgets last: one small query, and one more for each budget.

    What counts are the runs that have ended, and the speech, of today (UTC); those under way end whatever they take.

    Raises:
        QuotaExceeded: the assistant's or the project's budget of this day is used up.
        Replayed, Conflict: and the idempotency key was used before.
    """
    for budget in store.usage.budgets():
        if budget.assistant_id not in (None, assistant_id):
            continue
        if used_up := _used_up(budget, used_today(store, budget, now_ms)):
            if idempotency:
                store.check(idempotency)
            whose = f"assistant {budget.assistant_id}" if budget.assistant_id else f"project '{store.project}'"
            raise QuotaExceeded(
                f"The {whose} has used up its budget for {day_of(now_ms)}: {used_up}. "
                "New runs are taken again from 00:00 UTC.",
                code="insufficient_quota",
            )


def used_today(store: Store, budget: Budget, now_ms: Milliseconds) -> RunUsage:
    """Return what is used of a budget today."""
    today = day_of(now_ms)
    if budget.assistant_id:
        found = store.usage.of_assistant(budget.assistant_id, today, today)
    else:
        found = store.usage.of_project(today, today)
    total = sum(found, Total(today, 0, 0, RunUsage()))
    return replace(total.account, cost=cost_of(total))


def _used_up(budget: Budget, used: RunUsage) -> str | None:
    """Return which limit is reached, in words; None while none is."""
    tokens, cost = used.usage.total_tokens, used.cost or 0
    if budget.tokens is not None and tokens >= budget.tokens:
        return f"{tokens:,} of {budget.tokens:,} tokens"
    if budget.cost is not None and cost >= budget.cost:
        return f"{cost / NANODOLLARS:.4f} of {budget.cost / NANODOLLARS:.2f} US dollars"
    return None
