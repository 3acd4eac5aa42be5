"""docs/performance.md and the README show the figures that were measured, and these are of what they name."""

import json
import resource
from pathlib import Path

from bench import extraction, report
from bench.__main__ import RESULTS
from layers.build import CACHE


def test_the_pages_show_the_figures_that_were_measured() -> None:
    results = json.loads(RESULTS.read_text())
    for path, blocks in report.pages(results).items():
        shown = path.read_text()
        assert report.filled(shown, blocks) == shown


def test_figures_of_several_days_name_the_first_and_the_last() -> None:
    machine = next(iter(json.loads(RESULTS.read_text()).values()))["machine"]
    parts = {day: {"machine": {**machine, "date": f"2026-01-0{day}"}} for day in "213"}
    assert report.measured_on(parts).startswith("2026-01-01 to 2026-01-03: ")
    assert report.measured_on({"2": parts["2"]}).startswith("2026-01-02: ")


def test_a_reader_s_memory_is_its_own(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("Some words.")
    read = extraction.read(file, extraction.PROGRAM, CACHE / "host" / "parsers" / "python")
    assert read["text"] and not read["died"] and read["cpu"] > 0
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert 5 < read["memory_mb"] < own / 2
