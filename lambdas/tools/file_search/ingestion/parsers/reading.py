"""Holds what every parser shares: the errors, the warnings and the limits of reading a file."""

from collections.abc import Callable

MAX_CHARACTERS = 24_000_000
"""Text beyond this is more than 5,000,000 tokens; reading goes no further."""

MAX_WARNINGS = 20
MAX_WARNING_CHARACTERS = 300

PICTURES = "Pictures in the file: {}. Text in pictures is not read."
FILES = "Files in the file: {}. They are not read; attach them by themselves."
ATTACHMENT = "The attachment {} was not read; attach it by itself."

Warn = Callable[[str], None]
"""Takes one sentence for the file's owner: what was not read, and why."""


class Unreadable(Exception):
    """The file can't be read; `code` is `unsupported_file` or `invalid_file`, `message` is for the caller."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class Warnings:
    """Collects a file's warnings: each once, in order, and no more than an item in the database should hold."""

    def __init__(self) -> None:
        self._seen: dict[str, None] = {}

    def __call__(self, message: str) -> None:
        """Add a warning."""
        if len(message) > MAX_WARNING_CHARACTERS:
            message = message[: MAX_WARNING_CHARACTERS - 1] + "…"
        self._seen[message.encode(errors="replace").decode()] = None

    def listed(self) -> list[str]:
        """Return the warnings; beyond `MAX_WARNINGS`, the last one says how many more there are."""
        messages = list(self._seen)
        if len(messages) <= MAX_WARNINGS:
            return messages
        return [*messages[: MAX_WARNINGS - 1], f"There are {len(messages) - MAX_WARNINGS + 1} more warnings."]
