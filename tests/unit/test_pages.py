"""Pages of a list: which ids a window holds, and where an answer ends."""

import json
from itertools import pairwise
from typing import Literal

import pytest

from answers import MAX_PAGE_BYTES, listing, to_json
from assistant_engine.domain import ids
from assistant_engine.domain.clock import Milliseconds
from assistant_engine.domain.errors import InvalidRequest
from assistant_engine.store import Page, Window

IDS = [ids.new_id("msg_", Milliseconds(1_700_000_000_000 + number)) for number in range(10)] + ["msg_a", "msg_zz-_Z"]
IDS.sort()


def chosen(window: Window) -> list[str]:
    """The ids of the page, as the store's query finds them."""
    low, high = window.bounds("msg_")
    found = [name for name in IDS if low <= name <= high]
    if not window.ascending:
        found.reverse()
    page = found[: window.limit]
    return page[::-1] if window.from_end else page


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_one_after_the_other_are_the_list(order: Literal["asc", "desc"], limit: int) -> None:
    everything = IDS if order == "asc" else IDS[::-1]
    seen: list[str] = []
    while page := chosen(Window(limit, order, after=seen[-1] if seen else None)):
        seen += page
    assert seen == everything
    backwards: list[str] = [everything[-1]]
    while page := chosen(Window(limit, order, before=backwards[0])):
        backwards = page + backwards
    assert backwards == everything


def test_between_two_neighbours_is_nothing() -> None:
    for first, second in pairwise(IDS):
        assert chosen(Window(order="asc", after=first, before=second)) == []
        assert chosen(Window(order="desc", after=second, before=first)) == []
    assert chosen(Window(order="asc", after=IDS[3], before=IDS[1])) == []


def test_a_cursor_need_not_exist_any_more() -> None:
    gone = ids.new_id("msg_", Milliseconds(1_700_000_000_004), seed="deleted")
    assert chosen(Window(order="asc", after=gone)) == [name for name in IDS if name > gone]


@pytest.mark.parametrize("cursor", ["run_1", "msg_ü", "msg_ x", "x"])
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        Window(after=cursor).bounds("msg_")
    assert raised.value.param == "after"


@pytest.mark.parametrize("letter", ['"', "x", "é", "\n", "\\"])
def test_a_page_ends_before_it_outgrows_an_answer(letter: str) -> None:
    """As Lambda carries it: a string in JSON, in which each quote of the page's own JSON is escaped once more."""
    objects = [{"id": str(number), "text": letter * 250_000} for number in range(40)]
    page = listing(Page(iter(objects), has_more=False, from_end=False))
    carried = len(json.dumps({"body": to_json(page)}, ensure_ascii=False).encode())
    assert 5_000_000 < carried < 6_200_000
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("0", str(len(page["data"]) - 1), True)
    turned = listing(Page(iter(objects), has_more=False, from_end=True))
    assert [shown["id"] for shown in turned["data"]] == [shown["id"] for shown in reversed(page["data"])]
    assert turned["has_more"]


def test_an_object_larger_than_a_page_is_a_page_of_its_own() -> None:
    objects = [{"id": "0", "text": "x" * (MAX_PAGE_BYTES + 1)}, {"id": "1"}]
    page = listing(Page(iter(objects), has_more=False, from_end=False))
    assert len(page["data"]) == 1 and page["has_more"]


def test_an_empty_page_has_no_ends() -> None:
    page = listing(Page(iter([]), has_more=False, from_end=True))
    assert page == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}
