"""Histories, books and reconciliation from the ledger, in small ledgers whose answers can be checked by reading."""

from __future__ import annotations

import pytest

from tests.views.history import rows_of, wallet
from tests.views.ledger import LedgerHistory, credit, debit

LINES = ("purchased", "granted", "refunded", "adjusted", "used", "expired", "terminated", "other")

#: Bought 100 and given 20 in January; 30 used in February, 10 of the given expired in April.
BOOKS = [
    credit("t1", 100, at="2026-01-05 10:00", rate="0.5", left=80, updated="2026-02-03 12:00"),
    credit(
        "t2", 20, before=100, at="2026-01-20 10:00", rate="0.5", reason="FREE_CREDIT_GRANT",
        left=0, updated="2026-04-01 00:00", expires="2026-04-01 00:00",
    ),
    debit("t3", 30, before=120, at="2026-02-03 12:00", rate="0.5"),
    debit("t4", 10, before=90, at="2026-04-01 00:00", rate="0.5", reason="CREDIT_EXPIRED", reference_id="t2"),
]  # fmt: skip
HELD = wallet("w1", 40, rate="0.5")


def roll_forward(connection, unit="credits", view="wallet_roll_forward"):
    columns = ["opening", *LINES, "revaluation", "closing", "unexplained"]
    rows = rows_of(
        connection,
        f"select currency, strftime(month, '%Y-%m'), {', '.join(f'{name}_{unit}' for name in columns)} "
        f"from flexprice.{view} order by all",
    )
    return [
        (currency, month, {name: value for name, value in zip(columns, values, strict=True) if value != "0"})
        for currency, month, *values in rows
    ]  # fmt: skip


def test_the_history_begins_before_the_first_load():
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS).warehouse()
    columns = "transaction_id, credit_balance, balance, valid_from, valid_to, is_current"
    assert rows_of(connection, f"select {columns} from flexprice.wallet_ledger_history order by valid_from") == [
        ("t1", "100", "50", "01-05 10:00", "01-20 10:00", False),
        ("t2", "120", "60", "01-20 10:00", "02-03 12:00", False),
        ("t3", "90", "45", "02-03 12:00", "04-01 00:00", False),
        ("t4", "80", "40", "04-01 00:00", None, True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "held"),
    [
        ("2026-01-05 09:59:59.999999", []),
        ("2026-01-05 10:00:00", [("w1", "100", "50")]),
        ("2026-02-03 11:59:59.999999", [("w1", "120", "60")]),
        ("2026-02-03 12:00:00", [("w1", "90", "45")]),
        ("2030-01-01 00:00:00", [("w1", "80", "40")]),
    ],
)
def test_what_was_held_at_a_moment(moment, held):
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS).warehouse()
    query = f"select wallet_id, credit_balance, balance from flexprice.wallet_ledger_as_of('{moment}+00')"
    assert rows_of(connection, query) == held


def test_the_books_of_a_wallet_month_by_month():
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS).warehouse()
    expected = [
        ("usd", "2026-01", {"purchased": "100", "granted": "20", "closing": "120"}),
        ("usd", "2026-02", {"opening": "120", "used": "-30", "closing": "90"}),
        ("usd", "2026-03", {"opening": "90", "closing": "90"}),
        ("usd", "2026-04", {"opening": "90", "expired": "-10", "closing": "80"}),
    ]
    assert roll_forward(connection) == expected
    assert roll_forward(connection, view="currency_roll_forward") == expected
    amounts = [
        ("usd", "2026-01", {"purchased": "50", "granted": "10", "closing": "60"}),
        ("usd", "2026-02", {"opening": "60", "used": "-15", "closing": "45"}),
        ("usd", "2026-03", {"opening": "45", "closing": "45"}),
        ("usd", "2026-04", {"opening": "45", "expired": "-5", "closing": "40"}),
    ]
    assert roll_forward(connection, "amount") == amounts
    assert roll_forward(connection, "amount", "currency_roll_forward") == amounts
    for view in ("wallet_roll_forward", "currency_roll_forward"):
        over = rows_of(connection, f"select is_over from flexprice.{view} order by month")
        assert over == [(True,), (True,), (True,), (False,)]


