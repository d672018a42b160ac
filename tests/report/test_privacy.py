"""A page about one customer or wallet can be sent: of a wallet that was somebody else's, that time is not on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import duckdb
import pytest

from flexprice_wallets.errors import NotFound
from flexprice_wallets.use.report.asked import Asked
from flexprice_wallets.use.report.parts import Subject
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import empty_warehouse, insert, moment, wallet
from tests.views.ledger import LedgerHistory, Row, credit, debit
from tests.views.seen import Seen

pytest.importorskip("altair", reason="the extra `report` is not installed")

_FORMER, _PRESENT = "cust_former", "cust_present"
#: What the former owner did with the wallet, the last of it after the last load that saw it with them.
_BEFORE = [
    credit("f1", 1111, at="2026-02-01 10:00", left=551, customer_id=_FORMER, description="Former's order"),
    debit("f2", 222, before=1111, at="2026-03-01 12:00", customer_id=_FORMER, description="Former's use"),
    debit("f3", 333, before=889, at="2026-03-02 10:00", customer_id=_FORMER, description="Former's last"),
]  # fmt: skip
#: It changed hands at 2026-03-02 20:00.
_AFTER = [
    credit("p1", 444, before=556, at="2026-03-02 21:00", customer_id=_PRESENT, description="Present's order"),
    debit("p2", 5, before=1000, at="2026-03-03 12:00", customer_id=_PRESENT, description="Present's use"),
]  # fmt: skip
#: Names, ids, figures and words of the former owner's time. The first load that saw the present one read 1,000, which
#: is 111 more than the one before.
_FORMERS = (
    "ormer",
    "1111",
    "111.00",
    "1,111",
    "222",
    "333",
    "556",
    "889",
    "2026-02",
    "2026-03-01",
    "2026-03-02 08:00",
)


def held(balance: int, customer: str, name: str = "Shared") -> Seen:
    return wallet(
        "w1", balance, customer=customer, name=name, thresholds=[("warning", 2000, "below")]
    )


@cache
def warehouse(
    *, is_first_load_later: bool = False, is_unread: bool = False
) -> duckdb.DuckDBPyConnection:
    """The wallet read daily at 8:00; with a wallet of each customer that never changed hands."""
    former = wallet("w2", 77777, customer=_FORMER, name="Former's own")
    present = wallet("w3", 10, customer=_PRESENT, name="Present's own")
    story = LedgerHistory()
    loads: list[tuple[str, int, str, list[Row]]] = [
        ("2026-03-01 08:00", 1111, _FORMER, _BEFORE[:1]),
        ("2026-03-02 08:00", 889, _FORMER, _BEFORE[:2]),
        ("2026-03-03 08:00", 1000, _PRESENT, [*_BEFORE, _AFTER[0]]),
        ("2026-03-04 08:00", 995, _PRESENT, [*_BEFORE, *_AFTER]),
    ]
    for at, balance, customer, transactions in loads[2 if is_first_load_later else 0 :]:
        own = [present] if customer == _PRESENT else []
        story.snapshot(at, [held(balance, customer), former, *own], transactions)
    connection = empty_warehouse()
    connection.execute("set timezone = 'UTC'")
    story.load(connection)
    connection.execute("update flexprice_raw.wallets set alert_enabled = true")
    connection.execute(
        "update flexprice_raw.customers set name = 'The former owner' where customer_id = ?",
        [_FORMER],
    )
    if is_unread:
        connection.execute(
            "delete from flexprice_raw.wallet_balances where wallet_id = 'w1' and snapshot_at > '2026-03-02 12:00'"
        )
    apply_snapshots(connection)
    create_views(connection)
    return connection


@contextmanager
def undone(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse for changes that the next test does not see."""
    connection.execute("begin")
    try:
        yield connection
    finally:
        connection.execute("rollback")


def page_about(connection: duckdb.DuckDBPyConnection, kind: str, name: str) -> str:
    """All that the page says, in words and in the data of its charts."""
    from flexprice_wallets.use.report.write import page_about

    subject = Subject("wallet" if kind == "wallet" else "customer", name)
    ask = Asked(
        connection, raw_schema="flexprice_raw", schema="flexprice", subject=(f"{kind}_id", name)
    )
    html = page_about(ask, "flexprice", subject, "")
    # Styles and the script that draws are the same on every page.
    title = html[html.index("<title>") : html.index("<style>")]
    return title + html[html.index("<body>") : html.rindex("<script>")]


