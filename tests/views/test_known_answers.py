"""Small histories with answers that can be checked by reading.

Times are shown as `month-day hour:minute` in UTC; `c1` is the customer unless a wallet says otherwise.
"""

from __future__ import annotations

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import History, empty_warehouse, insert, moment, rows_of, wallet


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


def daily(connection, *columns, where="true"):
    return rows_of(
        connection,
        f"select wallet_id, date_day, {', '.join(columns)} from flexprice.wallet_balance_daily "
        f"where {where} order by wallet_id, date_day",
    )


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
        "select date_day, outstanding_balance, closed_balance, closed_wallets from flexprice.currency_balance_daily",
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
        "select date_day, outstanding_balance, closed_balance from flexprice.currency_balance_daily",
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
        ("appeared", None, "03-01 08:00"),
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
        ("appeared", None, "03-01 08:00"),
        ("frozen", "frozen", "03-02 08:00"),
        ("unlisted", "frozen", "03-02 08:00"),
        ("listed", "active", "03-03 08:00"),
        ("unfrozen", "active", "03-03 08:00"),
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
    ) == [("appeared", None), ("moved", "c1")]


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
        ("w1", "rate", "usd", "eur", None, "-10"),
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


def test_real_time_figures_not_asked_for_are_not_shown_as_observed():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90, free=10, purchased=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100)], real_time=False, credits=False)
    history.snapshot("2026-03-03 08:00", [wallet("w1", 100, real_time=90)], credits=False)
    history.snapshot("2026-03-04 08:00", [wallet("w1", 100)])
    connection = history.warehouse()
    figures = ("closing_real_time_balance", "closing_free_credits", "closing_purchased_credits")
    assert daily(connection, *figures) == [
        ("w1", "03-01", "90", "10", "90"),
        ("w1", "03-02", None, None, None),
        ("w1", "03-03", "90", None, None),
        ("w1", "03-04", None, None, None),
    ]
    assert rows_of(
        connection,
        "select real_time_balance, real_time_observed_at, free_credits, credits_observed_at "
        "from flexprice.wallet_balance_history",
    ) == [("90", "03-01 08:00", "10", "03-01 08:00")]


def test_a_figure_observed_once_on_a_day_is_shown_though_other_runs_missed_it():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 12:00", failed=["c1"])
    history.snapshot("2026-03-02 16:00", [wallet("w1", 100)])
    history.snapshot("2026-03-03 08:00", failed=["c1"])
    history.snapshot("2026-03-03 16:00", [wallet("w1", 100)])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 100, real_time=90)], selected=["c1"])
    history.snapshot("2026-03-05 08:00", failed=["c1"])
    history.snapshot("2026-03-05 16:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-06 08:00", failed=["c1"])
    history.snapshot("2026-03-06 12:00", [wallet("w1", 100)], real_time=False)
    history.snapshot("2026-03-06 16:00", failed=["c1"])
    assert daily(history.warehouse(), "closing_real_time_balance") == [
        ("w1", "03-01", "90"),
        ("w1", "03-02", "90"),
        ("w1", "03-03", None),
        ("w1", "03-04", "90"),
        ("w1", "03-05", "90"),
        ("w1", "03-06", None),
    ]


def test_what_is_pending_is_taken_off_a_customer_once():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 100, real_time=90),
            wallet("w2", 50, real_time=40),
            wallet("w3", 7, wallet_type="POST_PAID"),
            wallet("w4", 200, currency="eur"),
        ],
    )
    history.snapshot("2026-03-02 08:00", [], failed=["c1"])
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select currency, date_day, closing_balance, closing_prepaid_balance,"
        " closing_pending_amount, closing_real_time_balance, living_wallets,"
        " carried_forward_wallets from flexprice.customer_balance_daily order by all",
    ) == [
        ("eur", "03-01", "200", "200", None, None, 1, 0),
        ("eur", "03-02", "200", "200", None, None, 1, 1),
        ("usd", "03-01", "157", "150", "10", "140", 3, 0),
        ("usd", "03-02", "157", "150", None, None, 3, 3),
    ]


