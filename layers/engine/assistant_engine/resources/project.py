"""A project as its keys see it: its settings, its budgets and what is used of them, and what is deployed for it."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import NANODOLLARS
from assistant_engine.resources.budgets import used_today
from assistant_engine.runtime.settings import Models, RunDefaults, SpeechFunction, configured
from assistant_engine.store import Store
from assistant_engine.store.usage import Budget, day_of
from assistant_engine.tools import registry


def described(store: Store, keys: Sequence[Json], now_ms: Milliseconds) -> Json:
    """`ProjectObject`: one read, and a query for each budget.

    Args:
        keys: the project's, `{"name", "created_at"}` of each.
    """
    settings = store.projects.settings()
    return {
        "object": "project",
        "name": store.project,
        "model": configured(Models).model,
        "run_expires_after": configured(RunDefaults).run_expires_after,
        "own_ids": settings.own_ids,
        "retention_days": settings.retention_days,
        "voice": bool(configured(SpeechFunction).speech_function_arn),
        "thread_busy": settings.thread_busy,
        "keys": [{"object": "api_key", **key} for key in keys],
        "budgets": [_budget(store, budget, now_ms) for budget in store.usage.budgets()],
    }


def _budget(store: Store, budget: Budget, now_ms: Milliseconds) -> Json:
    used = used_today(store, budget, now_ms)
    tokens, cost = used.usage.total_tokens, used.cost or 0
    tomorrow = date.fromisoformat(day_of(now_ms)) + timedelta(days=1)
    return {
        "object": "budget",
        "assistant_id": budget.assistant_id,
        "tokens": None if budget.tokens is None else {"limit": budget.tokens, "used": tokens},
        "dollars": None if budget.cost is None else {"limit": budget.cost / NANODOLLARS, "used": cost / NANODOLLARS},
        "resets_at": int(datetime.combine(tomorrow, time(), UTC).timestamp()),
    }


def functions() -> list[Json]:
    """Return the deployed functions (`DeployedFunction`), in the order of their names."""
    return [
        {
            "id": f"{module}/{tool['class_name']}.{name}",
            "object": "function",
            "module_name": module,
            "class_name": tool["class_name"],
            "function_name": name,
            **{field: function[field] for field in ("description", "parameters", "needs_approval")},
        }
        for module, tool in sorted(registry.deployed().items())
        for name, function in sorted(tool["functions"].items())
    ]
