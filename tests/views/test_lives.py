"""How wallets begin, end and return, in small histories whose answers can be checked by reading."""

from __future__ import annotations

from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import History, daily, insert, moment, rows_of, wallet


def insert_balance(connection, wallet_id, at, balance):
    """Write a version of a settled balance, as a load does for an ended wallet whose balance moved."""
    insert(
        connection,
        "wallet_balances",
        [
            {
                "wallet_id": wallet_id,
                "customer_id": "c1",
                "snapshot_id": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "snapshot_at": at,
                "observed_at": at,
                "version_hash": balance,
                "currency": "usd",
                "conversion_rate": 1,
                "balance": balance,
                "credit_balance": balance,
            }
        ],
    )


def test_a_wallet_closed_with_nothing_and_one_with_a_remainder():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w2", 30)])
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 0, ended="closed"), wallet("w2", 30, ended="closed")]
    )
    history.snapshot("2026-03-03 08:00")
    connection = history.warehouse()
    assert daily(connection, "opening_balance", "closing_balance", "observation", "is_ended") == [
        ("w1", "03-01", None, "100", "changed", False),
        ("w1", "03-02", "100", "0", "changed", True),
        ("w2", "03-01", None, "30", "changed", False),
        ("w2", "03-02", "30", "30", "unchanged", True),
    ]
    assert rows_of(
        connection,
        "select wallet_id, cause, balance_before, balance_after, balance_delta, changed_by "
        "from flexprice.wallet_balance_changes order by wallet_id",
    ) == [
        ("w1", "ended", "100", "0", "-100", "03-02 08:00"),
        ("w2", "ended", "30", "30", "0", "03-02 08:00"),
    ]
    assert rows_of(
        connection,
        "select wallet_id, ended, ended_at, balance, last_observed_at, is_listed from"
        " flexprice.wallets order by wallet_id",
    ) == [
        ("w1", "closed", "03-02 08:00", "0", "03-02 08:00", False),
        ("w2", "closed", "03-02 08:00", "30", "03-02 08:00", False),
    ]
    assert rows_of(
        connection, "select finding, wallet_id, actual_value from flexprice.wallet_data_quality"
    ) == [("ended_with_balance", "w2", "30")]
    assert rows_of(
        connection,
        "select wallet_id, ended, valid_from, valid_to from flexprice.wallet_balance_history order by all",
    ) == [
        ("w1", None, "03-01 08:00", "03-02 08:00"),
        ("w2", "closed", "03-02 08:00", None),
        ("w2", None, "03-01 08:00", "03-02 08:00"),
    ]
    # What is left in a closed wallet is no part of what is outstanding: it stands beside it.
    assert rows_of(
        connection,
        "select date_day, outstanding_balance, closed_balance, closed_wallets from flexprice.currency_balance_daily"
        " order by date_day",
    ) == [("03-01", "130", "0", 0), ("03-02", "0", "30", 1), ("03-03", "0", "30", 1)]


def test_a_closed_wallet_can_get_money_and_lose_it():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 0, ended="closed")])
    connection = history.warehouse()
    for day, balance in ((3, "349.70"), (4, "349.70"), (5, "0")):
        at = f"2026-03-0{day} 08:00"
        history.snapshot(at)
        history.load(connection, day - 1)
        if day != 4:
            insert_balance(connection, "w1", moment(at), balance)
        apply_snapshots(connection)
    assert rows_of(
        connection,
        "select ended, balance, valid_from, valid_to, is_current from flexprice.wallet_balance_history "
        "order by valid_from",
    ) == [
        (None, "100", "03-01 08:00", "03-02 08:00", False),
        ("closed", "349.7", "03-03 08:00", "03-05 08:00", False),
    ]
    assert rows_of(
        connection,
        "select cause, balance_before, balance_after, balance_delta, changed_by "
        "from flexprice.wallet_balance_changes order by changed_by",
    ) == [
        ("ended", "100", "0", "-100", "03-02 08:00"),
        ("balance", "0", "349.7", "349.7", "03-03 08:00"),
        ("balance", "349.7", "0", "-349.7", "03-05 08:00"),
    ]
    assert rows_of(
        connection,
        "select date_day, outstanding_balance, closed_balance from flexprice.currency_balance_daily"
        " order by date_day",
    ) == [
        ("03-01", "100", "0"),
        ("03-02", "0", "0"),
        ("03-03", "0", "349.7"),
        ("03-04", "0", "349.7"),
        ("03-05", "0", "0"),
    ]
    # The wallet's days end with it, and it is in no answer for a moment after its end.
    assert [row[1] for row in daily(connection)] == ["03-01", "03-02"]
    assert (
        rows_of(connection, "from flexprice.wallet_balance_as_of('2026-03-04 12:00:00+00')") == []
    )


