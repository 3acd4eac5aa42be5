"""A message's rating (`metadata.rating`), and how much a fine-tuning learns from the message."""

from collections.abc import Mapping

RATING = "rating"
WEIGHT = "weight"
"""The keys of a message's metadata."""

_SCORES = {
    **dict.fromkeys(("up", "thumbs_up", "good"), 100),
    **dict.fromkeys(("down", "thumbs_down", "bad"), 0),
    **{str(stars): 25 * (stars - 1) for stars in range(1, 6)},
}


def score_of(metadata: Mapping[str, str]) -> int | None:
    """Return a message's rating in percent: `up` is 100, `down` 0, one to five stars are `1` to `5`.

    None if there is no rating, or one that means nothing here.
    """
    return _SCORES.get(metadata.get(RATING, "").strip().lower())


def weight_of(metadata: Mapping[str, str]) -> float:
    """Return how much is to be learned from a message, 0 to 1: its `weight`, else its rating, else 1."""
    try:
        weight = float(metadata.get(WEIGHT, ""))
    except ValueError:
        weight = -1
    if 0 <= weight <= 1:
        return weight
    score = score_of(metadata)
    return 1 if score is None else score / 100
