"""Days, intervals and changes of small histories, with answers that can be checked by reading.

Times are shown as `month-day hour:minute` in UTC; `c1` is the customer unless a wallet says otherwise.
"""

from __future__ import annotations

from tests.views.history import History, daily, rows_of, wallet


def test_several_snapshots_on_one_day():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 70)])
    history.snapshot("2026-03-02 12:00", [wallet("w1", 250)])
    history.snapshot("2026-03-02 20:00", [wallet("w1", 240)])
    figures = ("opening_balance", "lowest_balance", "highest_balance", "closing_balance")
    assert daily(history.warehouse(), *figures, "observation") == [
        ("w1", "03-01", None, "100", "100", "100", "changed"),
        ("w1", "03-02", "100", "70", "250", "240", "changed"),
    ]


def test_days_without_a_snapshot_or_with_a_failed_one_are_carried_forward():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-03 08:00", failed=["c1"])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-05 08:00", rejected=["w1"])
    assert daily(history.warehouse(), "closing_balance", "observation", "last_observed_at") == [
        ("w1", "03-01", "100", "changed", "03-01 08:00"),
        ("w1", "03-02", "100", "carried_forward", "03-01 08:00"),
        ("w1", "03-03", "100", "carried_forward", "03-01 08:00"),
        ("w1", "03-04", "100", "unchanged", "03-04 08:00"),
        ("w1", "03-05", "100", "carried_forward", "03-04 08:00"),
    ]


def test_a_selected_run_observes_only_whom_it_covers():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w2", 50, customer="c2")])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100)], selected=["c1"])
    connection = history.warehouse()
    assert daily(connection, "observation", where="date_day = '2026-03-02'") == [
        ("w1", "03-02", "unchanged"),
        ("w2", "03-02", "carried_forward"),
    ]
    assert rows_of(
        connection, "select wallet_id, last_observed_at from flexprice.wallets order by all"
    ) == [("w1", "03-02 08:00"), ("w2", "03-01 08:00")]
    assert rows_of(
        connection,
        "select last_snapshot_at, last_snapshot_scope, last_complete_snapshot_at from"
        " flexprice.freshness",
    ) == [("03-02 08:00", "selected", "03-01 08:00")]


def test_a_change_happened_after_the_last_run_that_observed_the_wallet():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-03 08:00", failed=["c1"])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 60)])
    history.snapshot("2026-03-05 08:00", [wallet("w1", 60)], selected=["c1"])
    history.snapshot("2026-03-06 08:00", [wallet("w1", 90)])
    assert rows_of(
        history.warehouse(),
        "select cause, balance_before, balance_after, balance_delta, changed_after, changed_by "
        "from flexprice.wallet_balance_changes order by changed_by",
    ) == [
        ("balance", "100", "60", "-40", "03-02 08:00", "03-04 08:00"),
        ("balance", "60", "90", "30", "03-05 08:00", "03-06 08:00"),
    ]


def test_a_snapshot_at_midnight_belongs_to_the_day_that_begins():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
    history.snapshot("2026-03-02 00:00", [wallet("w1", 80)])
    history.snapshot("2026-03-03 00:00", [wallet("w1", 0, ended="closed")])
    connection = history.warehouse(time_zone="Asia/Tokyo")
    assert daily(connection, "opening_balance", "highest_balance", "closing_balance") == [
        ("w1", "03-01", None, "100", "100"),
        ("w1", "03-02", "100", "100", "80"),
        ("w1", "03-03", "80", "80", "0"),
    ]


def test_a_balance_moves_only_by_what_was_taken_of_it():
    history = History()
    history.snapshot(
        "2026-03-01 08:00", [wallet("w1", "0.000000001"), wallet("w2", "12345678901.123456789")]
    )
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", "0.000000002"), wallet("w2", "12345678901.123456788")]
    )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, balance_delta from flexprice.wallet_balance_changes order by wallet_id",
    ) == [("w1", "0.000000001"), ("w2", "-0.000000001")]


