"""docs/performance.md and the README show the figures that were measured."""

import json

from bench import report
from bench.__main__ import RESULTS


def test_the_pages_show_the_figures_that_were_measured() -> None:
    results = json.loads(RESULTS.read_text())
    for path, blocks in report.pages(results).items():
        shown = path.read_text()
        assert report.filled(shown, blocks) == shown