def test_the_pending_amount_observed_last_counts():
    history = History()
    history.snapshot(
        "2026-03-01 08:00", [wallet("w1", 100, real_time=90), wallet("w2", 50, real_time=40)]
    )
    history.snapshot("2026-03-01 12:00", [wallet("w2", 50, real_time=30)], rejected=["w1"])
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select closing_pending_amount, closing_real_time_balance from"
        " flexprice.customer_balance_daily",
    ) == [("20", "130")]


def test_overdrawn_wallets_do_not_lessen_the_liability():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 100, free=30, purchased=70, real_time=100),
            wallet("w2", -20, free=0, purchased=0, real_time=-20),
            wallet("w3", 5),
        ],
    )
    history.snapshot(
        "2026-03-02 08:00", [wallet("w1", 0, ended="closed"), wallet("w2", -20), wallet("w3", 5)]
    )
    assert rows_of(
        history.warehouse(),
        "select date_day, outstanding_balance, overdrawn_balance, outstanding_credits,"
        " free_credits, purchased_credits, wallets, overdrawn_wallets, broken_down_wallets from"
        " flexprice.currency_balance_daily order by date_day",
    ) == [
        ("03-01", "105", "20", "105", "30", "70", 3, 1, 2),
        ("03-02", "5", "20", "5", "0", "0", 2, 1, 1),
    ]


def test_wallets_show_their_settings_as_columns():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, name="Main")])
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet(
                "w1",
                100,
                name="Main",
                thresholds=[("critical", 10, "below"), ("info", "99.5", "below")],
                price_types=["USAGE", "FIXED"],
            )
        ],
    )
    connection = history.warehouse()
    columns = (
        "alert_threshold_critical, alert_condition_critical, alert_threshold_info,"
        " allowed_price_types"
    )
    assert rows_of(
        connection, f"select name, {columns}, settings_valid_from from flexprice.wallets"
    ) == [("Main", "10", "below", "99.5", "FIXED, USAGE", "03-02 08:00")]
    assert rows_of(
        connection,
        f"select valid_from, valid_to, is_current, {columns} from flexprice.wallet_settings_history"
        " order by valid_from",
    ) == [
        ("03-01 08:00", "03-02 08:00", False, None, None, None, None),
        ("03-02 08:00", None, True, "10", "below", "99.5", "FIXED, USAGE"),
    ]
    assert rows_of(
        connection, "select event, detail from flexprice.wallet_lifecycle order by event_at"
    ) == [("appeared", None), ("settings_changed", "allowed_price_types, alert_thresholds")]


def test_alerts_say_since_when_a_threshold_is_reached():
    thresholds = [("critical", 10, "below"), ("warning", 50, "below"), ("info", 500, "above")]
    history = History()
    for day, balance in ((1, 40), (2, 60), (3, 50), (4, 45)):
        history.snapshot(
            f"2026-03-0{day} 08:00", [wallet("w1", balance, real_time=5, thresholds=thresholds)]
        )
    assert rows_of(
        history.warehouse(),
        "select level, is_reached, is_reached_in_real_time, distance, reached_since "
        "from flexprice.wallet_alerts order by level",
    ) == [
        ("critical", False, True, "35", None),
        ("info", False, False, "-455", None),
        ("warning", True, True, "-5", "03-03 08:00"),
    ]


def test_runway_counts_decreases_and_leaves_out_top_ups():
    history = History()
    for day, (one, two) in enumerate(
        ((100, 50), (90, 50), (190, 50), (180, 50), (180, 50), (180, 50)), start=1
    ):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", one), wallet("w2", two)])
    assert rows_of(
        history.warehouse(),
        "select wallet_id, credits_used_7_days, credits_per_day_7_days, days_left_7_days, "
        "depletion_day_7_days, observed_share_7_days "
        "from flexprice.wallet_runway order by wallet_id",
    ) == [
        # 20 credits in the five days observed: four a day, 180 left for 45 days from 6 March.
        ("w1", "20", "4", "45", "04-20", "0.7143"),
        ("w2", "0", "0", None, None, "0.7143"),
    ]


