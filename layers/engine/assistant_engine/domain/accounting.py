"""Accounts for a run: tokens, calls, time and money, from its record alone.

A turn's account is written with the turn, the final one with the run's end, so neither is lost nor counted twice.
"""

from dataclasses import replace

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.models import cost_of
from assistant_engine.domain.run import Run
from assistant_engine.domain.turn import ToolStep, Turn
from assistant_engine.domain.usage import RunUsage, Usage


def with_turn(run: Run, turn: Turn, tools: ToolStep | None, model_ms: int) -> RunUsage:
    """A run's account once a turn is stored.

    Args:
        tools: the step of the turn before, whose outputs the model has read.
        model_ms: how long the model took for this turn.
    """
    account = run.account
    cost = cost_of(run.model, turn.usage)
    return replace(
        account,
        usage=account.usage + turn.usage,
        model_calls=account.model_calls + 1,
        tool_calls=account.tool_calls + len(turn.calls),
        model_ms=account.model_ms + model_ms,
        tool_ms=account.tool_ms + busy_ms(tools),
        # Each call has a price of its own: that of a long prompt holds for the whole of it.
        cost=None if cost is None else (account.cost or 0) + cost,
    )


def without_turn(run: Run, tools: ToolStep | None, now_ms: Milliseconds) -> RunUsage:
    """A run's account when it ends without a further turn: with what it was waiting for.

    Args:
        tools: the step of the newest turn.
    """
    account = run.account
    return replace(
        account,
        model_ms=account.model_ms + (max(0, now_ms - run.asked_ms) if run.asked_ms else 0),
        tool_ms=account.tool_ms + busy_ms(tools),
        client_ms=account.client_ms + (max(0, now_ms - run.waiting_ms) if run.waiting_ms else 0),
    )


def closed(run: Run, account: RunUsage, now_ms: Milliseconds) -> RunUsage:
    """The account of a run that ends now, with the engine's share of its time. Without model calls it costs nothing."""
    known = account.model_ms + account.tool_ms + account.client_ms
    engine_ms = max(0, now_ms - run.created_ms - known)
    cost = account.cost if account.model_calls else cost_of(run.model, Usage())
    return replace(account, engine_ms=engine_ms, cost=cost)


def busy_ms(tools: ToolStep | None) -> int:
    """Return how long tools of the stack worked on a turn's calls, each moment counted once.

    A tool that died told nothing.
    """
    outputs = tools.outputs.values() if tools else ()
    busy, until = 0, 0
    for began, ended in sorted((each["began_ms"], each["ended_ms"]) for each in outputs if "ended_ms" in each):
        busy += max(0, ended - max(began, until))
        until = max(until, ended)
    return busy
