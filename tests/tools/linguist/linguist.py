"""A tool for tests: it has a package and a module of its own, and no `tool.toml`."""

from typing import Any

import inflection
import words

from assistant_engine import tool

print("What a module prints while it is imported is no description.")


class Linguist:
    """No `configuration`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        pass

    def pluralise(self, word: words.Word) -> str:
        """Give the plural of a word."""
        return str(inflection.pluralize(word))


handler = tool.handler(Linguist)
