"""Displays what a cell shows: pictures become files, everything else is printed as text."""

import base64
import io
import os
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from IPython.core.display import DisplayObject
from IPython.core.formatters import DisplayFormatter

_PICTURES = ("image/png", "image/jpeg")
_TEXTS = ("text/plain", "text/markdown", "text/latex", "application/json", "application/javascript", "image/svg+xml")


def configure(formatter: DisplayFormatter) -> None:
    """Have pictures of figures and images, and text of everything else."""
    formatter.active_types = ["text/plain", *_PICTURES]
    formatter.formatters["image/png"].for_type_by_name("matplotlib.figure", "Figure", _figure)
    plain = formatter.formatters["text/plain"]
    plain.for_type(DisplayObject, lambda value, printer, cycle: printer.text(_source(value)))
    plain.for_type_by_name(
        "pandas.io.formats.style", "Styler", lambda value, printer, cycle: printer.text(repr(value.data))
    )


def show(data: Mapping[str, Any]) -> None:
    """Keep a picture, or print a text: the best of what there is of a value, by its media type."""
    for kind in _PICTURES:
        if data.get(kind) and save(data[kind], kind):
            return
    for kind in _TEXTS:
        if kind in data:
            print(data[kind])
            return
    if "text/html" in data:
        print(_text_of(data["text/html"]))


def save(picture: bytes | str, kind: str = "image/png") -> bool:
    """Write a picture (its bytes, or these as Base64) where the runtime finds it; return whether that was possible."""
    content = picture if isinstance(picture, bytes) else base64.b64decode(picture)
    if kind != "image/png":
        from PIL import Image

        converted = io.BytesIO()
        try:
            Image.open(io.BytesIO(content)).save(converted, "PNG")
        except (OSError, ValueError):
            return False
        content = converted.getvalue()
    folder = Path(os.environ["SANDBOX_FIGURES"])
    (folder / f"figure-{len(list(folder.iterdir())) + 1:03}.png").write_bytes(content)
    return True


def _figure(figure: Any) -> bytes:
    from interpreter import figures

    return figures.drawn(figure)


def _source(value: DisplayObject) -> str:
    """Return the text that an object of `IPython.display` was made from."""
    data = getattr(value, "data", None)
    if not isinstance(data, str):
        return object.__repr__(value) if data is None else repr(data)
    return _text_of(data) if type(value).__name__ == "HTML" else data


class _Text(HTMLParser):
    """Collects the text between tags; rows and blocks are lines."""

    _LINES = frozenset(("br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "table", "tr"))
    _HIDDEN = frozenset(("script", "style"))

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[list[str]] = [[]]
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in self._HIDDEN
        if tag in self._LINES:
            self.lines.append([])

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in self._HIDDEN

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.lines[-1].append(data.strip())


def _text_of(html: str) -> str:
    reader = _Text()
    reader.feed(html)
    return "\n".join(" ".join(line) for line in reader.lines if line)
