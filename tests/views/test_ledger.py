"""The ledger's transactions, in small ledgers whose answers can be checked by reading."""

from __future__ import annotations

from tests.views.history import rows_of, wallet
from tests.views.ledger import LedgerHistory, credit, debit


def transactions(connection, *columns):
    return rows_of(
        connection,
        f"select transaction_id, {', '.join(columns)} from flexprice.wallet_transactions "
        "order by wallet_id, ledger_position nulls last, transaction_id",
    )


def test_what_each_transaction_moved():
    ledger = LedgerHistory().snapshot(
        "2026-03-01 08:00",
        [wallet("w1", 40, rate="0.5")],
        [
            credit(
                "t1", 100, at="2026-01-05 10:00", left=70, updated="2026-02-03 12:00", rate="0.5"
            ),
            debit("t2", 30, before=100, at="2026-02-03 12:00", rate="0.5"),
            credit("t3", 10, before=70, at="2026-02-04 12:00", reason="CREDIT_NOTE", rate="0.5"),
            credit("t4", 5, before=80, at="2026-02-05 12:00", status="pending", rate="0.5"),
            credit("t5", 7, before=80, at="2026-02-06 12:00", status="failed", rate="0.5"),
            credit("t6", 1, before=80, at="2026-02-07 12:00", reason="A_NEW_REASON", rate="0.5"),
            debit("t7", 1, before=81, at="2026-02-08 12:00", reason=None, rate="0.5"),
        ],
    )
    columns = ("ledger_position", "movement", "origin", "credit_delta", "balance_delta")
    assert transactions(ledger.warehouse(), *columns) == [
        ("t1", 1, "purchased", "purchased", "100", "50"),
        ("t2", 2, "used", None, "-30", "-15"),
        ("t3", 3, "refunded", "other", "10", "5"),
        ("t6", 4, "other", "other", "1", "0.5"),
        ("t7", 5, "other", None, "-1", "-0.5"),
        ("t4", None, "purchased", "purchased", "0", "0"),
        ("t5", None, "purchased", "purchased", "0", "0"),
    ]


#: A purchase that was paid after a debit, and consumed in part since.
PENDING = credit(
    "p", 50, before=10, at="2026-03-01 12:00", reason="PURCHASED_CREDIT_INVOICED", status="pending"
)
PAID = credit(
    "p", 50, before=4, at="2026-03-01 12:00", reason="PURCHASED_CREDIT_INVOICED",
    left=44, updated="2026-03-07 12:00",
)  # fmt: skip
GIVEN = credit("a", 10, at="2026-02-01 12:00", reason="FREE_CREDIT_GRANT")
USED = [
    credit(
        "a",
        10,
        at="2026-02-01 12:00",
        reason="FREE_CREDIT_GRANT",
        left=0,
        updated="2026-03-07 12:00",
    ),
    debit("d1", 6, before=10, at="2026-03-03 12:00"),
    debit("d2", 10, before=54, at="2026-03-07 12:00"),
]
TIMES = ("ledger_position", "completed_after", "completed_at", "is_completed_at_exact")


def test_a_purchase_paid_later_stands_where_the_chain_says():
    ledger = LedgerHistory().snapshot("2026-03-08 08:00", [wallet("w1", 44)], [*USED, PAID])
    assert transactions(ledger.warehouse(), *TIMES) == [
        ("a", 1, "02-01 12:00", "02-01 12:00", True),
        ("d1", 2, "03-03 12:00", "03-03 12:00", True),
        # It had been paid when d2 found 54 credits.
        ("p", 3, "03-03 12:00", "03-07 12:00", False),
        ("d2", 4, "03-07 12:00", "03-07 12:00", True),
    ]


