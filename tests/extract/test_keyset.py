"""Pages by key through a table that is written to between any two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexprice_wallets.extract.keyset import KeyWalk, Unconfirmed
from flexprice_wallets.extract.pages import ListCut
from flexprice_wallets.records.answers import Page

START = datetime(2026, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def text(tick: float) -> str:
    """The time so many microseconds after the start; half a one is written with nanoseconds."""
    moment = START + int(tick) * MICROSECOND
    nanoseconds = "500" if tick % 1 else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds}Z"


def tick_of(date: str) -> float:
    return (datetime.fromisoformat(date) - START) / MICROSECOND


class Table:
    """What the API does with the filters that work: by time in nanoseconds, strictly later and strictly earlier."""

    def __init__(self, rows: dict[str, float]) -> None:
        self.rows = dict(rows)

    def page(
        self, query: dict[str, Any], *, most: int | None = None, has_total: bool = True
    ) -> Page:
        found = sorted(((tick, key) for key, tick in self.rows.items()))
        for condition in query["filters"]:
            assert (condition["field"], condition["data_type"]) == ("updated_at", "date")
            bound = tick_of(condition["value"]["date"])
            if condition["operator"] == "after":
                found = [each for each in found if each[0] > bound]
            elif condition["operator"] == "before":
                found = [each for each in found if each[0] < bound]
            else:
                raise AssertionError(condition)
        begin = query.get("offset", 0)
        items: list[object] = [
            {"id": key, "updated_at": text(tick)}
            for tick, key in found[begin : begin + min(most or query["limit"], query["limit"])]
        ]
        return Page(items, len(found) if has_total else None)


def read(
    walk: KeyWalk,
    table: Table,
    between: Callable[[int], None] = lambda _: None,
    **how: Any,
) -> list[tuple[str, str]]:
    """Ids and times of the rows in the order in which they are read."""
    rows: list[Any] = []
    pages = 0
    while not walk.is_done:
        assert pages < 1000, "the walk never ends"
        rows += walk.take(table.page(walk.query(), **how))
        pages += 1
        between(pages)
    return [(row["id"], row["updated_at"]) for row in rows]


def everything(table: Table, since: float = -1e9) -> set[tuple[str, str]]:
    return {(key, text(tick)) for key, tick in table.rows.items() if tick >= since}


def named(ticks: Iterable[float]) -> dict[str, float]:
    return {f"wtxn_{number:04d}": tick for number, tick in enumerate(ticks)}


@pytest.mark.parametrize("limit", [2, 3, 10, 1000])
@pytest.mark.parametrize(
    "ticks",
    [
        [],
        [5],
        range(40),
        [7] * 40,
        [1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 9],
        [0.5, 1, 1.5, 1.5, 1.5, 2, 2.5],
    ],
    ids=str,
)
@pytest.mark.parametrize("has_total", [True, False])
def test_a_table_that_stands_still_is_read_once(
    ticks: list[float], limit: int, has_total: bool
) -> None:
    table = Table(named(ticks))
    rows = read(KeyWalk(limit=limit), table, has_total=has_total)
    assert len(rows) == len(ticks)
    assert set(rows) == everything(table)
    moments = [when[:26] for _, when in rows]
    assert moments == sorted(moments)


def test_pages_shorter_than_asked_for_are_no_end() -> None:
    table = Table(named(range(50)))
    assert set(read(KeyWalk(limit=10), table, most=4)) == everything(table)


def test_it_begins_with_what_changed_at_the_moment_given() -> None:
    table = Table(named([1, 2, 3, 3, 3.5, 4]))
    walk = KeyWalk(START + 3 * MICROSECOND, limit=2)
    assert set(read(walk, table)) == everything(table, since=3)


def test_stretches_of_time_share_a_table_without_overlap() -> None:
    table = Table(named([n * 700_000 + 0.5 * (n % 2) for n in range(60)]))
    first = KeyWalk(limit=5)
    rows = [(row["id"], row["updated_at"]) for row in first.take(table.page(first.query()))]  # type: ignore[index]
    walks = [first]
    for _ in range(3):
        halves = [walk.split(START + timedelta(seconds=42)) for walk in walks]
        walks += [half for half in halves if half is not None]
    assert len(walks) == 8
    for walk in walks:
        rows += read(walk, table)
    assert len(rows) == 60
    assert set(rows) == everything(table)
    short = KeyWalk(START, START + timedelta(milliseconds=900))
    assert short.split(START) is None


def test_a_wallet_is_named_in_each_query() -> None:
    walk = KeyWalk(wallet_id="wallet_1", limit=2)
    assert walk.query()["id"] == "wallet_1"
    assert "id" not in KeyWalk().query()


# --- What is not what was asked for --------------------------------------------------------------------------------


def page(*ticks: float | None, total: int | None = None) -> Page:
    rows: list[object] = [
        {"id": f"wtxn_{number}", "updated_at": None if tick is None else text(tick)}
        for number, tick in enumerate(ticks)
    ]
    return Page(rows, len(rows) if total is None else total)


@pytest.mark.parametrize(
    "wrong",
    [page(1, 2, 200), page(100, 300, 200), page(98), page(100, 500), page(500)],
    ids=["older", "out of order", "a microsecond too old", "one too late", "too late"],
)
def test_a_filter_or_an_order_that_is_ignored_is_noticed(wrong: Page) -> None:
    walk = KeyWalk(START + 100 * MICROSECOND, START + 500 * MICROSECOND)
    with pytest.raises(Unconfirmed):
        walk.take(wrong)


def test_a_page_that_brings_nothing_though_there_is_more_is_an_error() -> None:
    walk = KeyWalk(limit=3)
    walk.take(page(1, 2, 3, total=10))
    with pytest.raises(Unconfirmed, match="though there are more"):
        walk.take(Page([], 10))


def test_an_instant_whose_rows_never_come_is_an_error() -> None:
    walk = KeyWalk(limit=3)
    same = page(7, 7, 7, total=10)
    with pytest.raises(ListCut):
        [walk.take(same) for _ in range(100)]


def test_rows_without_a_time_never_hold_a_walk_up_for_ever() -> None:
    walk = KeyWalk(limit=3)
    walk.take(page(1, 2, 3, total=10))
    with pytest.raises((Unconfirmed, ListCut)):
        [walk.take(page(None, None, None, total=10)) for _ in range(200)]


def test_rows_that_cannot_be_read_are_handed_on_and_cost_nothing_else() -> None:
    table = Table(named(range(12)))
    broken: list[object] = [
        None,
        7,
        {"id": "wtxn_x"},
        {"id": None, "updated_at": "never"},
        {"updated_at": 5},
    ]
    walk = KeyWalk(limit=4)
    rows: list[object] = []
    while not walk.is_done:
        found = table.page(walk.query())
        if not rows:
            found = Page([found[0], *broken, *found[1:]], found.total)
        rows += walk.take(found)
    assert len(rows) == 12 + len(broken)
    assert [row for row in rows if row in broken] == broken


# --- While the table is written to ---------------------------------------------------------------------------------

TICKS = st.one_of(st.integers(0, 30), st.integers(0, 30).map(lambda tick: tick + 0.5))
ROWS = st.dictionaries(st.integers(0, 40).map(lambda n: f"wtxn_{n:02d}"), TICKS, max_size=40)
#: What is written between two pages: rows that change now, or are new.
WRITES = st.lists(st.sets(st.integers(0, 60), max_size=5), max_size=12)


@given(ROWS, WRITES, st.integers(2, 9), st.booleans())
def test_nothing_is_missed_or_doubled_while_rows_change(
    rows: dict[str, float], writes: list[set[int]], limit: int, has_total: bool
) -> None:
    table = Table(rows)
    versions = everything(table)

    def write(pages: int) -> None:
        if pages <= len(writes):
            for number in writes[pages - 1]:
                table.rows[f"wtxn_{number:02d}"] = 100 + pages
            versions.update(everything(table))

    walk = KeyWalk(limit=limit)
    found = read(walk, table, write, has_total=has_total)
    assert len(found) == len(set(found))
    assert set(found) <= versions
    # What was written after the last page is for the next load.
    walk.is_done = False
    found += read(walk, table, has_total=has_total)
    assert len(found) == len(set(found))
    assert everything(table) <= set(found)


@example(
    {"wtxn_00": 12.5, "wtxn_01": 12.5}, [], 2, []
)  # a page's worth at a stretch's last instant
@given(ROWS, WRITES, st.integers(2, 9), st.lists(st.integers(0, 7), max_size=40))
def test_nothing_is_missed_in_stretches_of_time_read_in_any_order(
    rows: dict[str, float], writes: list[set[int]], limit: int, order: list[int]
) -> None:
    table = Table(rows)
    bounds = [None, *(START + tick * MICROSECOND for tick in (6, 13, 21)), None]
    walks = [KeyWalk(since, before, limit=limit) for since, before in pairwise(bounds)]
    last = walks[-1]
    found: list[Any] = []
    step = 0
    while open_walks := [walk for walk in walks if not walk.is_done]:
        assert step < 1000, "a walk never ends"
        walk = open_walks[(order[step] if step < len(order) else 0) % len(open_walks)]
        found += walk.take(table.page(walk.query()))
        if step < len(writes):
            for number in writes[step]:
                table.rows[f"wtxn_{number:02d}"] = 100 + step
        step += 1
    last.is_done = False
    while not last.is_done:
        found += last.take(table.page(last.query()))
    read_rows = [(row["id"], row["updated_at"]) for row in found]
    assert len(read_rows) == len(set(read_rows))
    assert everything(table) <= set(read_rows)
