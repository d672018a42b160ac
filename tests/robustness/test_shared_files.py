"""Files that several people or several runs share: their rights, their locks, their blocks."""

from __future__ import annotations

import errno
import fcntl
import logging
import multiprocessing
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import flexprice_wallets
from flexprice_emulator import Emulator
from flexprice_wallets.errors import NotAWarehouse, StorageError, WarehouseError, WarehouseTooNew
from flexprice_wallets.use.export import export_views
from flexprice_wallets.use.replaced_file import replace_file
from flexprice_wallets.warehouse import file_copy, working_copy
from flexprice_wallets.warehouse.database import cursor, open_database, open_published
from flexprice_wallets.warehouse.file_copy import can_share, copy_file
from flexprice_wallets.warehouse.lock import LockHeld, held_lock
from tests.robustness.support import leftovers, snapshot, snapshot_count

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


def as_user(user: int, groups: list[int], act: Callable[[], None]) -> None:
    """Do something as another user, in a process of its own."""

    def run() -> None:
        os.umask(0o002)
        os.setgroups(groups)
        os.setgid(user)
        os.setuid(user)
        act()

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(60)
    assert process.exitcode == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_root
@pytest.mark.parametrize("is_killed", [False, True])
def test_two_users_of_a_group_load_in_turn(
    is_killed: bool, emulator: Emulator, open_folder: Path, tmp_path: Path
) -> None:
    group = 4321
    folder = open_folder / "shared"
    folder.mkdir()
    os.chown(folder, -1, group)
    folder.chmod(0o2775)
    database = folder / "warehouse.duckdb"

    def load() -> None:
        snapshot(emulator, database)
        export_views(database, folder / "views", "csv")

    # What is imported when it is first used must be there for users who may not read this one's packages.
    snapshot(emulator, tmp_path / "another.duckdb")
    export_views(tmp_path / "another.duckdb", tmp_path / "views", "csv")
    as_user(2001, [group], load)
    assert (stat.S_IMODE(database.stat().st_mode), database.stat().st_gid) == (0o664, group)
    if is_killed:  # what a killed run of the first user leaves is theirs alone
        (folder / ".warehouse.duckdb.loading" / "dlt").mkdir(mode=0o700, parents=True)
        (folder / ".warehouse.duckdb.loading").chmod(0o700)
        os.chown(folder / ".warehouse.duckdb.loading" / "dlt", 2001, group)
        os.chown(folder / ".warehouse.duckdb.loading", 2001, group)
        # The lock of an earlier version could be written by its first user only.
        (folder / ".warehouse.duckdb.lock").chmod(0o644)
    as_user(2002, [group], load)
    assert snapshot_count(database) == 2
    assert (stat.S_IMODE(database.stat().st_mode), database.stat().st_gid) == (0o664, group)
    left = leftovers(database) - {"views", ".views.lock"}
    assert len(left) == int(is_killed), left


def test_a_lock_is_held_once_and_needs_only_reading(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with held_lock(path), pytest.raises(LockHeld), held_lock(path):
        pass
    with held_lock(path):
        pass


# --- copies ---


@pytest.mark.parametrize("way", ["kernel", "by hand", "kernel stops"])
def test_a_copy_is_the_same_file_however_it_is_made(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    content = os.urandom(9_000_001)
    source.write_bytes(content)
    source.chmod(0o640)
    target.write_bytes(b"something longer " * 1_000_000)
    if way == "by hand":

        def unsupported(*_: Any) -> int:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

        monkeypatch.setattr(os, "copy_file_range", unsupported)
    elif way == "kernel stops":
        copy_file_range = os.copy_file_range
        done: list[int] = []

        def once(*arguments: Any) -> int:
            done.append(0)
            return copy_file_range(*arguments) if len(done) == 1 else 0

        monkeypatch.setattr(os, "copy_file_range", once)
    copy_file(source, target)
    assert target.read_bytes() == content
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_blocks_are_shared_where_the_file_system_can(
    emulator: Emulator,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """This machine's file system cannot: its answer is played, the request to it is real."""
    snapshot(emulator, database)
    asked: list[int] = []

    def ioctl(target: int, request: int, source: int) -> int:
        asked.append(request)
        size = os.fstat(source).st_size
        assert os.copy_file_range(source, target, size, 0, 0) == size
        return 0

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    size = database.stat().st_size
    usage = shutil.disk_usage(database.parent)
    room = working_copy._ROOM_BESIDE_COPY + size
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=room))
    with caplog.at_level(logging.DEBUG, "flexprice_wallets"):
        snapshot(emulator, database)
    assert set(asked) == {0x40049409}
    assert "shares the blocks of the published file" in caplog.text
    assert snapshot_count(database) == 2
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=room - 1))
    with pytest.raises(StorageError, match="MiB free"):
        snapshot(emulator, database)