def test_another_currency_and_another_rate_begin_a_new_balance():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w2", 100)])
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 90, currency="eur"), wallet("w2", 100, rate=2)]
    )
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select wallet_id, cause, currency_before, currency_after, balance_delta,"
        " credit_balance_delta from flexprice.wallet_balance_changes order by wallet_id",
    ) == [
        ("w1", "currency", "usd", "eur", None, "-10"),
        ("w2", "rate", "usd", "usd", "0", "-50"),
    ]
    assert daily(
        connection, "currency", "opening_balance", "highest_balance", where="wallet_id = 'w1'"
    ) == [
        ("w1", "03-01", "usd", None, "100"),
        ("w1", "03-02", "eur", None, "90"),
    ]
    assert rows_of(
        connection,
        "select currency, date_day, outstanding_balance, wallets "
        "from flexprice.currency_balance_daily order by all",
    ) == [
        ("eur", "03-02", "90", 1),
        ("usd", "03-01", "200", 2),
        ("usd", "03-02", "100", 1),
    ]
    assert rows_of(
        connection,
        "select finding, wallet_id, actual_value, expected_value from flexprice.wallet_data_quality"
        " order by all",
    ) == [("currency_changed", "w1", "1", "1"), ("rate_changed", "w2", "2", "1")]


def test_a_change_is_told_apart_into_movement_and_revaluation():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet(f"w{number}", 100) for number in (1, 2, 3, 4, 5)])
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet("w1", 90),
            # The same 100 credits at a rate of 1.5; and 20 of them used as well, at 1.5.
            wallet("w2", 150, rate="1.5"),
            wallet("w3", 120, rate="1.5"),
            wallet("w4", 80, currency="eur", rate=2),
            wallet("w5", 30, rate=3, ended="closed"),
        ],
    )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, cause, balance_delta, movement_delta, revaluation_delta,"
        " credit_balance_delta from flexprice.wallet_balance_changes order by wallet_id",
    ) == [
        ("w1", "balance", "-10", "-10", "0", "-10"),
        ("w2", "rate", "50", "0", "50", "0"),
        ("w3", "rate", "20", "-30", "50", "-20"),
        ("w4", "currency", None, None, None, "-60"),
        # 90 credits taken out at 3, after 100 had become worth 300.
        ("w5", "ended", "-70", "-270", "200", "-90"),
    ]


def test_a_moved_wallet_keeps_each_intervals_own_customer():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100, customer="c2")], real_time=False)
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select customer_id, valid_from, valid_to, real_time_balance "
        "from flexprice.wallet_balance_history order by valid_from",
    ) == [
        ("c1", "03-01 08:00", "03-02 08:00", "90"),
        ("c2", "03-02 08:00", None, None),
    ]
    assert rows_of(connection, "from flexprice.wallet_balance_changes") == []
    assert daily(
        connection, "customer_id", "opening_balance", "closing_balance", "observation"
    ) == [
        ("w1", "03-01", "c1", None, "100", "changed"),
        ("w1", "03-02", "c2", "100", "100", "changed"),
    ]
    assert rows_of(
        connection,
        "select customer_id, date_day, closing_balance from flexprice.customer_balance_daily order"
        " by all",
    ) == [("c1", "03-01", "100"), ("c2", "03-02", "100")]
    assert rows_of(
        connection,
        "select customer_id, living_wallets, wallets from flexprice.customers order by all",
    ) == [("c1", 0, 0), ("c2", 1, 1)]
    assert rows_of(
        connection, "select event, detail from flexprice.wallet_lifecycle order by event_at, event"
    ) == [("first_load", None), ("moved", "c1")]


def test_a_wallet_that_moved_away_from_a_failed_customer_was_observed():
    def one(balance, customer="c1"):
        return wallet("w1", balance, customer=customer, real_time=90, free=1, purchased=2)

    history = History()
    history.snapshot("2026-03-01 08:00", [one(100), wallet("w2", 100)])
    history.snapshot("2026-03-02 08:00", [one(100, "c2")], failed=["c1"])
    history.snapshot("2026-03-03 08:00", [one(80, "c2"), wallet("w2", 80)])
    connection = history.warehouse(until=2)
    assert rows_of(
        connection, "select wallet_id, last_observed_at from flexprice.wallets order by all"
    ) == [("w1", "03-02 08:00"), ("w2", "03-01 08:00")]
    assert rows_of(
        connection, "select wallet_id from flexprice.wallet_data_quality where finding = 'stale'"
    ) == [("w2",)]
    # Nor does anything behind the views say that it went without.
    assert rows_of(
        connection,
        "select wallet_id from flexprice_raw.stored_observation_exceptions "
        "union select wallet_id from flexprice_raw.stored_figure_gaps",
    ) == [("w2",)]
    assert rows_of(
        history.warehouse(),
        "select wallet_id, changed_after from flexprice.wallet_balance_changes order by all",
    ) == [("w1", "03-02 08:00"), ("w2", "03-01 08:00")]