def test_a_change_of_rate_or_currency_is_no_use_of_credits():
    history = History()
    stated = ((1, "usd"), (2, "usd"), (2, "eur"), (1, "eur"))
    for day, (rate, currency) in enumerate(stated, start=1):
        history.snapshot(f"2026-03-0{day} 08:00", [wallet("w1", 100, rate=rate, currency=currency)])
    # 100, 50, 50 and 100 credits: restated, not used.
    assert rows_of(
        history.warehouse(),
        "select credit_balance, credits_used_7_days, credits_used_30_days from flexprice.wallet_runway",
    ) == [("100", "0", "0")]


def test_a_wallet_that_moved_away_from_a_customer_that_failed_was_observed():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 10), wallet("w2", 20)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 10, customer="c2")], failed=["c1"])
    assert rows_of(
        history.warehouse(),
        "select wallet_id, customer_id, last_observed_at from flexprice.wallets order by wallet_id",
    ) == [("w1", "c2", "03-02 08:00"), ("w2", "c1", "03-01 08:00")]


def test_runway_windows_end_with_the_last_snapshot():
    history = History()
    history.snapshot("2026-03-01 00:00", [wallet("w1", 100)])
    history.snapshot("2026-03-05 00:00", [wallet("w1", 80)])
    history.snapshot("2026-03-21 00:00", [wallet("w1", 73)])
    assert rows_of(
        history.warehouse(),
        "select credits_used_7_days, credits_used_30_days, credits_per_day_30_days,"
        " observed_share_30_days from flexprice.wallet_runway",
    ) == [("7", "27", "1.35", "0.6667")]


def test_what_looks_wrong_is_found():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 100, real_time=90, free=60, purchased=50),
            wallet("w2", 50, real_time=30),
            wallet("w3", 5, customer="c2"),
        ],
    )
    history.snapshot(
        "2026-03-01 09:00",
        [
            wallet("w1", 100, real_time=90, free=60, purchased=50),
            wallet("w2", 50, real_time=30),
        ],
        failed=["c2"],
    )
    history.snapshot(
        "2026-03-01 10:00",
        [wallet("w1", 100, real_time=90, free=60, purchased=50)],
        rejected=["w2"],
    )
    connection = history.warehouse()
    connection.execute(
        "update flexprice_raw.stored_wallets set credit_balance = 6 where wallet_id = 'w3'"
    )
    assert rows_of(
        connection,
        "select finding, wallet_id, customer_id, actual_value, expected_value "
        "from flexprice.wallet_data_quality order by finding",
    ) == [
        ("breakdown_above_balance", "w1", "c1", "110", "100"),
        ("rate_mismatch", "w3", "c2", "5", "6"),
        ("rejected", "w2", "c1", "1", "0"),
        ("stale", "w2", "c1", "3600", "0"),
    ]


def test_wallets_read_by_one_run_must_agree_on_what_is_pending():
    history = History()
    history.snapshot(
        "2026-03-01 08:00", [wallet("w1", 100, real_time=90), wallet("w2", 50, real_time=30)]
    )
    assert rows_of(
        history.warehouse(),
        "select finding, wallet_id, customer_id, actual_value, expected_value from"
        " flexprice.wallet_data_quality",
    ) == [("pending_disagrees", None, "c1", "20", "10")]


def test_customers_say_when_they_were_observed():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [wallet(f"w{number}", 1, customer=f"c{number}") for number in (1, 2, 3, 4)],
    )
    history.snapshot("2026-03-02 08:00", failed=["c4"], unlisted_customers=["c3"])
    history.snapshot("2026-03-03 08:00", failed=["c2"])
    history.snapshot("2026-03-04 08:00", failed=["c1", "c2", "c4"])
    history.snapshot("2026-03-05 08:00", selected=["c2"])
    assert rows_of(
        history.warehouse(),
        "select customer_id, is_listed, first_observed_at, last_observed_at, living_wallets "
        "from flexprice.customers order by customer_id",
    ) == [
        ("c1", True, "03-01 08:00", "03-03 08:00", 1),
        ("c2", True, "03-01 08:00", "03-05 08:00", 1),
        ("c3", False, "03-01 08:00", "03-02 08:00", 1),
        ("c4", True, "03-01 08:00", "03-03 08:00", 1),
    ]