def test_a_change_of_the_rate_is_a_revaluation():
    ledger = LedgerHistory()
    ledger.snapshot("2026-02-04 08:00", [wallet("w1", 45, rate="0.5")], BOOKS[:3])
    ledger.snapshot("2026-03-05 08:00", [wallet("w1", "22.5", rate="0.25")], BOOKS[:3])
    expiry = debit("t4", 10, before=90, at="2026-04-01 00:00", rate="0.25", reason="CREDIT_EXPIRED")
    ledger.snapshot("2026-04-02 08:00", [wallet("w1", 20, rate="0.25")], [*BOOKS[:3], expiry])
    connection = ledger.warehouse()
    amounts = [
        ("usd", "2026-01", {"purchased": "50", "granted": "10", "closing": "60"}),
        ("usd", "2026-02", {"opening": "60", "used": "-15", "closing": "45"}),
        ("usd", "2026-03", {"opening": "45", "revaluation": "-22.5", "closing": "22.5"}),
        ("usd", "2026-04", {"opening": "22.5", "expired": "-2.5", "closing": "20"}),
    ]
    assert roll_forward(connection, "amount") == amounts
    assert roll_forward(connection, "amount", "currency_roll_forward") == amounts
    history = (
        "select valid_from, credit_balance, balance, valid_to from flexprice.wallet_ledger_history"
    )
    assert rows_of(
        connection, f"{history} where valid_from > '2026-02-01' order by valid_from"
    ) == [
        ("02-03 12:00", "90", "45", "03-05 08:00"),
        ("03-05 08:00", "90", "22.5", "04-01 00:00"),
        ("04-01 00:00", "80", "20", None),
    ]


def test_a_rate_of_before_the_first_load_is_told_by_debits():
    ledger = [
        credit("t1", 100, at="2026-01-05 10:00", rate=2),
        debit("t2", 10, before=100, at="2026-01-06 10:00", rate=2),
        debit("t3", 10, before=90, at="2026-02-06 10:00", rate=1),
    ]
    connection = (
        LedgerHistory().snapshot("2026-02-07 08:00", [wallet("w1", 80)], ledger).warehouse()
    )
    assert roll_forward(connection, "amount") == [
        ("usd", "2026-01", {"purchased": "200", "used": "-20", "closing": "180"}),
        (
            "usd",
            "2026-02",
            {"opening": "180", "used": "-10", "revaluation": "-90", "closing": "80"},
        ),
    ]


def test_a_change_of_the_currency_moves_all_to_another_book():
    ledger = LedgerHistory()
    ledger.snapshot("2026-02-04 08:00", [wallet("w1", 45, rate="0.5")], BOOKS[:3])
    ledger.snapshot("2026-03-05 08:00", [wallet("w1", 90, currency="eur")], BOOKS[:3])
    connection = ledger.warehouse()
    for view in ("wallet_roll_forward", "currency_roll_forward"):
        assert roll_forward(connection, "amount", view) == [
            ("eur", "2026-03", {"revaluation": "90", "closing": "90"}),
            ("usd", "2026-01", {"purchased": "50", "granted": "10", "closing": "60"}),
            ("usd", "2026-02", {"opening": "60", "used": "-15", "closing": "45"}),
            ("usd", "2026-03", {"opening": "45", "revaluation": "-45"}),
        ]
        assert roll_forward(connection, "credits", view)[0] == (
            "eur", "2026-03", {"revaluation": "90", "closing": "90"},
        )  # fmt: skip


def test_what_no_transaction_explains_is_told_in_its_month():
    withheld = [BOOKS[0], BOOKS[1], BOOKS[3]]
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], withheld).warehouse()
    for view in ("wallet_roll_forward", "currency_roll_forward"):
        assert roll_forward(connection, "credits", view)[-1] == (
            "usd", "2026-04", {"opening": "120", "expired": "-10", "closing": "80", "unexplained": "30"},
        )  # fmt: skip
        assert roll_forward(connection, "amount", view)[-1] == (
            "usd", "2026-04", {"opening": "60", "expired": "-5", "closing": "40", "unexplained": "15"},
        )  # fmt: skip


def test_closed_wallets_are_in_the_books_and_told_apart():
    closing = [
        credit("a", 10, at="2026-01-05 10:00", wallet="w2", left=0, updated="2026-02-10 12:00"),
        debit("b", 10, before=10, at="2026-02-10 12:00", wallet="w2", reason="WALLET_TERMINATION"),
    ]
    late = credit(
        "c", 7, at="2026-02-01 12:00", wallet="w2", updated="2026-04-01 12:00",
        reason="PURCHASED_CREDIT_INVOICED",
    )  # fmt: skip
    ledger = LedgerHistory()
    ledger.snapshot(
        "2026-02-04 08:00",
        [wallet("w1", 45, rate="0.5"), wallet("w2", 10)],
        [*BOOKS[:3], closing[0]],
    )
    ledger.snapshot("2026-02-11 08:00", [wallet("w2", 0, ended="closed")], [*BOOKS[:3], *closing])
    ledger.snapshot(
        "2026-04-02 08:00", [HELD, wallet("w2", 7, ended="closed")], [*BOOKS, *closing, late]
    )
    connection = ledger.warehouse()
    columns = "terminated_amount, closing_amount, closing_ended_amount, closing_ended_credits"
    assert rows_of(
        connection, f"select {columns} from flexprice.currency_roll_forward order by month"
    ) == [
        ("0", "70", "0", "0"),
        ("-10", "45", "0", "0"),
        ("0", "45", "0", "0"),
        ("0", "47", "7", "7"),
    ]
    closed = "select closing_credits, is_closed from flexprice.wallet_roll_forward where wallet_id = 'w2'"
    assert rows_of(connection, f"{closed} order by month") == [
        ("10", False),
        ("0", True),
        ("0", True),
        ("7", True),
    ]
    assert reconciliation(connection) == [("w1", "reconciled", None), ("w2", "reconciled", None)]


