"""Every view, after every run of a month, against the truth: the proof of the product."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from flexprice_emulator import Contract, Emulator, World
from flexprice_wallets.errors import ExitCode
from tests.history.comparison import Warehouse, view_faults
from tests.history.oracle import Oracle
from tests.history.stage import Stage
from tests.history.story import BEGIN, story

#: Written once for as long as they hold, whatever the number of snapshots that meet them.
_REJECTION_TABLES = {"rejected_records", "rejections_cleared"}
#: What the last snapshot rejected: says the view (where the call did not fail), and was counted.
_REJECTIONS = """
    with last as (select * from flexprice_raw.snapshots order by snapshot_at desc limit 1)
    select
        (
            select count(*)
            from flexprice.rejections as rejections
            where rejections.snapshot_id = (select snapshot_id from last) and not exists (
                from flexprice_raw.fetch_failures as failures
                where failures.snapshot_id = rejections.snapshot_id
                and (
                    failures.wallet_id = rejections.wallet_id
                    or (failures.wallet_id is null and failures.customer_id = rejections.customer_id)
                )
            )
        ) as met,
        (select records_rejected from last) as counted
"""


@pytest.mark.slow
@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_every_view_after_every_run(contract: Contract, tmp_path: Path) -> None:
    world = World(24, seed=5, contract=contract, now=BEGIN)
    with Emulator(world=world, numbers_as="mixed") as emulator:
        stage = Stage(emulator, tmp_path / "warehouse.duckdb")
        written = Counter[str](warehouse=1)
        for step, run in enumerate(story(stage), start=1):
            result = stage.load(run)
            written.update(stage.oracle.rows_written())
            faults = _faults(stage, written)
            code = ExitCode.COMPLETE if stage.oracle.is_complete else ExitCode.PARTIAL
            assert result.exit_code is code
            assert not faults, f"after step {step}, {run}:\n" + "\n".join(faults)
    assert step >= 30
    _check_that_everything_happened(stage.oracle)


def _faults(stage: Stage, written: Counter[str]) -> list[str]:
    """Everything in which the warehouse is not as it must be after the last run."""
    with Warehouse(stage.database) as warehouse:
        rows = warehouse.row_counts()
        rejections = warehouse.query(_REJECTIONS)
    faults = [
        f"{table} has {rows[table]} rows, expected {written[table]}"
        for table in rows.keys() - _REJECTION_TABLES
        if rows[table] != written[table]
    ]
    met, counted = rejections[0].values()
    if met != counted:
        faults.append(
            f"the view says {met} rejections of the last snapshot, counted were {counted}"
        )
    return faults + view_faults(stage.database, stage.oracle)


def _check_that_everything_happened(oracle: Oracle) -> None:
    """A story in which nothing happens would prove nothing."""
    views = oracle.views()

    def seen(view: str, column: str) -> set[object]:
        return {row[column] for row in views[view]}

    assert seen("wallet_balance_changes", "cause") >= {"balance", "rate", "ended", "returned"}
    assert seen("wallet_settings_history", "ended") == {None, "closed", "deleted", "not_found"}
    assert seen("wallet_balance_daily", "observation") == {
        "changed",
        "unchanged",
        "carried_forward",
    }
    assert seen("snapshots", "scope") == {"all", "selected"}
    assert seen("snapshots", "completeness") == {"complete", "partial"}
    events = {
        "first_load",
        "appeared",
        "returned",
        "moved",
        "frozen",
        "unfrozen",
        "unlisted",
        "listed",
    }
    assert seen("wallet_lifecycle", "event") == events | {"settings_changed", "ended"}
    days = [snapshot.day for snapshot in oracle.snapshots]
    assert max(Counter(days).values()) >= 3
    assert len(set(days)) < (max(days) - min(days)).days + 1
