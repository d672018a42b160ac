"""What is held at the end of each month: known answers."""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet


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
