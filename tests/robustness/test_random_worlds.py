"""Random worlds, histories, faults and options, against an oracle that reads no warehouse."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from flexprice_emulator import Contract, Emulator, Fault, FaultKind, Rates, World
from flexprice_wallets.errors import ExitCode
from tests.history.comparison import Warehouse, view_faults
from tests.history.stage import Run, Stage

#: So long the search goes on; examples under way are finished. `make torture` takes longer and never the same ones.
SECONDS = 60.0
SECONDS_OF_TORTURE = float(os.environ.get("WORLD_SECONDS", "300"))
BEGIN = datetime(2026, 2, 26, 21, 30, tzinfo=UTC)

_PASSING: tuple[FaultKind, ...] = ("server_error", "bad_gateway", "html", "truncated", "reset")
_RATES = {
    "quiet": Rates.only(debit=0.1, meter_usage=0.1, touch_wallet=0.3),
    "lively": Rates(
        debit=0.3,
        top_up=0.2,
        meter_usage=0.3,
        finalise_invoice=0.1,
        pay_invoices=0.1,
        set_name=0.1,
        set_alerts=0.1,
        set_auto_topup=0.1,
        set_metadata=0.1,
        set_allowed_price_types=0.1,
        set_alert_state=0.1,
        set_conversion_rate=0.1,
        set_currency=0.1,
        freeze=0.1,
        thaw=0.4,
        close=0.1,
        close_with_remainder=0.05,
        hard_delete=0.06,
        soft_delete=0.06,
        reopen=0.4,
        move_wallet=0.1,
        add_wallet=0.1,
        add_customer=0.1,
        archive_customer=0.15,
        unarchive_customer=0.5,
        rename_customer=0.1,
    ),
}


@dataclass(frozen=True)
class Turn:
    """What happens, and then how it is loaded. Shares are of the customers or wallets there are; `seed` picks which."""

    hours: float
    rates: str
    seed: int
    real_time: bool = True
    breakdown: bool = True
    selected: float = 0.0
    failed_customers: float = 0.0
    failed_wallets: float = 0.0
    rejected: float = 0.0
    left_out: float = 0.0
    passing: tuple[FaultKind, ...] = ()

    def run(self, world: World) -> Run:
        random = Random(self.seed)
        customers, wallets = world.published_customer_ids(), sorted(world.wallets)
        named = _some(random, customers, self.selected)
        return Run(
            real_time=self.real_time,
            breakdown=self.breakdown and self.real_time,
            customer_ids=tuple(named),
            failed_customers=_some(random, customers, self.failed_customers),
            failed_wallets=_some(random, wallets, self.failed_wallets),
            rejected_wallets=_some(random, wallets, self.rejected),
            no_breakdown=_some(random, wallets, self.left_out),
            no_usage=_some(random, wallets, self.left_out),
            no_unpaid=_some(random, wallets, self.left_out),
        )


def _some(random: Random, ids: Sequence[str], share: float) -> list[str]:
    return [each for each in ids if random.random() < share]


class _FaultyStage(Stage):
    """A stage whose loads also meet faults that pass."""

    passing: tuple[FaultKind, ...] = ()

    def _set_faults(self, run: Run) -> None:
        super()._set_faults(run)
        for kind in self.passing:
            self.emulator.faults.add(Fault(kind, times=1))


@dataclass
class _Search:
    """How much was searched; past its time only what has failed is tried on."""

    seconds: float
    started: float = field(default_factory=time.monotonic)
    has_failed: bool = False
    turns: int = 0
    worlds: int = 0

    @property
    def is_over(self) -> bool:
        return not self.has_failed and time.monotonic() - self.started > self.seconds

    def try_world(self, seed: int, contract: Contract, customers: int, turns: list[Turn]) -> None:
        if self.is_over:
            return
        self.worlds += 1
        try:
            self.turns += len(turns)
            check_world(seed, contract, customers, turns)
        except BaseException:
            self.has_failed = True
            raise


def check_world(seed: int, contract: Contract, customers: int, turns: list[Turn]) -> None:
    """Play the turns and compare every row and view with the oracle after each."""
    world = World(customers, seed=seed, contract=contract, now=BEGIN)
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(world=world, numbers_as="mixed") as emulator,
    ):
        stage = _FaultyStage(emulator, Path(folder) / "warehouse.duckdb")
        written = Counter[str](warehouse=1)
        for number, turn in enumerate(turns):
            if number:
                world.advance(timedelta(hours=turn.hours), rates=_RATES[turn.rates])
            run = turn.run(world)
            stage.passing = turn.passing
            if _reads_nothing(world, run):
                continue
            result = stage.load(run)
            written.update(stage.oracle.rows_written())
            code = ExitCode.COMPLETE if stage.oracle.is_complete else ExitCode.PARTIAL
            assert result.exit_code is code
            with Warehouse(stage.database) as warehouse:
                rows = warehouse.row_counts()
            faults = [
                f"{table} has {rows[table]} rows, expected {written[table]}"
                for table in rows
                if rows[table] != written[table]
            ]
            # The oracle knows of no retries.
            faults += [
                fault
                for fault in view_faults(stage.database, stage.oracle)
                if "api_retries is" not in fault
            ]
            assert not faults, f"after turn {number}, {run}:\n" + "\n".join(faults)


def _reads_nothing(world: World, run: Run) -> bool:
    """A run that can read no customer at all is given up, by rule."""
    asked = set(run.customer_ids or world.published_customer_ids())
    return asked <= set(run.failed_customers)


_SHARES = st.sampled_from([0.0, 0.0, 0.0, 0.2, 0.5])
_TURNS = st.builds(
    Turn,
    hours=st.sampled_from([0.001, 0.5, 2.5, 7.0, 24.0, 60.0]),
    rates=st.sampled_from(["quiet", "lively", "lively"]),
    seed=st.integers(0, 99),
    real_time=st.sampled_from([True, True, True, False]),
    breakdown=st.sampled_from([True, True, False]),
    selected=st.sampled_from([0.0, 0.0, 0.0, 0.5]),
    failed_customers=_SHARES,
    failed_wallets=_SHARES,
    rejected=_SHARES,
    left_out=_SHARES,
    passing=st.lists(st.sampled_from(_PASSING), max_size=2).map(tuple),
)
_WORLDS = {
    "seed": st.integers(0, 9999),
    "contract": st.sampled_from(["2026-01", "2026-08"]),
    "customers": st.integers(1, 9),
    "turns": st.lists(_TURNS, min_size=2, max_size=7),
}
_BOUNDED = settings(
    max_examples=1000,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
    print_blob=True,
)


# The search is as long as the machine is quick, so it stands beside the kills and not in every run.
@pytest.mark.torture
@pytest.mark.slow
def test_random_worlds() -> None:
    search = _Search(SECONDS)
    # The same examples every time: what this finds is for whoever changed the code, not for chance.
    settings(_BOUNDED, derandomize=True, max_examples=40, phases=[Phase.generate])(
        given(**_WORLDS)(search.try_world)
    )()
    assert search.turns >= 10


@pytest.mark.torture
def test_other_random_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    search = _Search(SECONDS_OF_TORTURE)
    _BOUNDED(given(**_WORLDS)(search.try_world))()
    with capsys.disabled():
        print(f"\nworlds           {search.worlds:>6}\nturns            {search.turns:>6}")
