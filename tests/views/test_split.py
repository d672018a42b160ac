"""Free, purchased and other: in currency, beside the balance they belong to, and marked where they are older.

Times are shown as `month-day hour:minute` in UTC.
"""

from __future__ import annotations

from tests.views.history import History, rows_of, wallet

CURRENCY_DAYS = """
    select
        date_day, outstanding_balance, purchased_balance, free_balance, other_balance,
        broken_down_balance, broken_down_share, broken_down_wallets
    from flexprice.currency_balance_daily order by date_day
"""


def test_a_split_older_than_the_balance_does_not_look_fresh():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [wallet("w1", 100, free=30, purchased=70), wallet("w2", 300, free=0, purchased=300)],
    )
    # w2 is frozen: it gets no split any more, and its balance goes down.
    history.snapshot(
        "2026-03-02 08:00",
        [wallet("w1", 100, free=30, purchased=70), wallet("w2", 300, status="frozen")],
    )
    history.snapshot(
        "2026-03-03 08:00",
        [wallet("w1", 100, free=30, purchased=70), wallet("w2", 100, status="frozen")],
    )
    history.snapshot(
        "2026-03-04 08:00",
        [wallet("w1", 100, free=30, purchased=70), wallet("w2", 100, free=0, purchased=100)],
    )
    assert rows_of(history.warehouse(), CURRENCY_DAYS) == [
        ("03-01", "400", "370", "30", "0", "400", "1", 2),
        # The balance is the same as the one that was split.
        ("03-02", "400", "370", "30", "0", "400", "1", 2),
        # Of w2's 100 nobody knows the split: it covers half of what is outstanding.
        ("03-03", "200", "70", "30", "0", "100", "0.5", 1),
        ("03-04", "200", "170", "30", "0", "200", "1", 2),
    ]


def test_a_split_is_in_currency_at_each_wallets_own_rate():
    history = History()
    # 40 credits of 0.5 (20), 10 of them free (5); 30 credits of 2 (60), 5 of them free (10).
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 20, rate="0.5", free=10, purchased=30),
            wallet("w2", 60, rate=2, free=5, purchased=25),
        ],
    )
    history.snapshot(
        "2026-03-02 08:00",
        [
            wallet("w1", 0, rate="0.5", ended="closed"),
            wallet("w2", 60, rate=2, free=5, purchased=25),
        ],
    )
    connection = history.warehouse()
    assert rows_of(connection, CURRENCY_DAYS) == [
        ("03-01", "80", "65", "15", "0", "80", "1", 2),
        ("03-02", "60", "50", "10", "0", "60", "1", 1),
    ]
    # 70 credits of two rates are no figure; 30 of one are.
    assert rows_of(
        connection,
        "select date_day, conversion_rates, outstanding_credits, overdrawn_credits, frozen_credits,"
        " free_credits, purchased_credits from flexprice.currency_balance_daily order by date_day",
    ) == [
        ("03-01", 2, None, None, None, None, None),
        ("03-02", 1, "30", "0", "0", "5", "25"),
    ]


def test_a_changed_rate_makes_the_split_new_or_unknown():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, free=40, purchased=60)])
    # The same credits at twice the rate, the split not asked for; then asked for, and the same.
    history.snapshot("2026-03-02 08:00", [wallet("w1", 200, rate=2)], credits=False)
    history.snapshot("2026-03-03 08:00", [wallet("w1", 200, rate=2, free=40, purchased=60)])
    assert rows_of(history.warehouse(), CURRENCY_DAYS) == [
        ("03-01", "100", "60", "40", "0", "100", "1", 1),
        ("03-02", "200", None, None, None, "0", "0", 0),
        ("03-03", "200", "120", "80", "0", "200", "1", 1),
    ]


def test_a_split_that_was_rejected_or_left_out_is_not_taken_for_confirmed():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [wallet("w1", 100, free=40, purchased=60), wallet("w2", 100, free=40, purchased=60)],
    )
    history.snapshot("2026-03-02 08:00", [wallet("w1", 90), wallet("w2", 90)], rejected=["w2"])
    assert rows_of(history.warehouse(), CURRENCY_DAYS)[-1] == (
        *("03-02", "180", None, None, None, "0", "0", 0),
    )


def test_overdrawn_wallets_have_no_part_in_the_split():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [wallet("w1", 100, free=40, purchased=60), wallet("w2", -5, free=3, purchased=2)],
    )
    assert rows_of(history.warehouse(), CURRENCY_DAYS) == [
        ("03-01", "100", "60", "40", "0", "100", "1", 2)
    ]