def test_a_wallet_that_is_not_found_leaves_nothing_known():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", ended="not_found")])
    connection = history.warehouse()
    assert daily(connection, "opening_balance", "closing_balance", "observation") == [
        ("w1", "03-01", None, "100", "changed"),
        ("w1", "03-02", "100", None, "changed"),
    ]
    assert rows_of(
        connection,
        "select cause, balance_before, balance_after, balance_delta, credit_balance_delta "
        "from flexprice.wallet_balance_changes",
    ) == [("ended", "100", None, None, None)]
    assert rows_of(
        connection,
        "select balance, balance_observed_at, real_time_balance, ended from flexprice.wallets",
    ) == [("100", "03-01 08:00", "90", "not_found")]
    assert rows_of(
        connection, "select finding, actual_value from flexprice.wallet_data_quality"
    ) == [("vanished_with_balance", "100")]


def test_a_wallet_that_returns_on_the_day_of_its_end_has_one_row_for_it():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 0, ended="closed")])
    history.snapshot("2026-03-02 20:00", [wallet("w1", 40)])
    connection = history.warehouse()
    assert daily(
        connection, "life_number", "opening_balance", "lowest_balance", "closing_balance"
    ) == [
        ("w1", "03-01", 1, None, "100", "100"),
        ("w1", "03-02", 2, "100", "0", "40"),
    ]
    assert rows_of(
        connection,
        "select cause, balance_before, balance_after, changed_after, changed_by "
        "from flexprice.wallet_balance_changes order by changed_by",
    ) == [
        ("ended", "100", "0", "03-01 08:00", "03-02 08:00"),
        ("returned", "0", "40", "03-02 08:00", "03-02 20:00"),
    ]


def test_a_wallet_that_returns_later_has_no_rows_between_and_begins_anew():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 40, real_time=30)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 40, ended="deleted")])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 40)], real_time=False)
    connection = history.warehouse()
    assert daily(
        connection, "life_number", "opening_balance", "closing_balance", "observation"
    ) == [
        ("w1", "03-01", 1, None, "40", "changed"),
        ("w1", "03-02", 1, "40", "40", "unchanged"),
        ("w1", "03-04", 2, None, "40", "changed"),
    ]
    assert rows_of(
        connection,
        "select valid_from, valid_to, life_number, balance, real_time_balance "
        "from flexprice.wallet_balance_history order by valid_from",
    ) == [
        ("03-01 08:00", "03-02 08:00", 1, "40", "30"),
        # Deleted, it held its money all the same.
        ("03-02 08:00", "03-04 08:00", 1, "40", None),
        ("03-04 08:00", None, 2, "40", None),
    ]
    assert rows_of(
        connection,
        "select event, detail, event_at from flexprice.wallet_lifecycle order by event_at",
    ) == [
        ("first_load", None, "03-01 08:00"),
        ("ended", "deleted", "03-02 08:00"),
        ("returned", None, "03-04 08:00"),
    ]
    for at, rows in (
        ("2026-03-01 08:00:00", 1),
        ("2026-03-02 08:00:00", 0),
        ("2026-03-05 00:00:00", 1),
    ):
        assert len(rows_of(connection, f"from flexprice.wallet_balance_as_of('{at}+00')")) == rows
    assert (
        rows_of(connection, "from flexprice.wallet_balance_as_of('2026-03-01 07:59:00+00')") == []
    )


def test_a_frozen_wallet_is_followed_and_comes_back():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90), wallet("w2", 5)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100, status="frozen"), wallet("w2", 5)])
    history.snapshot("2026-03-03 08:00", [wallet("w1", 100, real_time=90), wallet("w2", 5)])
    connection = history.warehouse()
    assert daily(
        connection, "observation", "closing_real_time_balance", where="wallet_id = 'w1'"
    ) == [
        ("w1", "03-01", "changed", "90"),
        ("w1", "03-02", "unchanged", None),
        ("w1", "03-03", "unchanged", "90"),
    ]
    assert rows_of(
        connection,
        "select date_day, outstanding_balance, frozen_balance, wallets, frozen_wallets "
        "from flexprice.currency_balance_daily order by date_day",
    ) == [
        ("03-01", "105", "0", 2, 0),
        ("03-02", "105", "100", 2, 1),
        ("03-03", "105", "0", 2, 0),
    ]
    assert rows_of(
        connection,
        "select event, detail, event_at from flexprice.wallet_lifecycle where wallet_id = 'w1' "
        "order by event_at, event",
    ) == [
        ("first_load", None, "03-01 08:00"),
        ("frozen", "frozen", "03-02 08:00"),
        ("unlisted", "frozen", "03-02 08:00"),
        ("listed", "active", "03-03 08:00"),
        ("unfrozen", "active", "03-03 08:00"),
    ]


def test_a_wallet_that_had_ended_when_first_seen_holds_only_what_is_left():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 3, ended="closed")])
    history.snapshot("2026-03-02 08:00")
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select ended, balance, valid_from, is_current from flexprice.wallet_balance_history",
    ) == [("closed", "3", "03-01 08:00", True)]
    assert daily(connection, "opening_balance", "closing_balance", "observation") == [
        ("w1", "03-01", None, "3", "changed")
    ]
    assert rows_of(
        connection,
        "select cause, balance_before, balance_after, balance_delta, changed_after from"
        " flexprice.wallet_balance_changes",
    ) == [("ended", None, "3", None, None)]
