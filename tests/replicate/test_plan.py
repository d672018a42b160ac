"""What is to be sent, and to whom nothing is sent, decided without any database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flexprice_wallets.errors import DestinationDiverged, DestinationTooNew, ForeignDestination
from flexprice_wallets.replicate.plan import (
    FORMAT,
    Committed,
    Contents,
    Identity,
    Mode,
    Sum,
    TableState,
    check_same_warehouse,
    is_up_to_date,
    new_contents,
    plan,
    snapshots_to_commit,
)

ONE, TWO, THREE = (f"2026-03-0{day}T06:00:00.000000Z" for day in (1, 2, 3))
FILE = Identity("t", "e", {ONE: "load1", TWO: "load2"})
OLD, NEW = Sum(10, "111"), Sum(12, "222")
COMMITTED = Committed(
    number=4,
    format=FORMAT,
    identity=Identity("t", "e", {ONE: "load1"}),
    snapshot_at=datetime(2026, 3, 1, 6, tzinfo=UTC),
    contents={
        "appended": Contents("appended_aa", "d1", OLD, 10),
        "changing": Contents("changing_aa", "d2", OLD, 15),
    },
)
APPENDED = TableState("d1", is_appended=True, now=NEW, earlier=OLD)
CHANGING = TableState("d2", is_appended=False, now=NEW)


def mode(state: TableState, name: str, committed: Committed | None = COMMITTED) -> Mode:
    return plan({name: state}, committed)[name]


@pytest.mark.parametrize(
    ("name", "state", "expected"),
    [
        ("appended", APPENDED, Mode.APPEND),
        ("appended", replace(APPENDED, now=OLD), Mode.UNCHANGED),
        # Migrated, or derived again otherwise: what was sent is no longer what the file says.
        ("appended", replace(APPENDED, earlier=Sum(10, "112")), Mode.FILL),
        ("appended", replace(APPENDED, earlier=Sum(9, "111")), Mode.FILL),
        ("appended", replace(APPENDED, digest="other columns"), Mode.FILL),
        ("changing", CHANGING, Mode.COMPARE),
        ("changing", replace(CHANGING, now=OLD), Mode.UNCHANGED),
        ("changing", replace(CHANGING, digest="other version", now=OLD), Mode.FILL),
        ("a new one", CHANGING, Mode.FILL),
    ],
)
def test_how_a_table_is_brought_up_to_date(name, state, expected):
    assert mode(state, name) is expected


def test_an_empty_destination_gets_everything():
    assert plan({"appended": APPENDED, "changing": CHANGING}, None) == {
        "appended": Mode.FILL,
        "changing": Mode.FILL,
    }


def test_a_table_full_of_superseded_rows_is_sent_whole():
    bloated = Contents("changing_aa", "d2", OLD, 1_000_000)
    committed = replace(COMMITTED, contents={"changing": bloated})
    assert mode(CHANGING, "changing", committed) is Mode.FILL


@pytest.mark.parametrize(
    ("file", "error", "says"),
    [
        (Identity("other", "e", FILE.snapshots), ForeignDestination, "tenant t,"),
        (Identity("t", "other", FILE.snapshots), ForeignDestination, "environment e,"),
        (Identity("t", "e", {}), DestinationDiverged, "is ahead"),
        (Identity("t", "e", {TWO: "load2"}), DestinationDiverged, "another warehouse"),
        # A schedule's time is the same after a backup was restored; the load is another.
        (Identity("t", "e", {ONE: "load1b", TWO: "x"}), DestinationDiverged, "restored"),
    ],
)
def test_a_destination_of_something_else_is_refused(file, error, says):
    with pytest.raises(error, match=says):
        check_same_warehouse(file, COMMITTED)


def test_a_destination_that_is_ahead_is_refused():
    ahead = replace(COMMITTED, identity=Identity("t", "e", {**FILE.snapshots, THREE: "load3"}))
    with pytest.raises(DestinationDiverged, match="is ahead: it holds 1 snapshots"):
        check_same_warehouse(FILE, ahead)


def test_a_destination_filled_by_a_later_program_is_refused():
    with pytest.raises(DestinationTooNew):
        check_same_warehouse(FILE, replace(COMMITTED, format=FORMAT + 1))


@pytest.mark.parametrize(
    "file",
    [FILE, Identity(None, None, FILE.snapshots), Identity("t", "e", {ONE: "load1"})],
)
def test_an_earlier_state_of_the_warehouse_is_continued(file):
    check_same_warehouse(file, COMMITTED)
    check_same_warehouse(file, None)


def test_snapshots_are_committed_once():
    assert snapshots_to_commit(FILE, COMMITTED) == {TWO: "load2"}
    assert snapshots_to_commit(FILE, None) == FILE.snapshots


def test_nothing_is_sent_only_where_nothing_differs():
    unchanged = {"appended": Mode.UNCHANGED, "changing": Mode.UNCHANGED}
    same = COMMITTED.identity
    assert is_up_to_date(unchanged, same, COMMITTED)
    assert not is_up_to_date(unchanged, same, None)
    # A snapshot in which nothing moved is still a snapshot.
    assert not is_up_to_date(unchanged, FILE, COMMITTED)
    assert not is_up_to_date({**unchanged, "changing": Mode.COMPARE}, same, COMMITTED)
    # A table that is no longer declared.
    assert not is_up_to_date({"appended": Mode.UNCHANGED}, same, COMMITTED)


def test_contents_after_a_shipment():
    states = {"appended": APPENDED, "changing": replace(CHANGING, digest="new")}
    modes = plan(states, COMMITTED)
    sent = {"appended": 2, "changing": 12}
    names = {"appended": "appended_bb", "changing": "changing_89abcdef"}
    assert new_contents(states, modes, sent, COMMITTED, names) == {
        "appended": Contents("appended_aa", "d1", NEW, 12),
        "changing": Contents("changing_89abcdef", "new", NEW, 12),
    }