def test_snapshots_and_freshness_say_how_runs_went():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    history.snapshot("2026-03-02 08:00", failed=["c1"])
    history.snapshot("2026-03-03 08:00", rejected=["w1"])
    connection = history.warehouse()
    connection.execute(
        "insert into flexprice_raw._dlt_loads (load_id, inserted_at) "
        "select snapshot_id, snapshot_at + interval 5 minute from flexprice_raw.snapshots"
    )
    assert rows_of(
        connection,
        "select date_day, completeness, duration_seconds, loaded_at from flexprice.snapshots order"
        " by snapshot_at",
    ) == [
        ("03-01", "complete", "60", "03-01 08:05"),
        ("03-02", "partial", "60", "03-02 08:05"),
        ("03-03", "partial", "60", "03-03 08:05"),
    ]
    assert rows_of(
        connection,
        "select snapshots, last_snapshot_at, last_complete_snapshot_at,"
        " partial_snapshots_since_complete, failures_since_complete,"
        " customers_failed_since_complete, rejections_since_complete,"
        " last_complete_snapshot_age_seconds - last_snapshot_age_seconds from flexprice.freshness",
    ) == [(3, "03-03 08:00", "03-01 08:00", 2, 1, 1, 1, 2 * 86400)]


def test_an_empty_warehouse_answers():
    connection = History().warehouse()
    assert rows_of(connection, "select snapshots, last_snapshot_at from flexprice.freshness") == [
        (0, None)
    ]
    for view in ("wallets", "wallet_balance_daily", "currency_balance_daily", "wallet_runway"):
        assert rows_of(connection, f"from flexprice.{view}") == []


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


def test_a_figure_that_was_taken_counts_as_observed_though_another_was_rejected():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 100, real_time=80)], rejected=["w1"])
    history.snapshot("2026-03-03 08:00", [], rejected=["w1"])
    assert daily(history.warehouse(), "closing_real_time_balance", "observation") == [
        ("w1", "03-01", "90", "changed"),
        ("w1", "03-02", "80", "unchanged"),
        ("w1", "03-03", None, "carried_forward"),
    ]


def test_figures_whose_settled_balance_could_not_be_taken_wait_for_it():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, real_time=90)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 120, real_time=110)])
    connection = empty_warehouse()
    history.load(connection, 0, 1)
    connection.execute("delete from flexprice_raw.wallet_balances")
    assert apply_snapshots(connection) == 1
    history.load(connection, 1)
    assert apply_snapshots(connection) == 1
    create_views(connection)
    assert rows_of(
        connection,
        "select valid_from, balance, real_time_balance from flexprice.wallet_balance_history",
    ) == [("03-02 08:00", "120", "110")]
    assert rows_of(connection, "from flexprice.wallet_balance_changes") == []
    assert daily(connection, "opening_balance", "closing_balance") == [("w1", "03-02", None, "120")]
    assert rows_of(
        connection, "select first_observed_at, balance_valid_from from flexprice.wallets"
    ) == [("03-01 08:00", "03-02 08:00")]


def test_a_cached_figure_never_decides_where_a_fresh_one_exists():
    history = History()
    # w1 was topped up by 100; the server's cache does not know it yet, and says 1 + 100 are pending.
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 200, real_time=99, cached=True),
            wallet("w2", 50, real_time=49),
            wallet("w3", 30, customer="c2", real_time=20, cached=True),
        ],
    )
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select customer_id, closing_pending_amount, closing_real_time_balance, is_pending_cached "
        "from flexprice.customer_balance_daily order by customer_id",
    ) == [("c1", "1", "249", False), ("c2", "10", "20", True)]
    assert rows_of(
        connection, "select wallet_id, is_cached_fallback from flexprice.wallets order by wallet_id"
    ) == [("w1", True), ("w2", None), ("w3", True)]
    # Of what the cache says nobody can tell whether it disagrees.
    assert rows_of(connection, "from flexprice.wallet_data_quality") == []