ABOUT_THE_PRESENT = pytest.mark.parametrize(
    ("kind", "name"), [("customer", _PRESENT), ("wallet", "w1")]
)


@ABOUT_THE_PRESENT
def test_nothing_of_the_time_before_it_changed_hands(kind: str, name: str) -> None:
    said = page_about(warehouse(), kind, name)
    assert [found for found in _FORMERS if found in said] == []
    assert "Shown from 2026-03-03 08:00 UTC on" in said
    # What is the present owner's own is all there: the lines, the balances and the curve.
    for own in (
        "Present&#39;s order",
        "Present&#39;s use",
        "444.00",
        "1,000.00",
        "995.00",
        "2026-03-02 21:00",
    ):
        assert own in said
    assert '"balance": 1000.0' in said
    assert '"balance": 995.0' in said


@ABOUT_THE_PRESENT
def test_a_wallet_that_changed_hands_before_the_first_load(kind: str, name: str) -> None:
    said = page_about(warehouse(is_first_load_later=True), kind, name)
    assert [found for found in _FORMERS if found in said] == []
    assert "Present&#39;s order" in said
    # Its curve begins with the first transaction that is its owner's.
    assert "1,000.00 from 2026-03-02 21:00 UTC, 995.00 at 2026-03-04 08:00 UTC; 2 steps" in said


@ABOUT_THE_PRESENT
def test_a_balance_that_was_not_read_since_is_not_told(kind: str, name: str) -> None:
    said = page_about(warehouse(is_unread=True), kind, name)
    assert [found for found in _FORMERS if found in said] == []
    assert "Nothing was read of it since it came to this customer." in said


def test_the_former_owner_sees_nothing_of_the_present_one() -> None:
    said = page_about(warehouse(), "customer", _FORMER)
    assert "77,777.00" in said
    assert [
        found for found in ("Present", "w1", "1,000", "995", "444", "889") if found in said
    ] == []


def test_an_owner_of_nothing_else_has_no_page() -> None:
    with undone(warehouse()) as connection:
        connection.execute("delete from flexprice_raw.stored_wallets where wallet_id = 'w2'")
        with pytest.raises(NotFound, match="no wallet of --customer cust_former"):
            page_about(connection, "customer", _FORMER)


def test_the_pace_of_an_earlier_owner_is_nobody_elses() -> None:
    """By what the former owner used within the last 7 days, the wallet would soon be used up."""
    said = page_about(warehouse(), "customer", _PRESENT)
    assert "At its present use, no prepaid wallet runs out within 30 days." in said
    assert "Wallets that changed hands in the last 30 days are left out, too." in said
    assert "changed hands" not in page_about(warehouse(), "wallet", "w2")


def test_a_finding_of_an_earlier_time_is_nobody_elses() -> None:
    at, handed_over = "2026-03-02 08:00", "2026-03-03 08:00"
    for is_over in (True, False):
        with undone(warehouse()) as connection:
            rejection = {
                "snapshot_id": at,
                "snapshot_at": moment(at),
                "observed_at": moment(at),
                "record_number": 1,
                "resource": "wallet",
                "field_group": "settings",
                "reason": "odd",
                "wallet_id": "w1",
                "raw_record": "{}",
                "rejection_hash": "",
            }
            insert(connection, "rejected_records", [rejection])
            if is_over:
                cleared = {
                    "snapshot_id": handed_over,
                    "snapshot_at": moment(handed_over),
                    "rejection_hash": "",
                }
                insert(connection, "rejections_cleared", [cleared])
            said = page_about(connection, "wallet", "w1")
        assert ("could not be taken" in said) is not is_over


def test_an_alert_is_not_older_than_the_ownership() -> None:
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page_about(warehouse(), "wallet", "w1")))
    assert "1 threshold reached" in said
    alerts = said[said.index("Thresholds reached") :]
    assert "2026-03-03 08:00" in alerts[: alerts.index("Credits that expire")]