def test_a_purchase_seen_pending_was_paid_after_the_last_load_that_would_have_known():
    ledger = LedgerHistory()
    ledger.snapshot("2026-03-02 08:00", [wallet("w1", 10)], [GIVEN, PENDING])
    ledger.snapshot("2026-03-05 08:00", [wallet("w1", 4)], [*USED[:2], PENDING])
    ledger.snapshot("2026-03-06 08:00", [wallet("w1", 4)], None)
    ledger.snapshot("2026-03-08 08:00", [wallet("w1", 44)], [*USED, PAID])
    assert transactions(ledger.warehouse(), *TIMES)[2:] == [
        ("p", 3, "03-05 08:00", "03-07 12:00", False),
        ("d2", 4, "03-07 12:00", "03-07 12:00", True),
    ]


def test_a_purchase_that_nothing_consumed_was_paid_when_it_was_updated():
    paid = credit(
        "p", 50, before=4, at="2026-03-01 12:00", updated="2026-03-04 12:00",
        reason="PURCHASED_CREDIT_INVOICED",
    )  # fmt: skip
    ledger = LedgerHistory().snapshot("2026-03-06 08:00", [wallet("w1", 54)], [*USED[:2], paid])
    connection = ledger.warehouse()
    assert transactions(connection, *TIMES)[-1] == ("p", 3, "03-03 12:00", "03-04 12:00", False)
    # Its later use says no more about when it was paid.
    ledger.snapshot("2026-03-08 08:00", [wallet("w1", 44)], [*USED, PAID])
    assert transactions(ledger.warehouse(), *TIMES)[2] == (
        "p", 3, "03-03 12:00", "03-04 12:00", False,
    )  # fmt: skip


def test_transactions_of_one_instant_are_in_the_order_of_their_balances():
    at = "2026-03-01 12:00"
    ledger = LedgerHistory().snapshot(
        "2026-03-02 08:00",
        [wallet("w1", 5)],
        [
            credit("t1", 20, before=30, at=at),
            credit("t2", 30, at=at),
            debit("t3", 50, before=50, at=at),
            debit("t4", 5, before=10, at=at),
            credit("t5", 10, at=at),
        ],
    )
    positions = transactions(ledger.warehouse(), "ledger_position", "missing_credits")
    assert positions == [
        ("t2", 1, "0"),
        ("t1", 2, "0"),
        ("t3", 3, "0"),
        ("t5", 4, "0"),
        ("t4", 5, "0"),
    ]


def test_what_is_missing_between_two_transactions_is_told():
    ledger = LedgerHistory().snapshot(
        "2026-03-02 08:00",
        [wallet("w1", 8, rate="0.5")],
        [
            credit("t1", 20, at="2026-02-01 12:00", rate="0.5"),
            # Here somebody withheld a debit of 7.
            debit("t2", 3, before=13, at="2026-02-02 12:00", rate="0.5"),
            credit("t3", 6, before=10, at="2026-02-03 12:00", rate="0.5"),
        ],
    )
    assert transactions(ledger.warehouse(), "missing_credits", "credit_delta") == [
        ("t1", "0", "20"),
        ("t2", "-7", "-3"),
        ("t3", "0", "6"),
    ]


def test_what_changed_after_its_completion_is_told():
    ledger = LedgerHistory()
    ledger.snapshot(
        "2026-03-02 08:00", [wallet("w1", 20)], [credit("t1", 20, at="2026-02-01 12:00")]
    )
    consumed = credit("t1", 20, at="2026-02-01 12:00", left=15, updated="2026-03-02 12:00")
    rest = debit("t2", 5, before=20, at="2026-03-02 12:00")
    ledger.snapshot("2026-03-03 08:00", [wallet("w1", 15)], [consumed, rest])
    assert transactions(ledger.warehouse(), "changed_at") == [("t1", None), ("t2", None)]
    ledger.snapshot(
        "2026-03-04 08:00",
        [wallet("w1", 15)],
        [{**consumed, "transaction_reason": "CREDIT_NOTE"}, rest],
    )
    ledger.snapshot(
        "2026-03-05 08:00",
        [wallet("w1", 15)],
        [{**consumed, "transaction_reason": "CREDIT_NOTE"}, rest],
    )
    assert transactions(ledger.warehouse(), "changed_at", "movement") == [
        ("t1", "03-04 08:00", "refunded"),
        ("t2", None, "used"),
    ]
