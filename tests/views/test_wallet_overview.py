"""One line for a wallet: known answers."""

from __future__ import annotations

import json

from tests.views.history import History, rows_of, wallet
from tests.views.ledger import LedgerHistory, credit, debit


def test_a_line_says_who_what_and_how_much():
    history = History()
    for day, balance in ((1, 100), (2, 80)):
        history.snapshot(
            f"2026-03-0{day} 08:00",
            [
                wallet(
                    "w1",
                    balance,
                    name="Main",
                    rate=2,
                    real_time=balance - 30,
                    free=10,
                    purchased=balance // 2 - 10,
                    thresholds=[
                        ("critical", 10, "below"),
                        ("info", 90, "below"),
                        ("warning", 80, "below"),
                    ],
                )
            ],
        )
    connection = history.warehouse()
    assert rows_of(
        connection,
        "select customer_name, name, state, alerts_reached, balance, balance_after_pending, purchased_balance,"
        " free_balance, credit_balance, days_left, depletion_day, ended from flexprice.wallet_overview",
    ) == [
        # 10 credits went in a day; after the 30 pending, 25 are left.
        ("Customer c1", "Main", "running", "info, warning", "80", "50", "60", "20", "40", "2.5", "03-04", None)
    ]  # fmt: skip


def test_metadata_is_json_whatever_it_holds():
    metadata = {"plan": "pro", 'a "key"': 'back\\slash, "quotes"\nand\tlines', "ü": "{}"}
    history = History()
    history.snapshot(
        "2026-03-01 08:00", [wallet("w1", 1, metadata={"plan": "free"}), wallet("w2", 1)]
    )
    history.snapshot("2026-03-02 08:00", [wallet("w1", 1, metadata=metadata), wallet("w2", 1)])
    (one, two) = (
        history.warehouse()
        .execute("select metadata from flexprice.wallet_overview order by wallet_id")
        .fetchall()
    )
    assert json.loads(one[0]) == metadata
    assert two[0] is None


def test_movements_are_told_by_what_came_and_went():
    history = History()
    # Topped up on the 2nd, used on the 3rd, restated on the 4th; w2 never moves.
    for day, balance, rate in ((1, 10, 1), (2, 20, 1), (3, 15, 1), (4, 30, 2), (5, 30, 2)):
        history.snapshot(
            f"2026-03-0{day} 08:00", [wallet("w1", balance, rate=rate), wallet("w2", 5)]
        )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, last_moved_at, last_topup_at, last_used_at from flexprice.wallet_overview"
        " order by wallet_id",
    ) == [("w1", "03-03 08:00", "03-02 08:00", "03-03 08:00"), ("w2", None, None, None)]


def test_negative_since_the_load_that_saw_it_cross_zero():
    history = History()
    balances = {"w1": (5, -1, 0, -2, -3), "w2": (-1, -2, -3, -4, -5), "w3": (-1, -2, -3, -4, 0)}
    for day in range(5):
        history.snapshot(
            f"2026-03-0{day + 1} 08:00",
            [wallet(name, held[day]) for name, held in balances.items()],
        )
    assert rows_of(
        history.warehouse(),
        "select wallet_id, negative_since from flexprice.wallet_overview order by wallet_id",
    ) == [("w1", "03-04 08:00"), ("w2", "03-01 08:00"), ("w3", None)]


def test_an_ended_wallet_says_so_and_has_no_runway():
    history = History()
    history.snapshot("2026-03-01 08:00", [wallet("w1", -5)])
    history.snapshot("2026-03-02 08:00", [wallet("w1", -5, ended="closed")])
    assert rows_of(
        history.warehouse(),
        "select ended, state, days_left, negative_since, last_used_at, ended_at from flexprice.wallet_overview",
    ) == [("closed", None, None, None, None, "03-02 08:00")]


def test_the_ledger_knows_when_credits_came_and_went():
    ledger = LedgerHistory()
    ledger.snapshot(
        "2026-03-01 08:00",
        [wallet("w1", 70), wallet("w2", 5)],
        [
            credit("t1", 100, at="2026-01-05 10:00"),
            debit("t2", 20, before=100, at="2026-02-03 12:00"),
            debit("t4", 10, before=80, at="2026-02-05 12:00", reason="CREDIT_EXPIRED"),
            # What is pending has not come.
            credit("t3", 9, at="2026-02-20 10:00", status="pending"),
        ],
    )
    assert rows_of(
        ledger.warehouse(),
        "select wallet_id, is_from_ledger, strftime(last_topup_at, '%m-%d %H:%M'),"
        " strftime(last_used_at, '%m-%d %H:%M'), strftime(last_moved_at, '%m-%d %H:%M')"
        " from flexprice.wallet_overview order by wallet_id",
    ) == [
        ("w1", True, "01-05 10:00", "02-03 12:00", "02-05 12:00"),
        ("w2", False, None, None, None),
    ]
