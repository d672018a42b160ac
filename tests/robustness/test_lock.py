"""One run at a time, and nobody waits for the dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.errors import AnotherRunAtWork, ExitCode
from flexprice_wallets.warehouse.lock import exclusive_run, run_description
from flexprice_wallets.warehouse.paths import WarehousePaths
from tests.robustness.support import (
    Command,
    environment,
    leftovers,
    slowness,
    snapshot,
    snapshot_count,
    until,
)


def test_of_eight_runs_at_once_seven_leave_within_two_seconds(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    # Tests beside this one hold cores that the eight would share.
    others_at_work = slowness() * int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    # The one at work is kept at it until the seven have left.
    emulator.latency_ms = 300
    commands = [
        Command(
            "load",
            f"--database={database}",
            "--workers=2",
            environment=environment(tmp_path, emulator.base_url, emulator.api_key),
            cwd=tmp_path,
        )
        for _ in range(8)
    ]
    started = time.monotonic()
    until(
        lambda: sum(command.process.poll() is not None for command in commands) == 7,
        "seven runs to leave",
    )
    assert time.monotonic() - started < 2 * others_at_work
    ended = sorted((command.wait() for command in commands), key=lambda each: each.code)
    assert [each.code for each in ended] == [0, *[ExitCode.ANOTHER_RUN] * 7]
    at_work = next(command.process.pid for command in commands if command.process.returncode == 0)
    for each in ended[1:]:
        assert f"Another run is at work on {database.name} (process {at_work} on " in each.err
        assert each.out == ""
    assert snapshot_count(database) == 1
    assert leftovers(database) == set()


def test_who_comes_second_leaves_within_two_seconds(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    with exclusive_run(WarehousePaths.of(database)):
        folder = WarehousePaths.of(database).working_folder
        folder.mkdir()
        (folder / "run.json").write_text(run_description())
        ended = Command(
            "load",
            f"--database={database}",
            environment=environment(tmp_path, emulator.base_url, emulator.api_key),
            cwd=tmp_path,
        ).wait()
    assert ended.code == ExitCode.ANOTHER_RUN
    assert f"process {os.getpid()}" in ended.err
    assert ended.seconds < 2 * slowness()
    assert emulator.requests.total == 0


def test_a_lock_left_by_a_dead_process_holds_nobody_up(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    emulator.latency_ms = 500
    command = Command(
        "load",
        f"--database={database}",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
    )
    until(lambda: emulator.requests.total, "a request")
    command.process.kill()
    command.process.communicate()
    assert WarehousePaths.of(database).lock.exists()
    assert WarehousePaths.of(database).run_file.exists()
    emulator.latency_ms = 0
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert leftovers(database) == set()


def test_a_dead_process_is_not_named_as_the_one_at_work(database: Path) -> None:
    paths = WarehousePaths.of(database)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    paths.working_folder.mkdir()
    paths.run_file.write_text(json.dumps({**json.loads(run_description()), "pid": dead.pid}))
    with exclusive_run(paths), pytest.raises(AnotherRunAtWork) as raised, exclusive_run(paths):
        pass
    assert str(dead.pid) not in str(raised.value)


def test_two_warehouses_in_one_folder_do_not_wait_for_each_other(
    emulator: Emulator, database: Path
) -> None:
    with exclusive_run(WarehousePaths.of(database)):
        assert snapshot(emulator, database.with_name("other.duckdb")).exit_code is ExitCode.COMPLETE


def test_the_same_file_by_another_name_is_the_same_warehouse(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(database)
    with exclusive_run(WarehousePaths.of(database)), pytest.raises(AnotherRunAtWork):
        snapshot(emulator, link)
