"""What the report says of a tenant whose every movement is known: whole counts, every cause, and nobody else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets import LoadOptions, take_snapshot
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret

_FIRST = datetime(2026, 3, 1, 6, tzinfo=UTC)
#: Loads on these days; nobody looked on the fourth.
_DAYS = (0, 1, 2, 4)
#: More wallets than a list shows run out, those of 50 dollars a day within a week.
_SOON, _LATER = 9, 4


@dataclass(frozen=True, slots=True)
class Story:
    warehouse: Path
    wallets: dict[str, str]
    customers: dict[str, str]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    warehouse = tmp_path_factory.mktemp("known") / "warehouse.duckdb"
    world = World(0, seed=3, now=_FIRST)
    wallets: dict[str, str] = {}
    customers: dict[str, str] = {}
    funds = {f"soon {n}": 400 for n in range(_SOON)} | {f"later {n}": 900 for n in range(_LATER)}
    for name, held in (funds | {"deleted": 7000, "rated": 300, "moved": 64}).items():
        customer = world.add_customer(wallets=0, external_id=name)
        wallet = world.add_wallet(
            customer.id,
            currency="usd",
            wallet_type="PRE_PAID",
            credits_=Decimal(held),
            rate=Decimal(1),
            created_at=_FIRST,
        )
        world.set_name(wallet.id, f"The {name} wallet")
        wallets[name], customers[name] = wallet.id, customer.id
    with Emulator(world=world) as emulator:
        api = ApiOptions(Secret(emulator.api_key), emulator.base_url)
        for number, day in enumerate(_DAYS):
            world.set_time(_FIRST + timedelta(days=day))
            if number:
                days = day - _DAYS[number - 1]
                for name in funds:
                    world.debit(wallets[name], Decimal(50 * days))
            if number == 1:
                world.set_conversion_rate(wallets["rated"], Decimal(20))
                world.set_currency(wallets["moved"], "eur")
            if number == 2:
                world.hard_delete(wallets["deleted"])
            take_snapshot(LoadOptions(api, warehouse, snapshot_at=_FIRST + timedelta(days=day)))
    return Story(warehouse, wallets, customers)


def report(story: Story, folder: Path, kind: str | None = None, name: str = "") -> str:
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report import Subject, write_report

    subject = None
    if kind == "wallet":
        subject = Subject("wallet", story.wallets[name])
    elif kind == "customer":
        subject = Subject("customer", story.customers[name])
    output = folder / "report.html"
    write_report(story.warehouse, output, subject=subject)
    return output.read_text(encoding="utf-8")


def section(html: str, anchor: str) -> str:
    """The text of a section, without tags and with single spaces."""
    start = html.index(f'<section id="{anchor}"')
    ends = (html.find(mark, start + 1) for mark in ('<section id="', "</main>"))
    end = min(place for place in ends if place > 0)
    return " ".join(re.sub(r"<[^>]+>", " ", html[start:end]).split())


def test_all_that_run_out_are_counted_and_not_only_those_shown(
    story: Story, tmp_path: Path
) -> None:
    said = section(report(story, tmp_path), "running-out")
    assert (
        f"{_SOON + _LATER} prepaid wallets will be used up within 30 days, {_SOON} of them" in said
    )
    assert f"{_SOON + _LATER - 5} more are not shown" in said
    # The most money first, though the others are more urgent.
    assert said.rindex("The later ") < said.index("The soon ")


def test_movements_are_of_every_cause(story: Story, tmp_path: Path) -> None:
    said = section(report(story, tmp_path), "movements")
    assert "The deleted wallet" in said
    assert "ended" in said
    assert "7,000.00" in said
    assert "rate changed" in said
    assert "5,700.00" in said
    restated = said.index("Wallets that changed their currency")
    assert said.index("The moved wallet") > restated
    assert (
        said[restated:].index("64.00")
        < said[restated:].index("USD")
        < said[restated:].rindex("EUR")
    )


def test_one_headline_everywhere(story: Story, tmp_path: Path) -> None:
    html = report(story, tmp_path)
    assert "As at 2026-03-05 06:00 UTC" in section(html, "overview")
    with duckdb.connect(str(story.warehouse), read_only=True) as connection:
        held = connection.execute(
            "select sum(balance) from flexprice.wallets where ended is null and balance > 0 and currency = 'usd'"
        ).fetchall()
    [(outstanding,)] = held
    assert outstanding == _SOON * 200 + _LATER * 700 + 6000
    assert f"Outstanding, USD {outstanding:,.2f}" in section(html, "overview")
    first = _SOON * 400 + _LATER * 900 + 7000 + 300 + 64
    assert (
        f"USD: {first:,.2f} on 2026-03-01, {outstanding:,.2f} on 2026-03-05; 1 day without" in html
    )


def test_days_that_nobody_observed_are_drawn_as_such(story: Story, tmp_path: Path) -> None:
    html = report(story, tmp_path)
    charts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    [usd] = [chart for chart in charts if "Outstanding in USD" in chart]
    unseen = [
        point
        for layer in json.loads(usd)["layer"]
        for point in layer["data"]["values"]
        if point["part"] == "nobody looked"
    ]
    assert [(point["day"], point["end"]) for point in unseen] == [("2026-03-04", "2026-03-05")]
    assert "2026-03-04: no load" in html
    assert "2026-03-02: 1 load, every customer was read" in html


def test_a_changed_currency_is_two_charts(story: Story, tmp_path: Path) -> None:
    html = report(story, tmp_path, "wallet", "moved")
    charts = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert len(charts) == 2
    assert ['"USD"' in chart for chart in charts] == [True, False]
    assert ['"EUR"' in chart for chart in charts] == [False, True]


@pytest.mark.parametrize("kind", ["wallet", "customer"])
def test_a_report_about_one_holds_nothing_about_others(
    story: Story, tmp_path: Path, kind: str
) -> None:
    html = report(story, tmp_path, kind, "soon 3")
    assert "As at 2026-03-05 06:00 UTC" in html
    assert "The soon 3 wallet" in html
    assert "1 prepaid wallet will be used up within 30 days" in html
    for name in story.wallets:
        if name != "soon 3":
            assert f"The {name} wallet" not in html
            assert story.wallets[name] not in html
            assert story.customers[name] not in html
    # Nor do totals of the tenant stand in it.
    assert 'id="outstanding"' not in html
    assert 'id="loads"' not in html