def test_whether_blocks_can_be_shared_is_no_error_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bool:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(file_copy, "_share", full)
    assert can_share(tmp_path) is False
    assert list(tmp_path.iterdir()) == []


def test_a_small_file_is_replaced_whole_and_follows_the_umask(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "link", "ä")
    finally:
        os.umask(before)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text(encoding="utf-8") == "ä"
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    with pytest.raises(OSError):  # noqa: PT011
        replace_file(tmp_path, "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


# --- opening ---


def test_reading_leaves_other_connections_of_the_process_as_they_are(
    emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    with duckdb.connect(str(database), read_only=True) as theirs:
        theirs.execute("set global timezone = 'Asia/Tokyo'")
        with open_published(database, raw_schema="flexprice_raw", schema="flexprice") as ours:
            assert ours.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
            further = cursor(ours)
            assert further.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
            assert further.execute("select count(*) from flexprice.freshness").fetchall() == [(1,)]
        assert theirs.execute("select current_setting('TimeZone')").fetchall() == [("Asia/Tokyo",)]
    with (
        duckdb.connect(str(database)),
        pytest.raises(WarehouseError, match="open for writing in this process"),
        open_published(database, raw_schema="flexprice_raw", schema="flexprice"),
    ):
        pass


def _checksum(block: bytearray) -> int:
    """DuckDB's checksum of a block (`checksum.cpp`)."""
    result = 5381
    for start in range(0, len(block), 8):
        word = int.from_bytes(block[start : start + 8], "little")
        result ^= (word * 0xBF58476D1CE4E5B9) % 2**64
    return result


@pytest.mark.parametrize("is_read_only", [True, False])
def test_a_file_of_a_later_duckdb_is_told_as_that(is_read_only: bool, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    content = bytearray(path.read_bytes())
    assert _checksum(content[8:4096]) == int.from_bytes(content[:8], "little")
    content[12:20] = (9_999).to_bytes(8, "little")
    content[:8] = _checksum(content[8:4096]).to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(WarehouseTooNew, match="later version of DuckDB"):
        open_database(path, read_only=is_read_only)


@pytest.mark.parametrize("size", [0.5, 0.1])
def test_a_file_that_was_cut_is_told_as_damaged_by_every_reader(
    size: float, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    whole = database.read_bytes()
    database.write_bytes(whole[: int(len(whole) * size)])

    def use() -> None:
        with flexprice_wallets.open(database) as warehouse:
            for name in ("wallets", "wallet_balance_history", "wallet_settings_history"):
                warehouse.query(f"select * from flexprice.{name}")

    for read in (
        use,
        lambda: export_views(database, tmp_path / "views", "csv"),
        lambda: snapshot(emulator, database),
    ):
        with pytest.raises(NotAWarehouse, match=r"damaged \(.*ould not read enough bytes"):
            read()
    assert not (tmp_path / "views").exists()


@needs_root
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_may_not_be_read_is_told_as_a_matter_of_rights(
    what: str, emulator: Emulator, open_folder: Path
) -> None:
    database = open_folder / "books" / "warehouse.duckdb"
    database.parent.mkdir()
    snapshot(emulator, database)
    (database if what == "file" else database.parent).chmod(0)

    def read() -> None:
        with (
            pytest.raises(StorageError, match=r"may not be read \(Permission denied\)"),
            open_published(database, raw_schema="flexprice_raw", schema="flexprice"),
        ):
            pass

    try:
        as_user(2001, [], read)
    finally:
        database.parent.chmod(0o755)
