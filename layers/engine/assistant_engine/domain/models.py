"""Knows the models: their prices, and when their provider switches them off.

`models.json` is the one table, which the operator keeps (docs/usage.md).
"""

import json
import re
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import Usage

TABLE = Path(__file__).with_name("models.json")

_NANODOLLARS_OF_A_TOKEN = 1_000
"""A price is in US dollars for a million tokens."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class Prices(NamedTuple):
    """US dollars for a million tokens.

    Attributes:
        above: they hold for calls whose prompt has more tokens than that.
        input: of the prompt, for all that is neither of the next two.
        cached_input: for what the provider had in its cache.
        cache_write: for what the provider put into its cache.
    """

    above: int
    input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    output: Decimal


class Model(NamedTuple):
    """An entry of the table.

    Attributes:
        prices: the usual ones first, then those of longer prompts, which hold for the whole call.
        shutdown_date: the first day without the model; None while none is announced.
    """

    prices: tuple[Prices, ...]
    shutdown_date: date | None

    def gone(self, today: date) -> bool:
        """Return whether the provider has switched it off by `today`."""
        return self.shutdown_date is not None and self.shutdown_date <= today


def known(name: str) -> Model | None:
    """The table's entry of a model. A dated snapshot (`gpt-4.1-2025-04-14`) without one has its model's (`gpt-4.1`)."""
    models = table()
    return models.get(name) or models.get(_SNAPSHOT.sub("", name))


def cost_of(model: str, usage: Usage) -> int | None:
    """Return what one model call costs, in billionths of a US dollar, rounded once; None for a model without a price.

    Args:
        usage: of this call alone: its prompt's length decides which prices hold.
    """
    entry = known(model)
    if entry is None:
        return None
    price = next(each for each in reversed(entry.prices) if usage.prompt_tokens > each.above or not each.above)
    plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
    dollars = (
        price.input * plain
        + price.cached_input * usage.cached_tokens
        + price.cache_write * usage.cache_write_tokens
        + price.output * usage.completion_tokens
    )
    return int((dollars * _NANODOLLARS_OF_A_TOKEN).to_integral_value(ROUND_HALF_UP))


def aliases_of(text: str) -> list[tuple[str, str]]:
    """Return the aliases of a deployment: patterns of names that clients send, and the model that answers for each.

    Args:
        text: `gpt-4o=llama3.2,gpt-4*=llama3.1:70b,*=llama3.2`, as the setting `model_aliases` has it. In a pattern, `*`
            stands for any characters.

    Raises:
        ValueError: an entry has no name on one of its sides.
    """
    found = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        pattern, _, model = (part.strip() for part in entry.partition("="))
        if not pattern or not model:
            raise ValueError(f"{entry!r} is not of the form name=model")
        found.append((pattern, model))
    return found


def answering(name: str, aliases: str) -> str:
    """Return the model that answers for a name: of the first alias that fits it, or else the model of that name."""
    return next((model for pattern, model in aliases_of(aliases) if fnmatchcase(name, pattern)), name)


@cache
def table() -> dict[str, Model]:
    """The models by name, in the order of the file."""
    entries: dict[str, Json] = json.loads(TABLE.read_text(), parse_float=Decimal)
    return {name: _model(entry) for name, entry in entries.items()}


def _model(entry: Json) -> Model:
    ends = entry["shutdown_date"]
    tiers = [_prices(0, entry), *(_prices(tier["above"], tier) for tier in entry["long_context"])]
    return Model(tuple(tiers), date.fromisoformat(ends) if ends else None)


def _prices(above: int, entry: Json) -> Prices:
    # Where writing into the cache has no price of its own, it is ordinary input.
    write = entry["input"] if entry["cache_write"] is None else entry["cache_write"]
    return Prices(above, *map(Decimal, (entry["input"], entry["cached_input"], write, entry["output"])))
