"""Clocks that went back, times asked for, backups restored."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.errors import ExitCode, SnapshotTimeError
from flexprice_wallets.snapshot.snapshot_time import choose_snapshot_time
from tests.robustness.support import (
    Command,
    contents,
    environment,
    leftovers,
    query,
    snapshot,
    wrong_values,
)


def _times(database: Path) -> list[datetime]:
    sql = "select snapshot_at from flexprice_raw.snapshots order by snapshot_at"
    return [at.astimezone(UTC) for (at,) in query(database, sql)]


def test_a_clock_that_went_back_moves_the_snapshot_just_past_the_last(
    emulator: Emulator, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ahead = datetime.now(UTC) + timedelta(minutes=4)
    snapshot(emulator, database, snapshot_at=ahead)
    wallet_id = emulator.world.listed_wallet_ids()[0]
    emulator.world.top_up(wallet_id, 5)
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert "The clock is behind the last snapshot" in caplog.text
    assert _times(database) == [ahead, ahead + timedelta(microseconds=1)]
    assert wrong_values(database, emulator.world.truth()) == []


def test_a_clock_that_is_far_behind_is_refused() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(SnapshotTimeError, match="set the machine's clock right"):
        choose_snapshot_time(now, now + timedelta(hours=1))


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (timedelta(hours=-2), "is not later than the warehouse's last snapshot"),
        (timedelta(hours=-1, microseconds=-1), "is not later than the warehouse's last snapshot"),
        (timedelta(minutes=6), "lies in the future"),
        (timedelta(days=3000), "lies in the future"),
    ],
)
def test_a_wrong_time_asked_for_changes_nothing(
    offset: timedelta, message: str, emulator: Emulator, database: Path
) -> None:
    now = datetime.now(UTC)
    snapshot(emulator, database, snapshot_at=now - timedelta(hours=1))
    before = database.read_bytes()
    with pytest.raises(SnapshotTimeError, match=message) as raised:
        snapshot(emulator, database, snapshot_at=now + offset)
    assert raised.value.exit_code is ExitCode.WRONG_USE
    assert database.read_bytes() == before
    assert leftovers(database) == set()


@pytest.mark.parametrize(
    "text",
    ["yesterday", "2026-03-01T06:00:00", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-12:00", ""],
)
def test_a_time_that_is_none_is_exit_2(
    text: str, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    ended = Command(
        "load",
        f"--database={database}",
        f"--snapshot-at={text}",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
    ).wait()
    assert ended.code == ExitCode.WRONG_USE, ended.err
    assert "Traceback" not in ended.err
    assert emulator.requests.total == 0


def test_a_restored_backup_is_continued(emulator: Emulator, database: Path, tmp_path: Path) -> None:
    twin = tmp_path / "twin.duckdb"
    at = datetime.now(UTC) - timedelta(days=3)
    for each in (database, twin):
        snapshot(emulator, each, snapshot_at=at)
    backup = shutil.copyfile(database, tmp_path / "backup.duckdb")
    emulator.world.advance(steps=30)
    snapshot(emulator, database, snapshot_at=at + timedelta(hours=1))
    shutil.copyfile(backup, database)
    emulator.world.advance(steps=30)
    for each in (database, twin):
        snapshot(emulator, each, snapshot_at=at + timedelta(hours=2))
    assert contents(database) == contents(twin)
    assert wrong_values(database, emulator.world.truth()) == []
