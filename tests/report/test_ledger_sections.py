"""What the report says of a ledger of a few transactions whose answers can be checked by reading."""

from __future__ import annotations

import re

import duckdb
import pytest

from flexprice_wallets.use.report import ledger_sections
from flexprice_wallets.use.report.asked import Asked
from flexprice_wallets.use.report.holdings import Holding
from flexprice_wallets.use.report.page import Page
from flexprice_wallets.use.report.parts import Section
from tests.views.history import wallet
from tests.views.ledger import LedgerHistory, credit, debit

pytest.importorskip("altair", reason="the extra `report` is not installed")

#: Bought 100, given 20; 30 used in February, 10 of the given expired in April, 70 lapse ten days later.
LEDGER = [
    credit(
        "t1", 100, at="2026-01-05 10:00", rate="0.5", left=80, updated="2026-02-03 12:00",
        expires="2026-04-12 00:00",
    ),
    credit(
        "t2", 20, before=100, at="2026-01-20 10:00", rate="0.5", reason="FREE_CREDIT_GRANT",
        left=0, updated="2026-04-01 00:00", expires="2026-04-01 00:00",
    ),
    debit("t3", 30, before=120, at="2026-02-03 12:00", rate="0.5"),
    debit("t4", 10, before=90, at="2026-04-01 00:00", rate="0.5", reason="CREDIT_EXPIRED", reference_id="t2"),
]  # fmt: skip


def asked(balance: int) -> Asked:
    held = wallet("w1", balance, rate="0.5")
    connection: duckdb.DuckDBPyConnection = (
        LedgerHistory().snapshot("2026-04-02 08:00", [held], LEDGER).warehouse()
    )
    return Asked(connection, raw_schema="flexprice_raw", schema="flexprice")


def text(section: Section, page: Page | None = None) -> str:
    page = page or Page("Test")
    page.add(section)
    body = page.html("").split("<main", 1)[1].split("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_books_by_month() -> None:
    page = Page("Test")
    said = text(ledger_sections.roll_forward(asked(40), page.draw), page)
    assert "2026-01 to 2026-04: opening 0.00, closing 40.00" in said
    assert "the ledger explains every movement" in said


def test_what_expires_within_30_days() -> None:
    said = text(ledger_sections.expiring(asked(40)))
    assert "USD 40.00 will expire within 30 days or is overdue" in said
    assert "2026-04-12" in said


def test_breakage_is_what_expired() -> None:
    said = text(ledger_sections.breakage(asked(40)))
    assert "USD 5.00 expired or was closed with money" in said
    assert "2026-04-01" in said


def test_a_wallet_that_differs_with_what_to_do() -> None:
    assert "1 wallet reconciled." in text(ledger_sections.reconciliation(asked(40)))
    said = text(ledger_sections.reconciliation(asked(45)))
    assert "1 wallet differs." in said
    assert "ask Flexprice what changed the balance" in said


def test_without_a_ledger_each_section_says_so() -> None:
    held = wallet("w1", 40, rate="0.5")
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [held], None).warehouse()
    ask = Asked(connection, raw_schema="flexprice_raw", schema="flexprice")
    page = Page("Test")
    for section in (
        ledger_sections.roll_forward(ask, page.draw),
        ledger_sections.expiring(ask),
        ledger_sections.breakage(ask),
        ledger_sections.reconciliation(ask),
    ):
        assert section.data == {
            "sentence": "The warehouse has no ledger: load it with --ledger to see this.",
            "tables": (),
        }


def test_lines_of_a_wallet() -> None:
    table = ledger_sections.lines(asked(40), Holding("w1", "c1"))
    assert [row["transaction_id"] for row in table.rows] == ["t4", "t3", "t2", "t1"]
    assert [str(row["credit_balance_after"].normalize()) for row in table.rows[:2]] == [
        "8E+1",
        "9E+1",
    ]
