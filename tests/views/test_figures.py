"""Real-time figures, credits by kind and sums, in small histories whose answers can be checked by reading."""

from __future__ import annotations

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import History, daily, empty_warehouse, rows_of, wallet


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
