"""Draws docs/lifecycle.svg from the table of allowed transitions: `make docs`.

The places of the statuses are chosen here; the arrows come from `assistant_engine.domain.lifecycle.TRANSITIONS`.
"""

import math
from pathlib import Path

from assistant_engine.domain.lifecycle import TERMINAL, TRANSITIONS
from assistant_engine.domain.run import Status

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "lifecycle.svg"
WIDTH, HEIGHT = 940, 430
BOX_WIDTH, BOX_HEIGHT = 132, 40
PLACES: dict[Status, tuple[int, int]] = {
    "queued": (90, 120),
    "in_progress": (400, 120),
    "requires_action": (90, 280),
    "cancelling": (400, 370),
    "completed": (850, 40),
    "incomplete": (850, 120),
    "failed": (850, 200),
    "expired": (850, 280),
    "cancelled": (850, 370),
}
COLOURS = {"completed": "#1a7f37", "incomplete": "#9a6700", "failed": "#cf222e", "expired": "#cf222e"}


def picture() -> str:
    """The picture as SVG text."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="14" role="img" aria-label="The lifecycle of a run">',
        '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#57606a"/></marker></defs>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        '<circle cx="90" cy="40" r="7" fill="#24292f"/>',
        _line((90, 47), (90, 120 - BOX_HEIGHT / 2)),
    ]
    parts += [_arrow(source, status) for source, following in TRANSITIONS.items() for status in following]
    parts += [_box(status) for status in PLACES]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _box(status: Status) -> str:
    x, y = PLACES[status]
    colour = COLOURS.get(status, "#0969da" if status not in TERMINAL else "#57606a")
    border = 3 if status in TERMINAL else 1.5
    return (
        f'<g><rect x="{x - BOX_WIDTH / 2}" y="{y - BOX_HEIGHT / 2}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"'
        f' fill="#f6f8fa" stroke="{colour}" stroke-width="{border}"/>'
        f'<text x="{x}" y="{y + 5}" text-anchor="middle" fill="#24292f">{status}</text></g>'
    )


def _arrow(source: Status, status: Status) -> str:
    # There and back between two statuses: two lines side by side.
    shift = 14 if source in TRANSITIONS[status] else 0
    (x1, y1), (x2, y2) = PLACES[source], PLACES[status]
    angle = math.atan2(y2 - y1, x2 - x1)
    dx, dy = -math.sin(angle) * shift, math.cos(angle) * shift
    return _line(_edge(x1 + dx, y1 + dy, angle), _edge(x2 + dx, y2 + dy, angle + math.pi))


def _edge(x: float, y: float, angle: float) -> tuple[float, float]:
    """Return where a ray from the middle of a box leaves it."""
    cos, sin = math.cos(angle), math.sin(angle)
    reach = min(
        BOX_WIDTH / 2 / abs(cos) if abs(cos) > 1e-9 else math.inf,
        BOX_HEIGHT / 2 / abs(sin) if abs(sin) > 1e-9 else math.inf,
    )
    return x + cos * reach, y + sin * reach


def _line(start: tuple[float, float], end: tuple[float, float]) -> str:
    return (
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
        ' stroke="#57606a" stroke-width="1.2" marker-end="url(#arrow)"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(picture())
    print(f"wrote {PICTURE.relative_to(ROOT)}")
