"""Disks, folders and files that are not as they should be: a clear error, and the published file untouched."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import duckdb
import pytest

from flexprice_emulator import Emulator, Request, World
from flexprice_wallets.errors import (
    ConfigurationError,
    ExitCode,
    NotAWarehouse,
    StorageError,
    WarehouseError,
    WarehouseTooNew,
    WarehouseTooOld,
)
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.snapshot.load import rebuild_views
from flexprice_wallets.warehouse import database as database_module
from flexprice_wallets.warehouse import file_copy, migrations, working_copy
from tests.robustness.support import (
    Command,
    contents,
    environment,
    leftovers,
    query,
    snapshot,
    snapshot_count,
    value,
    wrong_values,
)

# --- File systems --------------------------------------------------------------------------------------------------


def _mount(*arguments: str) -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0


@contextmanager
def _small_disk(megabytes: int) -> Iterator[Path]:
    """A file system of so many megabytes, where this user may mount one."""
    folder = Path(tempfile.mkdtemp())
    if not _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)):
        folder.rmdir()
        pytest.skip("mounting a file system takes root's rights")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        folder.rmdir()


def test_a_full_disk_is_noticed_before_the_work(emulator: Emulator) -> None:
    with (
        _small_disk(30) as folder,
        pytest.raises(StorageError, match="MiB free, a run needs 64 MiB"),
    ):
        snapshot(emulator, folder / "warehouse.duckdb")
    assert emulator.requests.total == 0


@pytest.mark.parametrize("left", [0, 100_000, 1_000_000])
def test_a_disk_that_fills_up_in_the_middle_leaves_the_published_file_as_it_was(
    left: int, emulator: Emulator
) -> None:
    with _small_disk(100) as folder:
        database = folder / "warehouse.duckdb"
        filler = folder / "filler"
        snapshot(emulator, database)
        before = database.read_bytes()

        def fill(_world: World, request: Request) -> None:
            if request.path.endswith("/search"):
                with suppress(OSError), filler.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(65536))
                os.truncate(filler, max(0, filler.stat().st_size - left))

        emulator.on_request = fill
        emulator.world.advance(steps=20)
        with pytest.raises(StorageError, match=r"nothing was published|cannot be (written|copied)"):
            snapshot(emulator, database)
        assert database.read_bytes() == before
        assert leftovers(database) == {"filler"}
        emulator.on_request = None
        filler.unlink()
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
        assert wrong_values(database, emulator.world.truth()) == []


def test_a_disk_that_is_full_when_dlt_starts(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    # What dlt writes before its first step.
    monkeypatch.setattr("dlt.Pipeline._save_state", full)
    with pytest.raises(StorageError, match="No space left on device"):
        snapshot(emulator, database)
    assert leftovers(database) == set()


def test_a_limit_on_the_size_of_files_is_a_clear_error(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    """The same without root's rights: no file may grow beyond what the published one has."""
    snapshot(emulator, database)
    before = database.read_bytes()
    limit = len(before) - 4096

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ended = Command(
        "load",
        f"--database={database}",
        environment=environment(tmp_path, emulator.base_url, emulator.api_key),
        cwd=tmp_path,
        preexec_fn=limited,
    ).wait()
    assert ended.code == ExitCode.FAILED
    assert ended.err.startswith("Error: ")
    assert "File too large" in ended.err
    assert "Traceback" not in ended.err
    assert database.read_bytes() == before
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE


def test_a_read_only_file_system_is_a_clear_error(emulator: Emulator) -> None:
    with _small_disk(100) as folder:
        database = folder / "warehouse.duckdb"
        snapshot(emulator, database)
        before = database.read_bytes()
        assert _mount("-o", "remount,ro", str(folder))
        with pytest.raises(StorageError, match="Read-only file system"):
            snapshot(emulator, database)
        assert database.read_bytes() == before
        assert _mount("-o", "remount,rw", str(folder))
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE


