"""The pictures that are drawn from the code are the committed ones."""

from local.paths import ROOT
from scripts import lifecycle_picture


def test_the_picture_of_the_lifecycle_is_up_to_date() -> None:
    assert lifecycle_picture.PICTURE.read_text() == lifecycle_picture.picture(), "run `make docs`"


def test_the_picture_of_the_demo_shows_a_whole_run_and_loads_nothing() -> None:
    text = (ROOT / "docs" / "demo.svg").read_text()
    shown = [text.find(status) for status in ("queued", "in_progress", "completed")]
    assert -1 < shown[0] < shown[1] < shown[2]
    assert "url(http" not in text
