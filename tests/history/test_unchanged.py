"""A world that stands still adds one row to `snapshots`, and one that moves as many versions as moved."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from flexprice_emulator import Contract, Emulator, World
from tests.history.comparison import Warehouse
from tests.history.stage import Run, Stage
from tests.history.story import BEGIN


def rows(stage: Stage) -> Counter[str]:
    with Warehouse(stage.database) as warehouse:
        return warehouse.row_counts()


@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_an_unchanged_world_adds_one_row_to_snapshots(contract: Contract, tmp_path: Path) -> None:
    with Emulator(world=World(30, contract=contract, now=BEGIN), numbers_as="mixed") as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        stage.load(Run())
        first = rows(stage)
        for wallet_id in emulator.world.listed_wallet_ids():
            emulator.world.touch_wallet(wallet_id)
        for customer_id in emulator.world.published_customer_ids():
            emulator.world.touch_customer(customer_id)
        emulator.quirks.cached_fallback_rate = 0.5
        emulator.world.pass_time(timedelta(days=1))
        result = stage.load(Run())
        added = rows(stage) - first
    assert added == {"snapshots": 1}
    assert result.snapshot["wallets_changed"] == 0


def test_what_moved_is_what_is_written(tmp_path: Path) -> None:
    world = World(30, contract="2026-08", now=BEGIN)
    customer_id = world.add_customer(wallets=0).id
    one, other = (
        world.add_wallet(
            customer_id, currency="usd", wallet_type="PRE_PAID", credits_=Decimal(50)
        ).id
        for _ in range(2)
    )
    with Emulator(world=world) as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        stage.load(Run())

        def added() -> dict[str, int]:
            before = rows(stage)
            world.pass_time(timedelta(hours=1))
            stage.load(Run())
            return dict(rows(stage) - before - Counter(snapshots=1))

        # Usage is taken off each prepaid wallet of the currency, a debit off one of them.
        world.meter_usage(customer_id, "usd", "1.5")
        assert added() == {"wallet_real_time_balances": 2}
        world.debit(one, "0.5")
        assert added() == {
            "wallet_balances": 1,
            "wallet_real_time_balances": 1,
            "wallet_credits_available": 2,
            # The debit, and the credit that it took from.
            "wallet_transactions": 2,
        }
        world.set_name(other, "Renamed")
        settings = added()
        assert settings.pop("wallets") == 1
        assert set(settings) <= {
            "wallet_alert_thresholds",
            "wallet_auto_topups",
            "wallet_allowed_price_types",
            "wallet_metadata",
        }
        world.rename_customer(customer_id, "Renamed")
        assert added() == {"customers": 1}
