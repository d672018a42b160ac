"""How long the warehouse takes to answer, and to be kept up, when it is large.

python -m tests.benchmarks.warehouse --wallets 1000000
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import derived_tables
from flexprice_wallets.warehouse.memory import limit_memory
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.benchmarks.generated_ledger import (
    LedgerScale,
    generate_ledger,
    ledger_wallet_id,
    write_ledger_snapshot,
)
from tests.benchmarks.generated_warehouse import (
    Scale,
    customer_id,
    generate,
    wallet_id,
    write_snapshot,
)

#: What the targets are meant for.
WALLETS: Final = 1_000_000
#: One in so many wallets changes in the snapshot that the derived tables are carried over: 5 %.
CHANGED_EVERY: Final = 20

#: Seconds, on two cores.
TARGETS: Final = {
    "one wallet: history": 0.2,
    "one customer: wallets": 0.2,
    "all wallets: as of a moment": 3.0,
    "all wallets: one day": 3.0,
    "all currencies: a year by day": 3.0,
    "upkeep: 5 % of the wallets changed": 3.0,
    "ledger of one wallet": 0.2,
    "grants of one wallet": 0.2,
    "ledger of all wallets: as of a moment": 3.0,
    "ledger of all currencies: a year by month": 3.0,
    "upkeep: 5 % more transactions": 3.0,
}

# Questions about all wallets read the columns that somebody would, and bring few rows back.
_MOMENT: Final = "2025-07-01 00:00:00+00"
_AS_OF: Final = "count(*), sum(balance), sum(age_seconds), min(last_observed_at)"
_DAY: Final = (
    "count(*), sum(opening_balance), sum(closing_balance), sum(lowest_balance), sum(highest_balance),"
    " sum(closing_real_time_balance), sum(closing_free_credits), min(observation), min(last_observed_at)"
)
_WALLETS: Final = (
    "count(*), sum(balance), min(last_observed_at), count(allowed_price_types),"
    " count(alert_threshold_critical)"
)
_CHANGES: Final = "cause, count(*), sum(balance_delta), min(changed_after)"
_SUM: Final = "count(*), sum(closing_balance), sum(closing_real_time_balance)"


@dataclass(frozen=True)
class Result:
    """What was measured; without a target, for information only."""

    name: str
    seconds: float
    target: float | None = None

    def __str__(self) -> str:
        target = f"  < {self.target:g} s" if self.target is not None else ""
        return f"{self.name:41} {self.seconds:8.3f} s{target}{'' if self.is_met else '  missed'}"

    @property
    def is_met(self) -> bool:
        return self.target is None or self.seconds < self.target


def measure(wallets: int, folder: Path, runs: int = 5) -> list[Result]:
    """Generate a warehouse of so many wallets in the folder, unless one is there, and measure it.

    Each time is the median of so many runs. Each run has a connection of its own, with nothing in DuckDB's memory; the
    operating system holds the file in its cache.
    """
    return list(_results(wallets, folder, runs))


def _results(wallets: int, folder: Path, runs: int) -> Iterator[Result]:
    warehouse = folder / f"warehouse-{wallets}.duckdb"
    if not warehouse.exists():
        yield Result("generate it all", make_warehouse(warehouse, Scale(wallets)))
    _read(warehouse)
    yield from _answers(warehouse, wallets, runs)
    with copied(warehouse) as copy:
        yield from _upkeep(copy, runs)
    yield from _ledger(folder, LedgerScale(wallets), runs)


def _ledger(folder: Path, scale: LedgerScale, runs: int) -> Iterator[Result]:
    """Measure a warehouse of as many wallets with a ledger, which the upkeep itself derives."""
    warehouse = folder / f"ledger-{scale.wallets}.duckdb"
    if not warehouse.exists():
        unfinished = warehouse.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        generate_ledger(unfinished, scale)
        yield Result("upkeep: the whole ledger at once", _carry_over(unfinished))
        unfinished.rename(warehouse)
    _read(warehouse)
    for name, query in ledger_queries(scale.wallets).items():
        seconds = [_ask(warehouse, query) for _ in range(runs)]
        yield Result(name, statistics.median(seconds), TARGETS.get(name))
    with copied(warehouse) as copy:
        yield from _ledger_upkeep(copy, scale)


@contextmanager
def copied(warehouse: Path) -> Iterator[Path]:
    """A copy to be changed, which is gone afterwards."""
    copy = warehouse.with_name(f"{warehouse.stem}-copy.duckdb")
    shutil.copyfile(warehouse, copy)
    try:
        yield copy
    finally:
        copy.unlink()


def ledger_queries(wallets: int) -> dict[str, str]:
    """Return what is asked of the ledger."""
    of_wallet = f"where wallet_id = '{ledger_wallet_id(wallets // 2)}'"
    held = "count(*), sum(credit_balance), sum(balance), min(valid_from)"
    return {
        "ledger of one wallet": f"* from flexprice.wallet_transactions {of_wallet}",
        "grants of one wallet": f"* from flexprice.credit_grants {of_wallet}",
        "ledger of all wallets: as of a moment": f"{held} from flexprice.wallet_ledger_as_of('{_MOMENT}')",
        "ledger of all currencies: a year by month": "* from flexprice.currency_roll_forward",
        "ledger of all wallets: reconciliation": (
            "state, count(*) from flexprice.ledger_reconciliation group by state"
        ),
    }


def _ledger_upkeep(warehouse: Path, scale: LedgerScale) -> Iterator[Result]:
    """Carry the derived tables over more transactions: of each wallet, of some, of none."""
    for number, (name, every) in enumerate(
        {
            "upkeep: 5 % more transactions": 1,
            "upkeep: 5 % of the ledgers moved": CHANGED_EVERY,
            "upkeep: no new transaction": None,
        }.items(),
        1,
    ):
        before = _contents(warehouse)
        with open_database(warehouse) as connection:
            write_ledger_snapshot(connection, scale, number, every=every)
            connection.execute("checkpoint")
        yield Result(name, _carry_over(warehouse), TARGETS.get(name))
        if every is None and _contents(warehouse) != before:
            raise AssertionError("a snapshot without transactions changed a derived table")


def make_warehouse(warehouse: Path, scale: Scale) -> float:
    """Generate a warehouse, which is there once it is whole; returns the seconds that this took."""
    unfinished = warehouse.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    started = time.perf_counter()
    generate(unfinished, scale)
    unfinished.rename(warehouse)
    return time.perf_counter() - started


def _read(file: Path) -> None:
    """Have the operating system hold the file."""
    with file.open("rb") as stream:
        while stream.read(1 << 24):
            pass


def queries(wallets: int) -> dict[str, str]:
    """Return what is asked: first what has a target."""
    # Customers of such a number are none of the special ones.
    customer = wallets // 200 * 50 + 10
    of_customer = f"where customer_id = '{customer_id(customer)}'"
    of_wallet = f"where wallet_id = '{wallet_id(2 * customer)}'"
    one_day = "where date_day = '2025-07-01'"
    return {
        "one wallet: history": f"* from flexprice.wallet_balance_history {of_wallet}",
        "one customer: wallets": f"* from flexprice.wallets {of_customer}",
        "all wallets: as of a moment": f"{_AS_OF} from flexprice.wallet_balance_as_of('{_MOMENT}')",
        "all wallets: one day": f"{_DAY} from flexprice.wallet_balance_daily {one_day}",
        "all currencies: a year by day": "* from flexprice.currency_balance_daily",
        "one customer: history": f"* from flexprice.wallet_balance_history {of_customer}",
        "one wallet: changes": f"* from flexprice.wallet_balance_changes {of_wallet}",
        "one wallet: by day": f"* from flexprice.wallet_balance_daily {of_wallet}",
        "one customer: by day": f"* from flexprice.customer_balance_daily {of_customer}",
        "one wallet: settings": f"* from flexprice.wallet_settings_history {of_wallet}",
        "one wallet: lifecycle": f"* from flexprice.wallet_lifecycle {of_wallet}",
        "one wallet: alerts": f"* from flexprice.wallet_alerts {of_wallet}",
        "one wallet: runway": f"* from flexprice.wallet_runway {of_wallet}",
        "one customer: customers": f"* from flexprice.customers {of_customer}",
        "all wallets: wallets": f"{_WALLETS} from flexprice.wallets",
        "all wallets: changes": f"{_CHANGES} from flexprice.wallet_balance_changes group by cause",
        "all wallets: settings": "count(*), max(valid_to) from flexprice.wallet_settings_history",
        "all wallets: lifecycle": "event, count(*) from flexprice.wallet_lifecycle group by event",
        "all wallets: alerts": "count(*), max(reached_since) from flexprice.wallet_alerts",
        "all wallets: runway": "count(*), sum(credits_per_day_30_days) from flexprice.wallet_runway",
        "all wallets: data quality": (
            "finding, count(*) from flexprice.wallet_data_quality group by finding"
        ),
        "all customers: one day": f"{_SUM} from flexprice.customer_balance_daily {one_day}",
        "all customers: customers": (
            "count(*), sum(wallets), min(last_observed_at) from flexprice.customers"
        ),
        "all snapshots": "* from flexprice.snapshots",
        "freshness": "* from flexprice.freshness",
    }


def _answers(warehouse: Path, wallets: int, runs: int) -> Iterator[Result]:
    for name, query in queries(wallets).items():
        seconds = [_ask(warehouse, query) for _ in range(runs)]
        yield Result(name, statistics.median(seconds), TARGETS.get(name))


def _ask(warehouse: Path, query: str) -> float:
    with open_database(warehouse, read_only=True) as connection:
        started = time.perf_counter()
        rows = connection.execute(f"select {query}").fetchall()
        seconds = time.perf_counter() - started
    assert rows, query
    return seconds


def _upkeep(warehouse: Path, runs: int) -> Iterator[Result]:
    """Carry the derived tables over more snapshots, one after the other."""
    changed = [add_snapshot(warehouse, CHANGED_EVERY) for _ in range(runs)]
    name = "upkeep: 5 % of the wallets changed"
    yield Result(name, statistics.median(changed), TARGETS[name])
    before = _contents(warehouse)
    unchanged = [add_snapshot(warehouse, None) for _ in range(runs)]
    if _contents(warehouse) != before:
        raise AssertionError("snapshots without changes changed a derived table")
    yield Result("upkeep: nothing changed", statistics.median(unchanged))


def add_snapshot(warehouse: Path, every: int | None) -> float:
    """Do what a load does where one of so many wallets has changed; returns the seconds for the derived tables."""
    with open_database(warehouse) as connection:
        write_snapshot(connection, every=every)
        connection.execute("checkpoint")
    return _carry_over(warehouse)


def _carry_over(warehouse: Path) -> float:
    with open_database(warehouse) as connection:
        limit_memory(connection, warehouse)
        connection.execute("set threads = 2")
        started = time.perf_counter()
        apply_snapshots(connection)
        connection.execute("checkpoint")
        return time.perf_counter() - started


def _contents(warehouse: Path) -> dict[str, Any]:
    """What tells each derived table from one with other rows."""
    with open_database(warehouse, read_only=True) as connection:
        return {
            table.name: connection.execute(
                f"select count(*), sum(hash(stored)) from flexprice_raw.{table.name} as stored"
            ).fetchall()
            for table in derived_tables()
            # Which days, months and snapshots there were, and how many wallets they observed, is all that a snapshot
            # without changes adds.
            if table.name
            not in (
                "stored_progress",
                "stored_calendar",
                "stored_currency_observations",
                "stored_months",
            )
        }


def main() -> int:
    """Print what was measured as a table; the exit code tells whether every target was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wallets", type=int, default=WALLETS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keeps the warehouse for other measurements")
    options = parser.parse_args()
    print(f"{options.wallets:,} wallets, DuckDB {duckdb.__version__}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder: Path = options.folder or Path(temporary)
        are_met = True
        for result in _results(options.wallets, folder, options.runs):
            are_met &= result.is_met
            print(result, flush=True)
    return 0 if are_met else 1


if __name__ == "__main__":
    sys.exit(main())