def test_a_folder_that_may_not_be_written_is_a_clear_error(
    emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()
    database.parent.chmod(0o555)
    try:
        ended = Command(
            "load",
            f"--database={database}",
            environment=environment(tmp_path, emulator.base_url, emulator.api_key),
            cwd=tmp_path,
            preexec_fn=_give_up_rights_of_root,
        ).wait()
    finally:
        database.parent.chmod(0o755)
    assert ended.code == ExitCode.FAILED, ended.err
    assert "cannot be written (Permission denied)" in ended.err
    assert "Traceback" not in ended.err
    assert database.read_bytes() == before
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE


def _give_up_rights_of_root() -> None:
    """Root may write anywhere, but for a root without this capability."""
    drop_from_bounding_set, cap_dac_override = 24, 1
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(drop_from_bounding_set, cap_dac_override, 0, 0, 0)


def test_a_folder_that_does_not_exist_is_wrong_use(emulator: Emulator, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist") as raised:
        snapshot(emulator, tmp_path / "nowhere" / "warehouse.duckdb")
    assert raised.value.exit_code is ExitCode.WRONG_USE


#: A user whom the machine does not know, as in a container.
_UNKNOWN_USER = """
import os, pwd
os.geteuid = os.getuid = lambda: 54321
def getpwuid(number):
    raise KeyError(number)
pwd.getpwuid = getpwuid
from flexprice_wallets.commands.main import main
main()
"""


@pytest.mark.parametrize("home", ["", "/nonexistent", None, "/proc"])
def test_a_home_is_not_needed(
    home: str | None, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    variables = environment(tmp_path, emulator.base_url, emulator.api_key)
    del variables["HOME"]
    if home is not None:
        variables["HOME"] = home
    ended = Command(
        "load",
        f"--database={database}",
        program=("-c", _UNKNOWN_USER),
        environment=variables,
        cwd=tmp_path,
    ).wait()
    assert ended.code == 0, ended.err
    assert leftovers(database) == set()


# --- Files that are no warehouse ---------------------------------------------------------------------------------


def _text(path: Path) -> None:
    path.write_text("customer;balance\ncust_1;10.00\n" * 1000)


def _sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table wallets (id text)")
    connection.close()


def _other_duckdb(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table wallets (id text)")


def _other_pipeline(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema flexprice_raw")
        connection.execute("create table flexprice_raw.warehouse (place text, boxes integer)")


def _empty(path: Path) -> None:
    path.touch()


def _future_storage(path: Path) -> None:
    """A DuckDB file whose storage version nobody knows yet."""
    _other_duckdb(path)
    content = bytearray(path.read_bytes())
    content[12:20] = (99_999).to_bytes(8, "little")
    path.write_bytes(content)


FOREIGN = {
    "a text file": _text,
    "a SQLite database": _sqlite,
    "another DuckDB database": _other_duckdb,
    "another pipeline's DuckDB database": _other_pipeline,
    "a newer DuckDB's file": _future_storage,
    "an empty file": _empty,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_file_is_refused_and_left_as_it_is(
    name: str, emulator: Emulator, database: Path
) -> None:
    FOREIGN[name](database)
    before = database.read_bytes()
    with pytest.raises(NotAWarehouse, match=database.name):
        snapshot(emulator, database)
    assert database.read_bytes() == before
    with pytest.raises(NotAWarehouse, match=database.name):
        rebuild_views(database, raw_schema="flexprice_raw", schema="flexprice", rebuild=False)
    assert database.read_bytes() == before
    assert leftovers(database) == set()


def _cut(content: bytearray) -> bytearray:
    return content[: len(content) // 2]


def _zeroed_start(content: bytearray) -> bytearray:
    return bytearray(4096) + content[4096:]


def _zeroed_headers(content: bytearray) -> bytearray:
    return content[:4096] + bytearray(8192) + content[12288:]


def _flipped(content: bytearray) -> bytearray:
    random = Random(2)
    for position in range(12288, len(content), 997):
        content[position] ^= random.randrange(1, 256)
    return content


def _zeroed_blocks(content: bytearray) -> bytearray:
    return content[:12288] + bytearray(len(content) - 12288)


DAMAGE: dict[str, Callable[[bytearray], bytearray]] = {
    "cut in half": _cut,
    "no start": _zeroed_start,
    "no headers": _zeroed_headers,
    "bits flipped": _flipped,
    "no blocks": _zeroed_blocks,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_file_is_refused_and_left_as_it_is(
    name: str, emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    database.write_bytes(DAMAGE[name](bytearray(database.read_bytes())))
    before = database.read_bytes()
    with pytest.raises(NotAWarehouse, match=r"damaged|restore a backup"):
        snapshot(emulator, database)
    assert database.read_bytes() == before
    assert leftovers(database) == set()


def test_one_damaged_block_anywhere_is_never_published_over(
    emulator: Emulator, database: Path
) -> None:
    """A block that the run does not read may pass; nothing else than a clean error or a true warehouse comes out."""
    snapshot(emulator, database)
    whole = database.read_bytes()
    errors = 0
    for block in range(12288, len(whole), len(whole) // 16):
        content = bytearray(whole)
        content[block + 5000 : block + 5400] = bytes(400)
        database.write_bytes(content)
        try:
            snapshot(emulator, database)
        except WarehouseError:
            errors += 1
            assert database.read_bytes() == content
        assert leftovers(database) == set()
    assert errors > 0


def test_damage_that_shows_only_in_reading_is_told_as_such(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()

    def read_known(*_: object, **__: object) -> None:
        raise duckdb.IOException("Corrupt database file: computed checksum 1 does not match 2")

    monkeypatch.setattr("flexprice_wallets.snapshot.pipeline.read_known", read_known)
    with pytest.raises(NotAWarehouse, match=r"damaged .*computed checksum.*restore a backup"):
        snapshot(emulator, database)
    assert database.read_bytes() == before


def _set_version(database: Path, version: int) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"update flexprice_raw.warehouse set contract_version = {version}")


def test_a_newer_contract_is_refused(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    _set_version(database, CONTRACT_VERSION + 1)
    before = database.read_bytes()
    with pytest.raises(WarehouseTooNew, match=r"has version 4 .* this program knows 3: update"):
        snapshot(emulator, database)
    assert database.read_bytes() == before


def test_an_older_contract_is_migrated_or_refused(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This program plays the later one: its contract is version 5, and it knows how to make a 5 of a 4 only."""
    snapshot(emulator, database)
    for module in (migrations, database_module):
        monkeypatch.setattr(module, "CONTRACT_VERSION", 5)
    steps: list[int] = []

    def migration(version: int) -> migrations.Migration:
        def migrate(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
            connection.execute(f"comment on table \"{raw_schema}\".warehouse is 'once {version}'")
            steps.append(version)

        return migrate

    monkeypatch.setattr(migrations, "MIGRATIONS", {4: migration(4)})
    before = database.read_bytes()
    with pytest.raises(WarehouseTooOld, match=r"has version 3 .* cannot bring to its own, 5"):
        snapshot(emulator, database)
    assert database.read_bytes() == before
    assert steps == []
    monkeypatch.setattr(migrations, "MIGRATIONS", {3: migration(3), 4: migration(4)})
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert steps == [3, 4]
    assert value(database, "select contract_version from flexprice_raw.warehouse") == 5
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert steps == [3, 4]


# --- Programs that wrote into the published file -----------------------------------------------------------------

_WRITE_AND_DIE = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("set checkpoint_threshold = '1 TB'")
connection.execute("create table flexprice_raw.notes (note text)")
connection.execute("update flexprice_raw.wallet_balances set balance = 0")
os.kill(os.getpid(), 9)
"""


def test_a_foreign_wal_neither_stops_the_load_nor_gets_its_rows_in(
    emulator: Emulator, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    snapshot(emulator, database)
    subprocess.run([sys.executable, "-c", _WRITE_AND_DIE, str(database)], check=False)
    assert leftovers(database) == {f"{database.name}.wal"}
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert "its rows are not part of the history and are removed" in caplog.text
    assert leftovers(database) == set()
    assert wrong_values(database, emulator.world.truth()) == []
    assert query(database, "select * from duckdb_tables() where table_name = 'notes'") == []
    assert snapshot_count(database) == 2


def test_a_file_that_is_written_while_it_is_copied_is_refused(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(emulator, database)
    copies = []
    copy_file = file_copy.copy_file

    def disturbed(source: Path, target: Path) -> bool:
        is_shared = copy_file(source, target)
        copies.append(target)
        os.utime(source)
        return is_shared

    monkeypatch.setattr(working_copy, "copy_file", disturbed)
    with pytest.raises(StorageError, match="is being written by another program"):
        snapshot(emulator, database)
    assert len(copies) == 3


# --- Paths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "with space.duckdb",
        'it\'s "quoted".duckdb',
        "Zürich 日本.db",
        "no_suffix",
        "-dash.duckdb",
        "100% {x} $HOME.duckdb",
    ],
)
def test_any_path_will_do(name: str, emulator: Emulator, tmp_path: Path) -> None:
    database = tmp_path / name
    for _ in range(2):
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert snapshot_count(database) == 2
    assert leftovers(database) == set()


def test_a_link_stays_a_link_and_a_relative_path_is_where_it_says(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    link = Path("link.duckdb")
    link.symlink_to("../there/real.duckdb")
    for _ in range(2):
        snapshot(emulator, link)
    assert link.is_symlink()
    assert snapshot_count(tmp_path / "there" / "real.duckdb") == 2
    assert leftovers(tmp_path / "there" / "real.duckdb") == set()


def test_the_mode_of_the_published_file_stays(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    database.chmod(0o640)
    snapshot(emulator, database)
    assert database.stat().st_mode & 0o777 == 0o640


def test_views_are_renewed_without_changing_anything(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    before = contents(database)
    for rebuild in (False, True):
        rebuild_views(database, raw_schema="flexprice_raw", schema="flexprice", rebuild=rebuild)
        assert contents(database) == before
