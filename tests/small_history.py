"""A small warehouse with a story, and the emulator that goes on from its end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from filelock import FileLock

from flexprice_emulator import AlertThreshold, Emulator, World
from flexprice_wallets import LoadOptions, take_snapshot
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret

RATE = Decimal("0.5")
#: Credits of the wallet at each snapshot: used up day by day, below its threshold of 10 dollars in the end.
CREDITS = {
    datetime(2026, 2, 25, 6, tzinfo=UTC): Decimal("100.0001"),
    datetime(2026, 2, 27, 6, tzinfo=UTC): Decimal("80.0001"),
    datetime(2026, 2, 28, 6, tzinfo=UTC): Decimal("60.0001"),
    datetime(2026, 3, 2, 6, tzinfo=UTC): Decimal("40.0001"),
    datetime(2026, 3, 4, 6, tzinfo=UTC): Decimal("15.0001"),
}
#: Some weeks before anybody looked.
CREATED_AT = datetime(2026, 1, 20, 9, tzinfo=UTC)
RENAMED_AT = datetime(2026, 2, 28, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class SmallHistory:
    """The world after its story, the wallet that the story is about, and the warehouse that has recorded it."""

    world: World
    customer_id: str
    wallet_id: str
    warehouse: Path

    def copy(self, folder: Path) -> Path:
        """A warehouse of one's own in a folder."""
        return Path(shutil.copyfile(self.warehouse, folder / "warehouse.duckdb"))

    @contextmanager
    def emulated(self) -> Iterator[Emulator]:
        """An API over the world."""
        with Emulator(world=self.world) as emulator:
            yield emulator


def small_history(temporary: pytest.TempPathFactory) -> SmallHistory:
    """The history; its loads are run by the first process of the test run that asks for them."""
    folder = temporary.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    warehouse = folder / "small-history" / "warehouse.duckdb"
    warehouse.parent.mkdir(exist_ok=True)
    with FileLock(folder / "small-history.lock"):
        is_new = not warehouse.exists()
        with _story() as (emulator, customer_id, wallet_id, moments):
            for at in moments:
                if is_new:
                    api = ApiOptions(Secret(emulator.api_key), emulator.base_url)
                    take_snapshot(
                        LoadOptions(api, warehouse.with_suffix(".making"), snapshot_at=at)
                    )
            if is_new:
                warehouse.with_suffix(".making").rename(warehouse)
    return SmallHistory(emulator.world, customer_id, wallet_id, warehouse)


@contextmanager
def _story() -> Iterator[tuple[Emulator, str, str, Iterator[datetime]]]:
    first, *_ = CREDITS
    world = World(25, seed=7, now=first)
    customer = world.add_customer(wallets=0, external_id="account-of-the-story")
    wallet = world.add_wallet(
        customer.id,
        currency="usd",
        wallet_type="PRE_PAID",
        credits_=CREDITS[first],
        rate=RATE,
        created_at=CREATED_AT,
    )
    world.set_alert_settings(
        wallet.id, {"critical": AlertThreshold(threshold=Decimal(10), condition="below")}
    )

    def moments() -> Iterator[datetime]:
        held = CREDITS[first]
        for at, credits_ in CREDITS.items():
            world.set_time(at)
            if credits_ < held:
                world.debit(wallet.id, held - credits_)
                held = credits_
            if at == RENAMED_AT:
                world.set_name(wallet.id, "Renamed")
            yield at

    with Emulator(world=world) as emulator:
        yield emulator, customer.id, wallet.id, moments()
