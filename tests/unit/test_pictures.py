"""The picture of the demo is one of a whole run."""

from local.paths import ROOT


def test_the_picture_of_the_demo_shows_a_whole_run_and_loads_nothing() -> None:
    text = (ROOT / "docs" / "demo.svg").read_text()
    shown = [text.find(status) for status in ("queued", "in_progress", "completed")]
    assert -1 < shown[0] < shown[1] < shown[2]
    assert "url(http" not in text
