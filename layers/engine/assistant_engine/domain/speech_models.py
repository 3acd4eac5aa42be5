"""Knows the prices of models that hear and speak: `speech_models.json`, which the operator keeps (docs/voice.md)."""

import json
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.usage import NANODOLLARS, SpeechUsage

TABLE = Path(__file__).with_name("speech_models.json")

_UNITS = {"minute": 60, "million_characters": 1_000_000}
"""Of how many seconds, or characters, each price is."""


def heard(model: str, seconds: int) -> SpeechUsage:
    """Return the usage of so much sound; a model without a price costs nothing."""
    return SpeechUsage(audio_seconds=seconds, speech_cost=_cost(model, "minute", seconds))


def spoken(model: str, characters: int) -> SpeechUsage:
    """Return the usage of so much text; a model without a price costs nothing."""
    return SpeechUsage(speech_characters=characters, speech_cost=_cost(model, "million_characters", characters))


def _cost(model: str, unit: str, amount: int) -> int:
    price = _table().get(model, {}).get(unit, 0)
    return int((Decimal(price) * amount / _UNITS[unit] * NANODOLLARS).to_integral_value(ROUND_HALF_UP))


@cache
def _table() -> Json:
    table: Json = json.loads(TABLE.read_text(), parse_float=Decimal)
    return table
