"""docs/performance.md shows the figures that were measured, and they are what the project promises."""

import json

from bench import report
from bench.__main__ import RESULTS

FIGURES = json.loads(RESULTS.read_text())


def test_the_page_shows_the_figures_that_were_measured() -> None:
    shown = report.PAGE.read_text()
    assert report.page(FIGURES, shown) == shown


def test_the_figures_keep_what_is_promised() -> None:
    assert report.broken(FIGURES) == []
