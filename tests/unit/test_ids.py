"""Ids sort by time and are the same for the same cause."""

from hypothesis import given
from hypothesis import strategies as st

from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds

MILLISECONDS = st.integers(min_value=0, max_value=36**9 - 1)


@given(MILLISECONDS, MILLISECONDS)
def test_ids_sort_by_time(first: int, second: int) -> None:
    made = [ids.new_id("msg_", Milliseconds(first)), ids.new_id("msg_", Milliseconds(second))]
    if first != second:
        assert (made[0] < made[1]) == (first < second)


@given(MILLISECONDS, st.sampled_from(["run_", "thread_", "file-"]))
def test_an_id_tells_its_time_and_can_be_a_key(milliseconds: int, prefix: str) -> None:
    made = ids.new_id(prefix, Milliseconds(milliseconds))
    assert ids.milliseconds_of(made) == milliseconds
    assert ids.is_id(made)
    assert len(made) == len(prefix) + 24


def test_a_seed_makes_the_same_id_again() -> None:
    assert ids.new_id("run_", Milliseconds(7), seed="arn:one") == ids.new_id("run_", Milliseconds(7), seed="arn:one")
    assert ids.new_id("run_", Milliseconds(7), seed="arn:one") != ids.new_id("run_", Milliseconds(7), seed="arn:two")
    assert ids.new_id("run_", Milliseconds(7)) != ids.new_id("run_", Milliseconds(7))


def test_steps_of_a_run_share_a_prefix_and_sort_by_turn() -> None:
    run_id = ids.new_id("run_", Milliseconds(7))
    steps = [ids.step_id(run_id, turn, index) for turn in (0, 1, 10) for index in (0, 1)]
    assert steps == sorted(steps)
    assert all(step.startswith(ids.step_prefix(run_id)) for step in steps)


def test_what_cannot_be_an_id_is_told() -> None:
    assert not any(map(ids.is_id, ["", "a b", "x" * 65, "a#b", "é", "a\n"]))
