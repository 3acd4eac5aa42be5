"""Reads what a person sets for the local stack: variables of the environment, or lines of a `.env` file."""

import os

from assistants import private
from local.paths import ROOT


def settings() -> dict[str, str]:
    """Return all variables by name; the environment's come first, and empty ones count as unset."""
    found = {}
    file = ROOT / ".env"
    if file.is_file():
        private.close(file)
    for line in file.read_text().splitlines() if file.is_file() else []:
        name, separator, value = line.partition("=")
        if separator and not line.lstrip().startswith("#"):
            found[name.strip().removeprefix("export ")] = value.strip().strip("'\"")
    found.update((name, value) for name, value in os.environ.items() if value)
    return {name: value for name, value in found.items() if value}
