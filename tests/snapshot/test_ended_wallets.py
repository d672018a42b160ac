"""A closed wallet can still get money: every load of all customers looks again, in a handful of requests."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from flexprice_emulator import AutoTopup, Emulator, Fault, World
from flexprice_wallets.extract import calls
from flexprice_wallets.extract.endpoints import LARGEST_ANSWERS
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
    # The listing, the customers, and one for all ended wallets.
    assert again == 1 + 30 + 1
    assert followed > again


def test_named_in_few_queries_and_all_at_once_where_they_are_many() -> None:
    ids = [f"wallet_{number:026d}" for number in range(500)]
    few = calls.ended_wallets(ids[:300])
    assert 1 < len(few) <= 5
    assert all(len(call.target) < 6200 for call in few)
    assert sum(call.target.count("wallet_ids=") for call in few) == 300
    [one] = calls.ended_wallets([*ids, *ids])
    assert one.target == "/wallets?status=closed"
    assert calls.ended_wallets([]) == []
    # Too many for one answer.
    assert len(calls.ended_wallets([f"wallet_{number:026d}" for number in range(20_000)])) > 100


def test_an_answer_with_all_of_them_that_is_too_large_costs_only_requests(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet_id, pending = close_with_a_pending_top_up(emulator, database)
    emulator.world.complete_top_up(pending)
    monkeypatch.setattr(calls, "_HANDFUL", 0)
    monkeypatch.setitem(LARGEST_ANSWERS, "ended_wallets", 100)
    assert load_from(emulator, database).snapshot["completeness"] == "partial"
    monkeypatch.setitem(LARGEST_ANSWERS, "ended_wallets", 2000)
    for other in emulator.world.listed_wallet_ids()[:5]:
        emulator.world.close(other)  # never seen as closed by the warehouse before this load
    load_from(emulator, database)
    assert balances(database, wallet_id)[-1][0] == "closed"


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
