"""The pictures that are drawn from the code are the committed ones."""

from scripts import lifecycle_picture


def test_the_picture_of_the_lifecycle_is_up_to_date() -> None:
    assert lifecycle_picture.PICTURE.read_text() == lifecycle_picture.picture(), "run `make docs`"
