"""Cases that were found wrong once, by name."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from flexprice_emulator import Emulator, World
from tests.history.comparison import view_faults
from tests.history.stage import Run, Stage
from tests.history.story import BEGIN


def test_pending_of_a_frozen_wallet_is_not_the_latest(tmp_path: Path) -> None:
    world = World(0, now=BEGIN)
    customer_id = world.add_customer(wallets=0).id
    frozen, rejected = (
        world.add_wallet(
            customer_id, currency="usd", wallet_type="PRE_PAID", credits_=Decimal(50)
        ).id
        for _ in range(2)
    )
    with Emulator(world=world) as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        stage.load(Run())
        stage.at(0, 12)
        world.freeze(frozen)
        world.meter_usage(customer_id, "usd", "1.5")
        stage.load(Run())
        # The frozen wallet is observed once more, without real-time figures; the other one is not.
        stage.at(0, 18)
        stage.load(Run(rejected_wallets=[rejected]))
        assert view_faults(stage.database, stage.oracle) == []


def test_what_a_promotional_wallet_holds_is_not_prepaid(tmp_path: Path) -> None:
    world = World(0, contract="2026-01", now=BEGIN)
    customer_id = world.add_customer(wallets=0).id
    for wallet_type in ("PROMOTIONAL", "PRE_PAID", "PROMOTIONAL"):
        world.add_wallet(customer_id, currency="usd", wallet_type=wallet_type, credits_=Decimal(50))
    world.meter_usage(customer_id, "usd", "1.5")
    with Emulator(world=world) as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        stage.load(Run())
        assert view_faults(stage.database, stage.oracle) == []


def test_a_customer_that_could_never_be_read(tmp_path: Path) -> None:
    world = World(0, now=BEGIN)
    unread = world.add_customer(wallets=1).id
    world.add_customer(wallets=1)
    with Emulator(world=world) as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        for hour in (0, 12):
            stage.at(0, hour)
            stage.load(Run(failed_customers=[unread]))
            assert view_faults(stage.database, stage.oracle) == []