def test_a_currency_day_says_what_nobody_looked_at():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100), wallet("w2", 50, customer="c2")])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 100)], selected=["c1"])
    history.snapshot("2026-03-05 08:00", [wallet("w1", 90)], failed=["c2"])
    history.snapshot(
        "2026-03-06 08:00", [wallet("w1", 90), wallet("w2", 50, customer="c2")], failed=[]
    )
    history.snapshot("2026-03-06 20:00", [], failed=["c1", "c2"])
    assert rows_of(
        history.warehouse(),
        "select date_day, outstanding_balance, wallets, carried_forward_wallets, last_snapshot_at,"
        " last_observed_at from flexprice.currency_balance_daily order by date_day",
    ) == [
        ("03-01", "150", 2, 0, "03-01 08:00", "03-01 08:00"),
        ("03-02", "150", 2, 2, "03-01 08:00", "03-01 08:00"),
        ("03-03", "150", 2, 2, "03-01 08:00", "03-01 08:00"),
        ("03-04", "150", 2, 1, "03-04 08:00", "03-01 08:00"),
        ("03-05", "140", 2, 1, "03-05 08:00", "03-01 08:00"),
        ("03-06", "140", 2, 0, "03-06 20:00", "03-06 08:00"),
    ]


def frozen_while_it_was_used() -> History:
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 200, rate=2, free=30, purchased=70)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 160, rate=2, status="frozen")])
    history.snapshot("2026-03-04 08:00", [wallet("w1", 160, rate=2, free=30, purchased=50)])
    return history


def test_a_wallets_split_is_in_money_while_it_belongs_to_the_balance():
    split = "free_credits, free_balance, purchased_balance, other_balance, split_valid_from"
    history = frozen_while_it_was_used()
    assert rows_of(
        history.warehouse(),
        f"select valid_from, balance, {split} from flexprice.wallet_balance_history order by valid_from",
    ) == [
        ("03-01 08:00", "200", "30", "60", "140", "0", "03-01 08:00"),
        # The credits are those last observed; as money they would be a figure of another balance.
        ("03-02 08:00", "160", "30", None, None, None, None),
        ("03-04 08:00", "160", "30", "60", "100", "0", "03-04 08:00"),
    ]
    now = f"select balance, {split} from flexprice.wallets"
    assert rows_of(history.warehouse(until=2), now) == [("160", "30", None, None, None, None)]
    assert rows_of(history.warehouse(), now) == [("160", "30", "60", "100", "0", "03-04 08:00")]


def test_a_wallets_day_carries_the_split_with_its_balance():
    assert rows_of(
        frozen_while_it_was_used().warehouse(),
        "select date_day, closing_balance, closing_conversion_rate, closing_free_balance,"
        " closing_purchased_balance, closing_other_balance, split_valid_from"
        " from flexprice.wallet_balance_daily order by date_day",
    ) == [
        ("03-01", "200", "2", "60", "140", "0", "03-01 08:00"),
        ("03-02", "160", "2", None, None, None, None),
        ("03-03", "160", "2", None, None, None, None),
        ("03-04", "160", "2", "60", "100", "0", "03-04 08:00"),
    ]


def test_a_split_confirmed_later_is_not_shown_earlier():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", 100, free=40, purchased=60)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", 200, rate=2)], credits=False)
    history.snapshot("2026-03-03 08:00", [wallet("w1", 200, rate=2, free=40, purchased=60)])
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select date_day, closing_free_balance from flexprice.wallet_balance_daily order by date_day",
    ) == [("03-01", "40"), ("03-02", None), ("03-03", "80")]
    for moment, expected in (
        ("2026-03-01 12:00", ("100", "40", "03-01 08:00")),
        ("2026-03-02 12:00", ("200", None, None)),
        ("2026-03-03 12:00", ("200", "80", "03-03 08:00")),
    ):
        assert rows_of(
            connection,
            "select balance, free_balance, split_valid_from"
            f" from flexprice.wallet_balance_as_of('{moment}+00')",
        ) == [expected]


def test_a_customers_day_has_the_split_in_money_and_no_credits_of_two_rates():
    history = History()
    history.snapshot(
        "2026-03-01 08:00",
        [
            wallet("w1", 20, rate="0.5", free=10, purchased=30),
            wallet("w2", 60, rate=2, free=5, purchased=25),
            wallet("w3", 10, rate=2),
            wallet("w4", -4, rate=2),
            wallet("w5", 7, customer="c2", rate=2),
        ],
    )
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select customer_id, closing_balance, closing_outstanding_balance, closing_purchased_balance,"
        " closing_free_balance, closing_other_balance, closing_broken_down_balance,"
        " broken_down_wallets, closing_credit_balance"
        " from flexprice.customer_balance_daily order by customer_id",
    ) == [
        ("c1", "86", "90", "65", "15", "0", "80", 2, None),
        ("c2", "7", "7", None, None, None, "0", 0, "3.5"),
    ]
    whose = [("c1", "ext-c1", "Customer c1"), ("c2", "ext-c2", "Customer c2")]
    for source in ("customer_balance_daily", "wallet_balance_as_of('2026-03-01 09:00+00')"):
        assert (
            rows_of(
                connection,
                f"select distinct customer_id, external_id, customer_name from flexprice.{source}"
                " order by customer_id",
            )
            == whose
        )
