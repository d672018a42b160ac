"""What the report says of a ledger of a few transactions whose answers can be checked by reading."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from flexprice_wallets.use.report import ledger_curve, ledger_sections
from flexprice_wallets.use.report.asked import Asked
from flexprice_wallets.use.report.holdings import Holding
from flexprice_wallets.use.report.page import Page
from flexprice_wallets.use.report.parts import Section, Subject
from flexprice_wallets.use.report.write import page_about
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


def asked(balance: int, subject: tuple[str, str] | None = None) -> Asked:
    held = wallet("w1", balance, rate="0.5")
    connection: duckdb.DuckDBPyConnection = (
        LedgerHistory().snapshot("2026-04-02 08:00", [held], LEDGER).warehouse()
    )
    return Asked(connection, raw_schema="flexprice_raw", schema="flexprice", subject=subject)


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
    # Opening, purchased, granted, used, expired, closing, each as shown and exactly.
    books = said[said.index("Books in USD by month (UTC), the latest first; 2026-04 is not over") :]
    assert "2026-04 45.00 45 0.00 0 0.00 0 0.00 0 −5.00 −5 40.00 40" in books
    assert "2026-03 45.00 45 0.00 0 0.00 0 0.00 0 0.00 0 45.00 45" in books
    assert "2026-02 60.00 60 0.00 0 0.00 0 −15.00 −15 0.00 0 45.00 45" in books
    assert "2026-01 0.00 0 50.00 50 10.00 10 0.00 0 0.00 0 60.00 60" in books


def test_the_picture_of_the_books_shows_what_the_table_says() -> None:
    page = Page("Test")
    section = ledger_sections.roll_forward(asked(40), page.draw)
    [drawn] = [item["place"].chart.specification for item in section.data["currencies"]]
    bars, line = (layer["data"]["values"] for layer in json.loads(drawn)["layer"])
    assert [(point["month"], point["part"], point["amount"]) for point in bars] == [
        ("2026-01", "put in", 60.0),
        ("2026-02", "used", -15.0),
        ("2026-04", "expired or lost", -5.0),
    ]
    assert [point["amount"] for point in line] == [60.0, 45.0, 45.0, 40.0]


def test_what_expires_within_30_days() -> None:
    said = text(ledger_sections.expiring(asked(40)))
    assert "USD 40.00 in credits that expire in the 30 days after the last load" in said
    assert "2026-04-12" in said


def test_breakage_is_what_expired_or_was_lost_with_a_wallet() -> None:
    """Two currencies and months: 10 credits of half a dollar expire, 7 euros go with their wallet."""
    euros = {"wallet": "w2", "customer_id": "c2", "currency": "eur"}
    closed = [
        credit("e1", 9, at="2026-02-10 10:00", left=0, **euros),
        debit("e2", 2, before=9, at="2026-02-12 10:00", **euros),
        debit("e3", 7, before=7, at="2026-03-03 12:00", reason="WALLET_TERMINATION", **euros),
    ]
    held = [
        wallet("w1", 40, rate="0.5"),
        wallet("w2", 0, customer="c2", currency="eur", ended="closed"),
    ]
    connection = LedgerHistory().snapshot("2026-04-02 08:00", held, LEDGER + closed).warehouse()
    said = text(
        ledger_sections.breakage(Asked(connection, raw_schema="flexprice_raw", schema="flexprice"))
    )
    assert "were lost when their wallet was closed, since 2026-01: EUR 7.00, USD 5.00." in said
    # Expired, lost, both together.
    assert "2026-03 0.00 0 7.00 7 7.00 7 EUR yes" in said
    assert "2026-04 5.00 5 0.00 0 5.00 5 USD no" in said
    assert said.count("EUR yes") + said.count("USD no") == 2


def test_a_wallet_that_differs_with_what_to_do() -> None:
    assert "last read of each wallet: 1 wallet agrees." in text(
        ledger_sections.reconciliation(asked(40))
    )
    said = text(ledger_sections.reconciliation(asked(45)))
    assert "last read of each wallet: 1 wallet differs." in said
    assert "ask Flexprice what changed the balance" in said


def test_without_a_ledger_one_section_says_so_and_no_balance_is_missing() -> None:
    held = wallet("w1", 40, rate="0.5")
    connection = LedgerHistory().snapshot("2026-04-02 08:00", [held], None).warehouse()
    ask = Asked(connection, raw_schema="flexprice_raw", schema="flexprice")
    assert not ledger_sections.has_ledger(ask)
    assert ledger_sections.has_ledger(asked(40))
    about = Asked(
        connection, raw_schema="flexprice_raw", schema="flexprice", subject=("wallet_id", "w1")
    )
    said = page_about(about, "flexprice", Subject("wallet", "w1"), "")
    assert "Balance in USD as loads read it: 40.00 from 2026-04-02 08:00 UTC" in said
    assert "Reconciliation" not in said


def test_the_curve_is_the_ledgers_where_it_agrees() -> None:
    """The only load came last: all steps before it are the ledger's."""
    for held, source, steps in ((40, "by the ledger", 4), (45, "as loads read it", 1)):
        about = asked(held, subject=("wallet_id", "w1"))
        said = page_about(about, "flexprice", Subject("wallet", "w1"), "")
        assert f"Balance in USD {source}: " in said
        assert f"{steps} step" in said
        assert ("The ledger does not add up to the balance" in said) is (held == 45)
    drawn = re.findall(
        r'<script type="application/json"[^>]*>(.*?)</script>',
        page_about(
            asked(40, subject=("wallet_id", "w1")), "flexprice", Subject("wallet", "w1"), ""
        ),
        re.DOTALL,
    )
    points, marks = (layer["data"]["values"] for layer in json.loads(drawn[0])["layer"])
    assert [(point["at"], point["balance"]) for point in points] == [
        ("2026-01-05T10:00:00Z", 50.0),
        ("2026-01-20T10:00:00Z", 60.0),
        ("2026-02-03T12:00:00Z", 45.0),
        ("2026-04-01T00:00:00Z", 40.0),
        ("2026-04-02T08:00:00Z", 40.0),
    ]
    assert [(mark["at"], mark["exact"]) for mark in marks] == [("2026-01-20T10:00:00Z", "10 USD")]


