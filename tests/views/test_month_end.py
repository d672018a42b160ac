"""What is held at the end of each month: known answers."""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet
from tests.views.ledger import LedgerHistory, credit, debit


def months() -> History:
    history = History()
    history.snapshot(
        "2026-01-15 08:00",
        [
            wallet("w1", 100, customer="c1", rate=2, free=10, purchased=40),
            wallet("w2", 50, customer="c2", free=50, purchased=0),
            wallet("w3", -7, customer="c2"),
        ],
    )
    # The last look at January is on the 30th.
    history.snapshot(
        "2026-01-30 08:00",
        [
            wallet("w1", 80, customer="c1", rate=2, free=0, purchased=40),
            wallet("w2", 50, customer="c2", free=50, purchased=0),
            wallet("w3", -7, customer="c2"),
        ],
    )
    # In February w2 ends with its money inside, and c3 comes with euros.
    history.snapshot(
        "2026-02-28 23:59",
        [
            wallet("w1", 80, customer="c1", rate=2, free=0, purchased=40),
            wallet("w2", 50, customer="c2", ended="closed"),
            wallet("w3", -7, customer="c2"),
            wallet("w4", 5, customer="c3", currency="eur", free=0, purchased=5),
        ],
    )
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet("w1", 90, customer="c1", rate=2, free=0, purchased=45),
            wallet("w3", -7, customer="c2"),
            wallet("w4", 5, customer="c3", currency="eur", free=0, purchased=5),
        ],
    )
    return history


def test_a_month_ends_with_its_last_known_balances_in_money():
    assert rows_of(
        months().warehouse(time_zone="America/New_York"),
        "select currency, strftime(month, '%Y-%m-%d'), is_over, outstanding_balance, purchased_balance, free_balance,"
        " overdrawn_balance, closed_balance, outstanding_change"
        " from flexprice.month_end order by currency, month",
    ) == [
        ("eur", "2026-02-01", True, "5", "5", "0", "0", "0", None),
        ("eur", "2026-03-01", False, "5", "5", "0", "0", "0", "0"),
        # 40 credits at 2 usd; the free 50 of w2.
        ("usd", "2026-01-01", True, "130", "80", "50", "7", "0", None),
        ("usd", "2026-02-01", True, "80", "80", "0", "7", "50", "-50"),
        # What is left in w2 is still there.
        ("usd", "2026-03-01", False, "90", "90", "0", "7", "50", "10"),
    ]


def test_a_month_says_how_fresh_it_is_and_whose_money_it_is():
    assert rows_of(
        months().warehouse(),
        "select currency, date_day, as_at, carried_forward_wallets, wallets, customers"
        " from flexprice.month_end order by currency, month",
    ) == [
        ("eur", "02-28", "02-28 23:59", 0, 1, 1),
        ("eur", "03-02", "03-02 08:00", 0, 1, 1),
        # Nobody looked on 31 January.
        ("usd", "01-31", "01-30 08:00", 3, 3, 2),
        ("usd", "02-28", "02-28 23:59", 0, 2, 1),
        ("usd", "03-02", "03-02 08:00", 0, 2, 1),
    ]


def test_one_month_is_running_and_ends_with_the_first_load_of_the_next():
    history = History()
    history.snapshot("2026-01-31 23:59", [wallet("w1", 1)])
    query = "select month(month), is_over from flexprice.month_end order by month"
    assert rows_of(history.warehouse(), query) == [(1, False)]
    history.snapshot("2026-02-01 00:00", [wallet("w1", 2)])
    assert rows_of(history.warehouse(), query) == [(1, True), (2, False)]


SPLIT = (
    "select month(month), split_source, purchased_balance, free_balance, other_balance, broken_down_balance,"
    " broken_down_share from flexprice.month_end order by month"
)


def ledger_at_the_end_of_february(**details) -> LedgerHistory:
    """100 credits of 2 usd bought and 20 given; 30 used, 5 refunded. The breakdown covers but one of two wallets."""
    bought = credit("t1", 100, at="2026-01-05 10:00", rate=2, left=70)
    given = credit("t2", 20, before=100, at="2026-01-06 10:00", rate=2, reason="FREE_CREDIT_GRANT")
    used = debit("t3", 30, before=120, at="2026-02-03 12:00", rate=2)
    refunded = credit("t4", 5, at="2026-02-04 12:00", wallet="w2", reason="CREDIT_NOTE")
    history = LedgerHistory()
    history.snapshot("2026-01-31 08:00", [wallet("w1", 240, rate=2, free=20, purchased=100)], None)
    history.snapshot(
        "2026-02-28 08:00",
        [wallet("w1", 180, rate=2, free=19, purchased=71), wallet("w2", 5, status="frozen")],
        [bought, given, used, refunded],
        **details,
    )
    return history


def test_a_months_split_is_the_ledgers_where_there_is_one():
    assert rows_of(ledger_at_the_end_of_february().warehouse(), SPLIT) == [
        # No ledger was read yet: the API's breakdown.
        (1, "breakdown", "200", "40", "0", "240", "1"),
        # 70 and 20 credits at 2 usd, where the breakdown says 71 and 19; the refund of the frozen w2 is the rest.
        (2, "ledger", "140", "40", "5", "185", "1"),
    ]


def test_a_ledger_older_than_the_balances_does_not_tell_the_split():
    history = ledger_at_the_end_of_february()
    history.snapshot(
        "2026-03-31 08:00",
        [wallet("w1", 100, rate=2, free=20, purchased=30), wallet("w2", 5, status="frozen")],
        None,
    )
    assert rows_of(history.warehouse(), SPLIT)[2] == (
        (3, "breakdown", "60", "40", "0", "100", "0.9524")
    )


def test_a_ledger_of_some_customers_alone_does_not_tell_the_split():
    history = ledger_at_the_end_of_february(selected=["c1"])
    assert [row[1] for row in rows_of(history.warehouse(), SPLIT)] == ["breakdown", "breakdown"]


def test_a_month_without_any_split_says_so():
    history = History().snapshot("2026-02-28 08:00", [wallet("w1", 5)])
    assert rows_of(history.warehouse(), SPLIT) == [(2, None, None, None, None, "0", "0")]
