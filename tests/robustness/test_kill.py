"""`kill -9` at any instant of any step leaves a warehouse from which the next run continues."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flexprice_emulator import Emulator, Fault
from tests.robustness.killing import STEP_NAMES, Killing
from tests.robustness.support import Command, environment, family_of, until

KILLS_OF_TORTURE = 200


@pytest.mark.slow
def test_a_few_kills_leave_nothing_wrong(tmp_path: Path) -> None:
    with Emulator(customers=30, seed=12) as emulator:
        tally = Killing(emulator, tmp_path, seed=3).run(kills=12, kills_per_snapshot=6)
    assert tally.mistakes == []
    assert tally.rows_wrong == 0
    assert tally.leftovers_removed > 0


def test_a_killed_run_leaves_no_process_behind(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    emulator.faults.add(Fault("silence", path="/v1/customers/wallets"))
    command = Command(
        "load",
        f"--database={database}",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
    )
    until(lambda: emulator.requests.by_endpoint["GET /v1/customers/wallets"], "a hanging request")
    family = family_of(command.process.pid)
    command.process.kill()
    command.process.communicate()
    until(lambda: not any(Path(f"/proc/{process}").exists() for process in family), "their end")


@pytest.mark.torture
def test_torture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kills = int(os.environ.get("KILLS", KILLS_OF_TORTURE))
    with Emulator(customers=60, seed=13) as emulator:
        tally = Killing(emulator, tmp_path, seed=4).run(kills, kills_per_snapshot=10)
    with capsys.disabled():
        print(f"\n{tally}")
    assert tally.mistakes == []
    assert tally.rows_wrong == 0
    assert tally.kills.total() >= kills
    if kills >= KILLS_OF_TORTURE:
        assert set(tally.kills) == set(STEP_NAMES), "a step was never killed in"