def test_a_curve_of_very_many_steps_keeps_the_last_of_each_day() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [
        {"valid_from": start + timedelta(hours=number), "currency": "usd", "balance": number}
        for number in range(ledger_curve.STEPS_DRAWN + 8)
    ]
    assert ledger_curve.thinned(steps[:-8]) == steps[:-8]
    days = ledger_curve.thinned(steps)
    assert [row["balance"] for row in days] == list(range(23, len(steps), 24))


def test_many_months_are_drawn_with_a_closer_look_at_the_last_days() -> None:
    until = datetime(2026, 6, 30, tzinfo=UTC)
    starts = [until - timedelta(days=days) for days in (200, 40, 20, 10, 5)]
    ends = [*starts[1:], None]
    steps = [{"valid_from": at, "valid_to": end} for at, end in zip(starts, ends, strict=True)]
    (_, whole), (words, close) = ledger_curve.with_closer_look(steps, until)
    assert whole == steps
    assert words == " in the last 30 days"
    assert [row["valid_from"] for row in close] == [until - timedelta(days=30), *starts[2:]]
    assert ledger_curve.with_closer_look(steps[1:], until) == [("", steps[1:])]
    assert ledger_curve.with_closer_look(steps[:1], until) == [("", steps[:1])]


def test_a_pending_line_tells_what_it_would_move_and_no_balance() -> None:
    pending = credit(
        "t5", 12, before=80, at="2026-04-01 12:00", rate="0.5", status="pending",
        reason="PURCHASED_CREDIT_INVOICED",
    )  # fmt: skip
    held = wallet("w1", 40, rate="0.5")
    connection = (
        LedgerHistory().snapshot("2026-04-02 08:00", [held], [*LEDGER, pending]).warehouse()
    )
    ask = Asked(connection, raw_schema="flexprice_raw", schema="flexprice")
    first, *_ = ledger_sections.lines(ask, Holding("w1", "c1")).rows
    assert (first["credits"], first["amount"], first["credit_balance_after"]) == (12, 6, None)


def test_lines_of_a_wallet() -> None:
    table = ledger_sections.lines(asked(40), Holding("w1", "c1"))
    assert [row["transaction_id"] for row in table.rows] == ["t4", "t3", "t2", "t1"]
    assert [str(row["credit_balance_after"].normalize()) for row in table.rows[:2]] == [
        "8E+1",
        "9E+1",
    ]
