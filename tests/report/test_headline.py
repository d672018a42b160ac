"""What is outstanding is one figure, wherever it is said: in `status`, in the report and in the views."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets import LoadOptions, take_snapshot
from flexprice_wallets.commands.main import run
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret

_NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
#: Name: currency, purchased and free credits at the beginning, the rate.
_WALLETS: dict[str, tuple[str, int, int, str]] = {
    "plain": ("usd", 500, 0, "1"),
    "free": ("usd", 0, 70, "1"),
    "frozen": ("usd", 300, 0, "2"),
    "overdrawn": ("usd", 40, 0, "1"),
    "closed": ("usd", 8000, 0, "1"),
    "euros": ("eur", 25, 25, "0.5"),
}
#: By hand: 500 + 70 + 300 x 2, not less the 60 that one wallet owes, not the 9 in the closed one; 50 x 0.5.
_OUTSTANDING = {"usd": Decimal(1170), "eur": Decimal(25)}
_OVERDRAWN = {"usd": Decimal(60), "eur": Decimal(0)}


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    world = World(0, seed=5, now=_NOW)
    ids = {}
    for name, (currency, purchased, free, rate) in _WALLETS.items():
        customer = world.add_customer(wallets=0, external_id=name)
        ids[name] = world.add_wallet(
            customer.id,
            currency=currency,
            wallet_type="PRE_PAID",
            credits_=Decimal(0),
            rate=Decimal(rate),
            created_at=_NOW,
        ).id
        for credits_, is_free in ((purchased, False), (free, True)):
            if credits_:
                world.top_up(ids[name], credits_, free=is_free)
    path = tmp_path / "warehouse.duckdb"
    with Emulator(world=world) as emulator:
        api = ApiOptions(Secret(emulator.api_key), emulator.base_url)
        for day in range(2):
            at = _NOW + timedelta(days=day)
            world.set_time(at)
            if day:
                world.freeze(ids["frozen"])
                world.debit(ids["overdrawn"], 100)
                world.close(ids["closed"])
                # Paid late: the credits come to a wallet that is closed.
                world.credit(ids["closed"], 9, "CREDIT_NOTE")
            take_snapshot(LoadOptions(api, path, snapshot_at=at))
    return path


def said_by_status(printed: str) -> dict[str, tuple[Decimal, Decimal]]:
    """What is outstanding and what is overdrawn by currency, as the table of `status` has it."""
    lines = printed.splitlines()
    [start] = [n for n, line in enumerate(lines) if "outstanding_balance" in line]
    names = [name.strip() for name in lines[start].split("┃")]
    at = [names.index(name) for name in ("currency", "outstanding_balance", "overdrawn_balance")]
    rows = [
        [cell.strip() for cell in line.split("│")] for line in lines[start + 1 :] if "│" in line
    ]
    rows = [row for row in rows if len(row) == len(names) and row[0] in _OUTSTANDING]
    return {row[at[0]]: (Decimal(row[at[1]]), Decimal(row[at[2]])) for row in rows}


def said_by_report(html: str) -> dict[str, tuple[Decimal, Decimal]]:
    """The same as the cards of the overview have it, to the last digit."""
    overview = html[html.index('<section id="overview"') : html.index('<section id="outstanding"')]
    said = {}
    for card in overview.split('<div class="card">')[1:]:
        [currency] = re.findall(r"Outstanding, (\w+)", card)
        said[currency.lower()] = (
            _exactly(r'class="headline">', card),
            _exactly("<span>Overdrawn, not deducted</span>", card),
        )
    return said


def _exactly(before: str, card: str) -> Decimal:
    found = re.search(rf'{before}.*?class="exact">([^<]*)<', card, re.DOTALL)
    assert found
    return Decimal(found[1].replace(",", ""))


def test_status_and_report_say_the_same_to_be_outstanding(
    warehouse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    expected = {
        currency: (_OUTSTANDING[currency], _OVERDRAWN[currency]) for currency in _OUTSTANDING
    }
    assert run(["status", f"--database={warehouse}"]) == 0
    assert said_by_status(capsys.readouterr().out) == expected
    page = tmp_path / "report.html"
    assert run(["report", f"--database={warehouse}", f"--output={page}"]) == 0
    html = page.read_text(encoding="utf-8")
    assert said_by_report(html) == expected
    # What is beside it: frozen money is part of it, a closed wallet's is not.
    said = " ".join(
        re.sub(r"<[^>]+>", " ", html[: html.index('<section id="outstanding"')]).split()
    )
    assert "Frozen, part of it 600.00" in said
    assert "In ended wallets, not part of it 9.00" in said
    assert "Free 70.00" in said
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        views = connection.execute(
            "select currency, outstanding_balance, overdrawn_balance from flexprice.currency_balance_daily "
            "where date_day = '2026-03-02' union all "
            "select currency, outstanding_balance, overdrawn_balance from flexprice.month_end "
            "where month = '2026-03-01'"
        ).fetchall()
    assert len(views) == 2 * len(expected)
    assert {currency: figures for currency, *figures in views} == {
        currency: list(figures) for currency, figures in expected.items()
    }
