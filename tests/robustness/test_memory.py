"""A large tenant is loaded in little memory, and as parquet."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.warehouse.atomic import do_in_transaction
from flexprice_wallets.warehouse.database import create_database, open_database
from flexprice_wallets.warehouse.memory import limit_memory
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.benchmarks.ledger_responder import ledger_process
from tests.robustness.support import (
    Command,
    emulator_process,
    environment,
    family_of,
    snapshot,
    value,
)

CUSTOMERS = 20_000
TRANSACTIONS = 1_000_000
MOST_MEGABYTES = 400


def _megabytes(process: int) -> float:
    """What a process holds now, its share of what it has in common with others: as the benchmarks count."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    shares = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
    return sum(map(int, shares)) / 1024


@pytest.mark.slow
def test_twenty_thousand_customers_stay_within_400_mb(database: Path, tmp_path: Path) -> None:
    with emulator_process(customers=CUSTOMERS) as emulator:
        command = Command(
            "load",
            f"--database={database}",
            "--workers=16",
            environment=environment(tmp_path, emulator.base_url, "emulator-key"),
            cwd=tmp_path,
        )
        most = _most_megabytes(command, seconds=240)
        ended = command.wait()
    assert ended.code == 0, ended.err
    assert value(database, "select count(*) from flexprice.wallets") > CUSTOMERS
    assert 100 < most < MOST_MEGABYTES


@pytest.mark.slow
def test_a_million_transactions_stay_within_400_mb(database: Path, tmp_path: Path) -> None:
    with ledger_process(TRANSACTIONS) as base_url:
        command = Command(
            "load",
            f"--database={database}",
            environment=environment(tmp_path, base_url, "some-secret-key"),
            cwd=tmp_path,
        )
        most = _most_megabytes(command, seconds=900)
        ended = command.wait()
    assert ended.code == 0, ended.err
    assert value(database, "select count(*) from flexprice_raw.wallet_transactions") == TRANSACTIONS
    assert 100 < most < MOST_MEGABYTES


def _most_megabytes(command: Command, seconds: float) -> float:
    """The most that a command and its children have held until its end."""
    most = 0.0
    deadline = time.monotonic() + seconds
    while command.process.poll() is None:
        most = max(most, sum(map(_megabytes, family_of(command.process.pid))))
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return most


def test_duckdb_keeps_no_more_than_its_share_of_the_file(tmp_path: Path) -> None:
    def limit(file: Path, own_limit: str = "8GB") -> int:
        with open_database(file) as connection:
            connection.execute(f"set memory_limit = '{own_limit}'")
            limit_memory(connection, file)
            return _memory_limit(connection)

    small, large = tmp_path / "small.duckdb", tmp_path / "large.duckdb"
    for file, rows in (small, 1), (large, 10_000_000):
        create_database(file)
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"create table hashes as select hash(i) from range({rows}) as t (i)")
    assert limit(small) == 128
    assert limit(large) == pytest.approx(128 + large.stat().st_size / 4e6, abs=1)
    assert limit(large) > limit(small) + 15
    # A machine's small share stays the limit.
    assert limit(large, "64MB") == 64


def test_a_step_that_needs_more_memory_than_the_limit_gets_it(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "small.duckdb")) as connection:
        connection.execute("set memory_limit = '10MB'")
        connection.execute("set temp_directory = ''")
        limits: list[int] = []

        def step() -> None:
            limits.append(_memory_limit(connection))
            connection.execute("create table tried (attempt integer)")
            connection.execute(
                "create table summed as select sum(i) over (order by hash(i)) from range(500_000) as t (i)"
            )

        do_in_transaction(connection, step)
        [(count,)] = connection.execute("select count(*) from summed").fetchall()
    assert count == 500_000
    assert limits[0] == 10
    assert len(limits) > 1
    assert all(1.9 * before < after < 2.1 * before for before, after in pairwise(limits))


def test_a_step_that_never_fits_is_given_up(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "small.duckdb")) as connection:
        limits: list[int] = []

        def step() -> None:
            limits.append(_memory_limit(connection))
            raise duckdb.OutOfMemoryException("never enough")

        connection.execute("set memory_limit = '1GB'")
        with pytest.raises(duckdb.OutOfMemoryException, match="never enough"):
            do_in_transaction(connection, step)
        connection.execute("reset memory_limit")
        assert limits[-1] == _memory_limit(connection)


def test_a_load_limits_duckdb(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []

    def observed(connection: duckdb.DuckDBPyConnection, **options: Any) -> int:
        limits.append(_memory_limit(connection))
        return apply_snapshots(connection, **options)

    monkeypatch.setattr("flexprice_wallets.snapshot.pipeline.apply_snapshots", observed)
    for _ in range(2):
        snapshot(emulator, database)
    # Each load carries over twice: before its first rows, and after its last.
    assert len(limits) == 4
    assert limits[0] == 128
    assert all(128 < limit < 150 for limit in limits[1:])


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    """In megabytes."""
    [(limit,)] = connection.execute(
        "select parse_formatted_bytes(current_setting('memory_limit')) / 1e6"
    ).fetchall()
    return round(float(limit))


def test_every_row_goes_in_as_parquet(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[str] = []
    load = dlt.Pipeline.load

    def observed(self: dlt.Pipeline, *arguments: object, **options: object) -> object:
        info = load(self, *arguments, **options)  # type: ignore[arg-type]
        for package in info.load_packages:
            for state in package.jobs.values():
                jobs.extend(job.job_file_info.file_format for job in state)
        return info

    monkeypatch.setattr(dlt.Pipeline, "load", observed)
    for _ in range(2):
        snapshot(emulator, database)
        emulator.world.advance(steps=20)
    assert jobs
    assert set(jobs) <= {"parquet", "reference"}