def reconciliation(connection, *columns):
    names = ", ".join(("state", "finding", *columns))
    query = f"select wallet_id, {names} from flexprice.ledger_reconciliation order by wallet_id"
    return rows_of(connection, query)


FIGURES = ("observed_credits", "ledger_credits", "difference_credits")


def test_books_that_close():
    connection = (
        LedgerHistory().snapshot("2026-04-02 08:00", [HELD, wallet("w2", 0)], BOOKS).warehouse()
    )
    assert reconciliation(connection, *FIGURES) == [
        ("w1", "reconciled", None, "80", "80", "0"),
        ("w2", "reconciled", None, "0", "0", "0"),
    ]


def test_a_transaction_that_the_api_withholds_at_the_end():
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS[:3]).warehouse()
    [(_, state, finding, *figures)] = reconciliation(connection, *FIGURES)
    assert (state, figures) == ("differs", ["80", "90", "-10"])
    assert finding == "what is left of the credits does not add up to the balance"


def test_a_transaction_that_the_api_withholds_in_between():
    withheld = [BOOKS[0], BOOKS[1], BOOKS[3]]
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], withheld).warehouse()
    [(_, state, finding, *figures)] = reconciliation(connection, *FIGURES, "missing_credits")
    assert (state, figures) == ("differs", ["80", "110", "-30", "30"])
    assert finding == "the balances of two transactions do not join: one between them is missing"


def test_two_withheld_transactions_that_cancel_each_other_out():
    told = [
        credit("t1", 20, at="2026-01-05 10:00", left=17, updated="2026-01-07 10:00"),
        # A credit of 5 is withheld here, and its expiry below.
        debit("t2", 3, before=25, at="2026-01-07 10:00"),
        credit("t3", 6, before=17, at="2026-01-09 10:00"),
    ]
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [wallet("w1", 23)], told).warehouse()
    [(_, state, finding, *figures)] = reconciliation(connection, *FIGURES, "missing_credits")
    assert (state, figures) == ("differs", ["23", "23", "0", "10"])
    assert finding == "the balances of two transactions do not join: one between them is missing"


def test_a_balance_that_was_changed_behind_the_ledger():
    ledger = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS)
    ledger.snapshot("2026-04-03 08:00", [wallet("w1", 41, rate="0.5")], BOOKS)
    assert reconciliation(ledger.warehouse(), *FIGURES) == [
        ("w1", "differs", "the balance differs from the sum of the transactions", "82", "80", "2")
    ]


def test_a_transaction_that_was_changed_afterwards():
    ledger = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS)
    changed = {**BOOKS[2], "transaction_reason": "MANUAL_BALANCE_DEBIT"}
    ledger.snapshot("2026-04-03 08:00", [HELD], [*BOOKS[:2], changed, BOOKS[3]])
    assert reconciliation(ledger.warehouse(), "changed_transactions") == [
        ("w1", "differs", "a transaction changed after it was completed", 1)
    ]


def test_a_wallet_that_moved_between_its_answer_and_the_ledger_is_in_flight_or_reconciled():
    before = BOOKS[:3]
    after = [*BOOKS[:2], BOOKS[2], debit("t5", 5, before=90, at="2026-04-02 08:01", rate="0.5")]
    after[0] = {**BOOKS[0], "credits_available": 75}
    after[1] = {**BOOKS[1], "credits_available": 10}
    ledger = LedgerHistory().snapshot("2026-04-02 08:00", [wallet("w1", 45, rate="0.5")], after)
    # The ledger knows what it was before the run.
    assert reconciliation(ledger.warehouse(), "ledger_credits") == [
        ("w1", "reconciled", None, "90")
    ]
    # By another clock, it was before the run already.
    late = LedgerHistory().snapshot("2026-04-02 08:02", [wallet("w1", 45, rate="0.5")], after)
    assert reconciliation(late.warehouse()) == [
        ("w1", "in_flight", "the wallet moved while it was read")
    ]
    late.snapshot("2026-04-02 09:00", [wallet("w1", 45, rate="0.5")], after)
    [(_, state, _)] = reconciliation(late.warehouse())
    assert state == "differs"
    assert before


