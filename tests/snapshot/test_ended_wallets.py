"""A closed wallet can still get money: every load of all customers looks again, in a handful of requests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flexprice_emulator import AutoTopup, Emulator, Fault, World
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from tests.snapshot.loading import ask, load_from

LATE = "349.70"
_ANY = Limits(vanished=Tolerance.parse("100%"))


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(world=World(30, seed=3)) as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def close_with_a_pending_top_up(emulator: Emulator, database: Path) -> tuple[str, str]:
    """Close a wallet whose invoice is not paid yet, and load; returns the wallet and the pending transaction."""
    world = emulator.world
    wallet_id = world.listed_wallet_ids()[0]
    pending = world.request_top_up(wallet_id, LATE)
    load_from(emulator, database)
    world.close(wallet_id)
    load_from(emulator, database)
    return wallet_id, pending.id


def balances(database: Path, wallet_id: str) -> list[tuple[str | None, Decimal]]:
    rows = ask(
        database,
        "select ended, balance from flexprice.wallet_balance_history where wallet_id = ? order by valid_from",
        wallet_id,
    )
    return [(row["ended"], row["balance"]) for row in rows]


def test_a_top_up_paid_after_the_wallet_was_closed_is_found(
    emulator: Emulator, database: Path
) -> None:
    wallet_id, pending = close_with_a_pending_top_up(emulator, database)
    assert [ended for ended, _ in balances(database, wallet_id)] == [None]
    emulator.world.complete_top_up(pending)
    truth = emulator.world.truth()["wallets"][wallet_id]["balance"]
    assert truth > 0
    result = load_from(emulator, database)
    assert result.snapshot["wallets_changed"] == 1
    assert balances(database, wallet_id)[-1] == ("closed", truth)
    [row] = ask(
        database, "select balance, ended from flexprice.wallets where wallet_id = ?", wallet_id
    )
    assert (row["balance"], row["ended"]) == (truth, "closed")
    [row] = ask(
        database,
        "select sum(closed_balance) as closed from flexprice.currency_balance_daily "
        "where date_day = (select max(date_day) from flexprice.currency_balance_daily)",
    )
    assert row["closed"] == truth
    findings = ask(
        database, "select finding from flexprice.wallet_data_quality where wallet_id = ?", wallet_id
    )
    assert [row["finding"] for row in findings] == ["ended_with_balance"]
    # What does not move is not written again.
    assert load_from(emulator, database).snapshot["wallets_changed"] == 0


def test_an_automatic_top_up_at_the_closing_is_found(emulator: Emulator, database: Path) -> None:
    world = emulator.world
    wallet_id = world.listed_wallet_ids()[0]
    world.set_auto_topup(
        wallet_id,
        AutoTopup(enabled=True, threshold=Decimal(10), amount=Decimal(50), invoicing=False),
    )
    load_from(emulator, database)
    world.close(wallet_id)
    load_from(emulator, database)
    world.auto_top_up(wallet_id)
    truth = world.truth()["wallets"][wallet_id]["balance"]
    assert truth > 0
    load_from(emulator, database)
    assert balances(database, wallet_id)[-1] == ("closed", truth)


def test_many_ended_wallets_take_a_handful_of_requests(emulator: Emulator, database: Path) -> None:
    load_from(emulator, database)
    for wallet_id in emulator.world.listed_wallet_ids()[:25]:
        emulator.world.close(wallet_id)
    followed = load_from(emulator, database, limits=_ANY).snapshot["api_requests"]
    again = load_from(emulator, database).snapshot["api_requests"]
    # The listing, the customers, one for all ended wallets, and one for the ledger.
    assert again == 1 + 30 + 1 + 1
    assert followed > again


@pytest.mark.parametrize("status", [403, 404])
def test_an_api_that_does_not_offer_it_costs_nothing(
    status: int, emulator: Emulator, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    close_with_a_pending_top_up(emulator, database)
    emulator.faults.add(Fault("status", status=status, endpoint="GET /v1/wallets"))
    with caplog.at_level(logging.WARNING):
        assert load_from(emulator, database).snapshot["completeness"] == "complete"
    assert "money that ended wallets may get is not seen" in caplog.text


def test_a_failure_in_it_makes_the_snapshot_partial(emulator: Emulator, database: Path) -> None:
    wallet_id, pending = close_with_a_pending_top_up(emulator, database)
    emulator.world.complete_top_up(pending)
    emulator.faults.add(Fault("redirect", endpoint="GET /v1/wallets"))
    assert load_from(emulator, database).snapshot["completeness"] == "partial"
    [row] = ask(database, "select resource, wallet_id from flexprice_raw.fetch_failures")
    assert row == {"resource": "ended_wallets", "wallet_id": None}
    emulator.faults.clear()
    assert load_from(emulator, database).snapshot["completeness"] == "complete"
    assert balances(database, wallet_id)[-1][0] == "closed"


def test_a_load_for_named_customers_looks_at_none(emulator: Emulator, database: Path) -> None:
    wallet_id, pending = close_with_a_pending_top_up(emulator, database)
    emulator.world.complete_top_up(pending)
    customer_id = emulator.world.wallet(wallet_id).customer_id
    load_from(emulator, database, selection=Selection((customer_id,)))
    assert [ended for ended, _ in balances(database, wallet_id)] == [None]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every number of ended wallets is more than a few."""
    monkeypatch.setattr("flexprice_wallets.snapshot.source._FEW_ENDED_WALLETS", 0)


def requests_for_ended_wallets(emulator: Emulator, database: Path, **options: bool) -> int:
    before = emulator.requests.by_endpoint["GET /v1/wallets"]
    load_from(emulator, database, limits=_ANY, **options)
    return emulator.requests.by_endpoint["GET /v1/wallets"] - before


def close_some_time_ago(emulator: Emulator, database: Path) -> tuple[str, str]:
    """As above, long enough before what came last for not to be read again."""
    world = emulator.world
    world.set_time(datetime.now(UTC) - timedelta(hours=1))
    closed = close_with_a_pending_top_up(emulator, database)
    world.pass_time(timedelta(minutes=20))
    world.debit(world.listed_wallet_ids()[0], "0.01")
    load_from(emulator, database)
    return closed


@pytest.mark.usefixtures("many")
def test_of_many_those_that_the_ledger_names_are_looked_at(
    emulator: Emulator, database: Path
) -> None:
    wallet_id, pending = close_some_time_ago(emulator, database)
    assert requests_for_ended_wallets(emulator, database) == 0
    emulator.world.complete_top_up(pending)
    assert requests_for_ended_wallets(emulator, database) == 1
    truth = emulator.world.truth()["wallets"][wallet_id]["balance"]
    assert balances(database, wallet_id)[-1] == ("closed", truth)


@pytest.mark.usefixtures("many")
def test_all_are_looked_at_where_the_ledger_does_not_tell(
    emulator: Emulator, database: Path
) -> None:
    close_some_time_ago(emulator, database)
    assert requests_for_ended_wallets(emulator, database, ledger=False) == 1
    # What moved meanwhile may have been read by none.
    assert requests_for_ended_wallets(emulator, database) == 1
