"""A report of the small history, and a browser to look at it with."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.report.browser import Browser, chromium, opened_browser
from tests.small_history import SmallHistory, small_history
from tests.views.ledger import LedgerHistory, credit, debit
from tests.views.seen import wallet


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with opened_browser(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def page(history: SmallHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report about everybody."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report import write_report

    output = tmp_path_factory.mktemp("report") / "report.html"
    write_report(history.warehouse, output)
    return output


@pytest.fixture(scope="module")
def wallet_page(history: SmallHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report about the wallet of the story."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report import Subject, write_report

    output = tmp_path_factory.mktemp("report") / "wallet.html"
    write_report(history.warehouse, output, subject=Subject("wallet", history.wallet_id))
    return output


@pytest.fixture(scope="module")
def crowded_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of books with every line and of amounts and names that need much room."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report.asked import Asked
    from flexprice_wallets.use.report.charts import scripts
    from flexprice_wallets.use.report.write import page_about_everybody

    connection = crowded_ledger().warehouse()
    connection.execute("update flexprice_raw.customers set name = repeat('Donaudampfschiff', 5)")
    ask = Asked(connection, raw_schema="flexprice_raw", schema="flexprice")
    output = tmp_path_factory.mktemp("report") / "crowded.html"
    output.write_text(page_about_everybody(ask, "flexprice", scripts()), encoding="utf-8")
    return output


def crowded_ledger() -> LedgerHistory:
    """Every line of the books in one currency, in millions: a transaction is missing, a closed wallet holds money."""
    big = Decimal("123456789.12")
    credits_ = (
        "PURCHASED_CREDIT_DIRECT",
        "FREE_CREDIT_GRANT",
        "CREDIT_NOTE",
        "CREDIT_ADJUSTMENT",
        "NEW_REASON",
    )
    debits = ("INVOICE_PAYMENT", "CREDIT_EXPIRED", "WALLET_TERMINATION")
    inr = {"currency": "inr", "wallet": "w1"}
    held = Decimal(0)
    lines = []
    for number, reason in enumerate((*credits_, *debits), 1):
        at = f"2026-03-{number:02} 10:00"
        if reason in credits_:
            lines.append(credit(f"t{number}", big, before=held, at=at, reason=reason, **inr))
            held += big
        else:
            lines.append(debit(f"t{number}", big / 2, before=held, at=at, reason=reason, **inr))
            held -= big / 2
    # One before this is not there.
    lines.append(credit("t9", big, before=held + big, at="2026-03-09 10:00", **inr))
    held += 2 * big
    lines.append(credit("t10", big, at="2026-03-09 10:00", wallet="w2", currency="inr"))
    ended = wallet("w2", big, currency="inr", ended="closed", name="Überschuss" * 6)
    story = LedgerHistory()
    story.snapshot(
        "2026-03-10 08:00",
        [wallet("w1", held, currency="inr"), wallet("w2", big, currency="inr")],
        lines,
    )
    return story.snapshot(
        "2026-03-11 08:00", [wallet("w1", held * 2, rate=2, currency="inr"), ended], lines
    )
