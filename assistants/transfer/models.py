"""Chooses the models of imported assistants: nearly every one that an export names is gone or going."""

import re
from dataclasses import dataclass, field
from datetime import date

from assistant_engine.domain.json_data import Json
from assistant_engine.domain.models import known

_RETIRED = re.compile(r"gpt-3|gpt-4(-|$)|gpt-4\.5|o1|chatgpt|text-|code-")
"""OpenAI's models that were switched off before there was the table of models."""

_REASONING = re.compile(r"(?:.*[/.])?(o[1-9]|gpt-(?:[5-9]|\d\d))")


@dataclass(frozen=True, slots=True)
class Models:
    """The operator's choice.

    Attributes:
        mapped: a model's name to that of the one that takes its place.
        default: for assistants that name none, and in place of those that are gone.
        today: what is gone by then counts as gone.
    """

    today: date
    mapped: dict[str, str] = field(default_factory=dict)
    default: str = ""

    def chosen(self, name: str | None) -> str:
        """Return the model in place of one that an assistant names; empty if there is none."""
        if name and name in self.mapped:
            return self.mapped[name]
        return self.default if not name or (self.default and self.is_gone(name)) else name

    def is_gone(self, name: str) -> bool:
        """Return whether a model is switched off, as far as is known."""
        entry = known(name)
        return entry.gone(self.today) if entry else _RETIRED.match(name) is not None


def fitted(settings: Json) -> list[str]:
    """Take out of an assistant's settings what its model refuses; the names of what was taken out.

    Reasoning models take no other `temperature` and `top_p` than 1, and others no `reasoning_effort`.
    """
    model = settings["model"]
    reasons = _REASONING.match(model) is not None and "chat" not in model
    dropped = [name for name in ("temperature", "top_p") if reasons and settings.get(name) not in (None, 1)]
    if not reasons and settings.get("reasoning_effort") is not None:
        dropped.append("reasoning_effort")
    for name in dropped:
        del settings[name]
    return dropped