def test_a_balance_that_moved_since_the_ledger_was_read_is_in_flight():
    ledger = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS)
    ledger.snapshot("2026-04-03 08:00", [wallet("w1", 30, rate="0.5"), wallet("w2", 5)], None)
    assert reconciliation(ledger.warehouse(), "ledger_credits") == [
        ("w1", "in_flight", "the ledger was not read since the balance moved", "80"),
        ("w2", "no_ledger", "no ledger was read for the wallet", None),
    ]


def test_without_any_ledger():
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], None).warehouse()
    assert reconciliation(connection) == [("w1", "no_ledger", "no ledger was read for the wallet")]
    for view in (
        "wallet_ledger_history",
        "wallet_roll_forward",
        "currency_roll_forward",
        "credit_grants",
    ):
        assert rows_of(connection, f"from flexprice.{view}") == []


def test_what_became_of_each_grant():
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [HELD], BOOKS).warehouse()
    columns = "origin, granted_credits, used_credits, expired_credits, available_credits, available_amount, age_days"
    assert rows_of(
        connection, f"select transaction_id, {columns} from flexprice.credit_grants order by 1"
    ) == [
        ("t1", "purchased", "100", "20", "0", "80", "40", 86),
        ("t2", "free", "20", "10", "10", "0", "0", 71),
    ]


def test_what_expires_on_which_day():
    grants = [
        credit("t1", 100, at="2026-01-05 10:00", expires="2026-04-10 00:00", rate="0.5"),
        credit(
            "t2", 20, before=100, at="2026-01-05 11:00", expires="2026-04-10 23:59", rate="0.5",
            reason="CREDIT_NOTE",
        ),
        credit("t3", 5, before=120, at="2026-01-05 12:00", expires="2026-04-01 00:00", rate="0.5"),
        credit("t4", 1, before=125, at="2026-01-05 13:00", rate="0.5"),
        credit("t5", 9, before=126, at="2026-01-05 13:00", expires="2026-04-10 00:00", status="pending"),
    ]  # fmt: skip
    connection = (
        LedgerHistory()
        .snapshot("2026-04-02 08:00", [wallet("w1", 63, rate="0.5")], grants)
        .warehouse()
    )
    columns = (
        "wallet_id, customer_id, date_day, expiring_credits, expiring_amount, purchased_amount, grants, "
        "is_overdue"
    )
    assert rows_of(
        connection, f"select {columns} from flexprice.credits_expiring order by date_day"
    ) == [
        ("w1", "c1", "04-01", "5", "2.5", "2.5", 1, True),
        ("w1", "c1", "04-10", "120", "60", "50", 2, False),
    ]


def splits(connection):
    columns = ", ".join(f"ledger_{kind}_balance" for kind in ("purchased", "free", "other"))
    query = f"select date_day, outstanding_balance, {columns} from flexprice.currency_balance_daily"
    return rows_of(connection, f"{query} order by date_day")


def test_the_split_of_what_is_outstanding():
    ledger = LedgerHistory()
    ledger.snapshot("2026-02-01 08:00", [wallet("w1", 60, rate="0.5"), wallet("w2", 5)], None)
    bought, given = BOOKS[0] | {"credits_available": 100}, BOOKS[1] | {"credits_available": 20}
    note = credit("n", 5, at="2026-01-02 10:00", wallet="w2", reason="CREDIT_NOTE")
    ledger.snapshot(
        "2026-02-02 08:00", [wallet("w1", 60, rate="0.5"), wallet("w2", 5)], [bought, given, note]
    )
    ledger.snapshot(
        "2026-02-04 08:00", [wallet("w1", 45, rate="0.5"), wallet("w2", 5)],
        [BOOKS[0], given | {"credits_available": 10}, BOOKS[2], note],
    )  # fmt: skip
    # The balance has moved, and the ledger was not read.
    ledger.snapshot("2026-02-05 08:00", [wallet("w1", 30, rate="0.5"), wallet("w2", 9)], None)
    # A wallet that has ended is not outstanding.
    ledger.snapshot(
        "2026-02-06 08:00", [wallet("w1", 45, rate="0.5", ended="closed"), wallet("w2", 9)], None
    )
    assert splits(ledger.warehouse()) == [
        ("02-01", "65", None, None, None),
        ("02-02", "65", "50", "10", "5"),
        ("02-03", "65", "50", "10", "5"),
        ("02-04", "50", "40", "5", "5"),
        # What is left of the grants is more than the wallet holds: what was bought is spent last.
        ("02-05", "39", "30", "0", "9"),
        ("02-06", "9", "0", "0", "9"),
    ]
