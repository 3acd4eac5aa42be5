"""Writes to the operator's terminal: what comes from elsewhere is shown as text and can't command the terminal.

Models, tools, files and callers choose names and texts. An escape sequence in one could clear the screen, write into
the clipboard or change the window's title; a bidirectional control shows a text in another order than it has.
"""

import re
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 but newline and tab
    "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"  # what turns the direction, or ends a line
    "\ud800-\udfff]"  # what can't be written as UTF-8
)


def inert(text: str) -> str:
    """Return the text with its control characters spelled out (`\\x1b`), but for newlines and tabs."""
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def plain(text: str) -> str:
    """Return text from elsewhere as a part of markup that appears as it is."""
    return escape(inert(text))


def say(text: str, end: str = "\n") -> None:
    """Write a line to standard output."""
    print(inert(text), end=end, flush=True)


def stop(text: str, code: int = 1) -> NoReturn:
    """Write a line to standard error and exit with a code."""
    print(inert(text), file=sys.stderr, flush=True)
    sys.exit(code)


class Terminal(Console):
    """A console that prints nothing but inert text, also where a command forgets `plain`."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as `Console.print` does."""
        super().print(*(inert(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Make the segments of a table, say, whose cells hold text from elsewhere."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(inert(segment.text), segment.style)
