"""Pages by offset under a list that changes between any two of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_wallets.extract.pages import ListCut, ListShifts, PageWalk


def walk(limit: int, lists: list[list[str]]) -> tuple[list[str], int]:
    """Read pages of a list that is the next one of `lists` at each page, the last one from then on."""
    walk = PageWalk(limit)
    taken: list[str] = []
    pages = 0
    while not walk.is_done:
        present = lists[min(pages, len(lists) - 1)]
        page = present[walk.offset : walk.offset + limit]
        taken += [page[position] for position in walk.take(page)]
        pages += 1
    return taken, pages


def named(count: int) -> list[str]:
    return [f"{number:04d}" for number in range(count)]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (9, 1), (10, 2), (19, 3), (100, 12)])
def test_a_list_that_stands_still_is_read_once(count: int, pages: int) -> None:
    assert walk(10, [named(count)]) == (named(count), pages)


@pytest.mark.parametrize("gone", [1, 5, 10, 45])
def test_rows_that_go_while_the_list_is_read_hide_no_other(gone: int) -> None:
    every = named(100)
    # Half way through, rows go from the front: all others move towards it, past the next page.
    taken, _ = walk(10, [every] * 5 + [every[gone:]])
    assert taken == every


def test_rows_that_come_in_front_are_read_over_and_not_twice() -> None:
    later = [f"!{number}" for number in range(25)] + named(100)
    taken, _ = walk(10, [named(100)] * 5 + [later])
    assert taken == named(100)


def test_a_list_that_is_emptied_meanwhile_ends() -> None:
    taken, _ = walk(10, [named(100), []])
    assert taken == named(10)


def test_a_list_that_is_rewritten_all_the_time_is_given_up() -> None:
    lists = [[f"{turn}-{number}" for number in range(100)] for turn in range(1000)]
    with pytest.raises(ListShifts):
        walk(10, lists)


def test_pages_must_be_able_to_overlap() -> None:
    with pytest.raises(ValueError, match="at least two"):
        PageWalk(1)


ROWS = st.integers(0, 120)
CHANGES = st.lists(st.tuples(st.sets(ROWS, max_size=12), st.sets(ROWS, max_size=12)), max_size=12)


@given(st.sets(ROWS, max_size=80), CHANGES, st.integers(2, 15))
def test_nobody_who_is_there_throughout_is_missed_or_read_twice(
    first: set[int], changes: list[tuple[set[int], set[int]]], limit: int
) -> None:
    lists, present, throughout = [sorted(first)], set(first), set(first)
    for gone, come in changes:
        present = (present - gone) | come
        throughout &= present
        lists.append(sorted(present))
    taken, _ = walk(limit, [[f"{row:04d}" for row in rows] for rows in lists])
    assert len(taken) == len(set(taken))
    assert {f"{row:04d}" for row in throughout} <= set(taken)


def walk_cut(pages: list[tuple[list[str], int | None]], limit: int = 100) -> list[str]:
    """Read pages that are as they are, whatever was asked for; the last one comes from then on."""
    walk = PageWalk(limit)
    taken: list[str] = []
    for number in range(1000):
        ids, total = pages[min(number, len(pages) - 1)]
        taken += [ids[position] for position in walk.take(ids, total)]
        if walk.is_done:
            return taken
    raise AssertionError("the walk never ends")


def test_pages_shorter_than_asked_for_do_not_end_a_list_that_has_more() -> None:
    rows = named(250)
    walk = PageWalk(100)
    taken: list[str] = []
    while not walk.is_done:
        page = rows[walk.offset : walk.offset + 40]
        taken += [page[position] for position in walk.take(page, 250)]
    assert taken == rows


def test_a_list_that_ends_before_its_total_is_cut() -> None:
    with pytest.raises(ListCut, match="after 100 of 250"):
        walk_cut([(named(100), 250), (named(100)[-1:], 250)])
    with pytest.raises(ListCut, match="after 0 of 3"):
        walk_cut([([], 3)])


def test_a_list_that_makes_no_progress_is_given_up() -> None:
    with pytest.raises(ListCut, match=r"2. pages in a row"):
        walk_cut([(named(100), 250)])
    with pytest.raises(ListCut, match=r"2. pages in a row"):
        walk_cut([(named(100), None)])


def test_a_total_that_falls_while_the_list_is_read_is_no_cut() -> None:
    assert walk_cut([(named(100), 101), (named(100)[-1:], 100)]) == named(100)
