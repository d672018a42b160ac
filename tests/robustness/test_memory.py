"""A large tenant is loaded in little memory, and as parquet."""

from __future__ import annotations

import time
from pathlib import Path

import dlt
import pytest

from flexprice_emulator import Emulator
from tests.robustness.support import (
    Command,
    emulator_process,
    environment,
    family_of,
    snapshot,
    value,
)

CUSTOMERS = 20_000
MOST_MEGABYTES = 400


def _megabytes(process: int) -> float:
    """The most that a process has held so far."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return sum(map(int, peaks)) / 1024


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
        most = 0.0
        deadline = time.monotonic() + 240
        while command.process.poll() is None:
            most = max(most, sum(map(_megabytes, family_of(command.process.pid))))
            assert time.monotonic() < deadline
            time.sleep(0.02)
        ended = command.wait()
    assert ended.code == 0, ended.err
    assert value(database, "select count(*) from flexprice.wallets") > CUSTOMERS
    assert 100 < most < MOST_MEGABYTES


def test_every_row_goes_in_as_parquet(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[str] = []
    run = dlt.Pipeline.run

    def observed(self: dlt.Pipeline, *arguments: object, **options: object) -> object:
        info = run(self, *arguments, **options)  # type: ignore[arg-type]
        for package in info.load_packages:
            for state in package.jobs.values():
                jobs.extend(job.job_file_info.file_format for job in state)
        return info

    monkeypatch.setattr(dlt.Pipeline, "run", observed)
    for _ in range(2):
        snapshot(emulator, database)
        emulator.world.advance(steps=20)
    assert jobs
    assert set(jobs) <= {"parquet", "reference"}
