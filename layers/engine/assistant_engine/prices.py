"""What tokens cost, by the price table that the operator keeps (`cdk/prices.json`)."""

import json
import os
import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from assistant_engine.records import Usage

_NANODOLLARS_OF_A_TOKEN = 1_000
"""A price is in US dollars for a million tokens."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


def cost_of(model: str, usage: Usage) -> int | None:
    """What a run's usage costs, in billionths of a US dollar, rounded once; None for a model without a price.

    `MODEL_PRICES` is JSON, `{model: [input, cached input, output]}`, US dollars for a million tokens. A dated snapshot
    (`gpt-4.1-2025-04-14`) without a price of its own has its model's (`gpt-4.1`).
    """
    prices = _prices(os.environ.get("MODEL_PRICES") or "{}")
    price = prices.get(model) or prices.get(_SNAPSHOT.sub("", model))
    if price is None:
        return None
    uncached = usage.prompt_tokens - usage.cached_tokens
    tokens = (uncached, usage.cached_tokens, usage.completion_tokens)
    dollars = sum((each * count for each, count in zip(price, tokens, strict=True)), Decimal())
    return int((dollars * _NANODOLLARS_OF_A_TOKEN).to_integral_value(ROUND_HALF_UP))


@cache
def _prices(table: str) -> dict[str, tuple[Decimal, ...]]:
    models: dict[str, list[Decimal | int]] = json.loads(table, parse_float=Decimal)
    return {model: tuple(map(Decimal, each)) for model, each in models.items()}
