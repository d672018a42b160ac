"""Once the file is replaced, nothing turns success into failure; and what is written is as private as the file."""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.commands import load as load_command_module
from flexprice_wallets.commands import main
from flexprice_wallets.errors import ConfigurationError, ExitCode, NotAWarehouse, StorageError
from flexprice_wallets.snapshot import load as load_module
from flexprice_wallets.warehouse import file_copy, working_copy
from tests.command_line import PROGRAM, environment, run_process, run_program
from tests.robustness.support import snapshot, snapshot_count


def variables(emulator: Emulator, **more: str) -> dict[str, str]:
    return {"FLEXPRICE_API_KEY": emulator.api_key, "FLEXPRICE_BASE_URL": emulator.base_url, **more}


# --- nothing turns success into failure ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_just_after_the_replacement_changes_nothing(
    number: signal.Signals, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables(emulator).items():
        monkeypatch.setenv(name, value)
    replace = os.replace

    def replaced_and_signalled(source: Any, target: Any, **more: Any) -> None:
        replace(source, target, **more)
        if os.fspath(target).endswith("warehouse.duckdb"):
            signal.raise_signal(number)

    monkeypatch.setattr(os, "replace", replaced_and_signalled)
    assert main.run(["load"]) == ExitCode.COMPLETE
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 1
    # Later steps, too: the folder is flushed, the private one removed, the summary printed.
    monkeypatch.setattr(os, "replace", replace)
    for owner, name in (
        (working_copy, "_flush"),
        (shutil, "rmtree"),
        (load_command_module, "report_done"),
    ):
        function = getattr(owner, name)

        def signalled(*arguments: Any, function: Any = function, **more: Any) -> Any:
            if not os.path.exists(tmp_path / ".warehouse.duckdb.loading/warehouse.duckdb"):
                signal.raise_signal(number)
            return function(*arguments, **more)

        monkeypatch.setattr(owner, name, signalled)
        before = snapshot_count(tmp_path / "warehouse.duckdb")
        assert main.run(["load"]) == ExitCode.COMPLETE
        assert snapshot_count(tmp_path / "warehouse.duckdb") == before + 1
        monkeypatch.setattr(owner, name, function)
    (tmp_path / "warehouse.duckdb").unlink()
    assert main.run(["load"]) == ExitCode.COMPLETE
    # Before the replacement it still ends the load.
    monkeypatch.setattr(os, "replace", replace)
    publish = working_copy.publish

    def signalled_and_published(*arguments: Any, **more: Any) -> None:
        signal.raise_signal(number)
        publish(*arguments, **more)

    monkeypatch.setattr(load_module, "publish", signalled_and_published)
    assert main.run(["load"]) == 128 + number
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 1


def test_a_folder_that_cannot_be_synced_is_a_warning(
    emulator: Emulator,
    database: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    flush = working_copy._flush

    def flush_files_only(path: Path) -> None:
        if path.is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        flush(path)

    monkeypatch.setattr(working_copy, "_flush", flush_files_only)
    with caplog.at_level(logging.WARNING):
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert "the new file is published" in caplog.text
    assert snapshot_count(database) == 1


def test_the_file_is_flushed_before_and_its_folder_after_the_replacement(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        steps.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def noted_replace(source: Any, target: Any, **more: Any) -> None:
        if os.fspath(target) == str(database):
            steps.append(("replace", os.fspath(source)))
        replace(source, target, **more)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    snapshot(emulator, database)
    at = next(number for number, (what, _) in enumerate(steps) if what == "replace")
    assert steps[at - 1] == ("fsync", steps[at][1])
    assert steps[at + 1] == ("fsync", str(database.parent))


@pytest.mark.parametrize("stdout", ["full", "closed", "nobody reads"])
def test_a_result_that_cannot_be_printed_is_a_warning(
    stdout: str, emulator: Emulator, tmp_path: Path
) -> None:
    redirect = {"full": "> /dev/full", "closed": ">&-", "nobody reads": "| true"}[stdout]
    command = f"{' '.join(PROGRAM)} load 2> err {redirect}; echo ${{PIPESTATUS[0]}} > code"
    run_process(("bash", "-c", command), tmp_path, variables(emulator))
    assert (tmp_path / "code").read_text().strip() == "0", (tmp_path / "err").read_text()
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 1
    said = (tmp_path / "err").read_text()
    assert "Traceback" not in said
    assert "is done, but the result could not be printed" in said


@pytest.mark.parametrize("closed", ["2>&-", "<&-", "<&- 2>&-"])
def test_a_load_without_some_stream_works(closed: str, emulator: Emulator, tmp_path: Path) -> None:
    command = f"{' '.join(PROGRAM)} load {closed} > out; echo $? > code"
    run_process(("bash", "-c", command), tmp_path, variables(emulator))
    assert (tmp_path / "code").read_text().strip() == "0"
    assert "is complete" in (tmp_path / "out").read_text()
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 1


def test_a_locale_that_cannot_print_a_name_costs_nothing(
    emulator: Emulator, tmp_path: Path
) -> None:
    folder = tmp_path / "büro-東京"
    folder.mkdir()
    given = variables(emulator, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    ended = run_program(folder, given, "load")
    assert ended.code == 0, ended.err
    assert "is complete" in ended.out
    assert "Traceback" not in ended.err
    assert run_program(folder, given, "status").code == 0


# --- rights --------------------------------------------------------------------------------------------------------


def test_the_working_copy_is_as_private_as_the_published_file(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(emulator, database)
    database.chmod(0o640)
    os.chown(database, -1, 12345)
    seen: set[tuple[int, int, int, int]] = set()
    share = file_copy._share

    def looked_at(source: int, target: int) -> bool:
        status, path = os.fstat(target), Path(os.readlink(f"/proc/self/fd/{target}"))
        if path.name == database.name:
            folder = stat.S_IMODE(path.parent.stat().st_mode)
            seen.add((stat.S_IMODE(status.st_mode), status.st_gid, folder, status.st_size))
        return share(source, target)

    monkeypatch.setattr(file_copy, "_share", looked_at)
    snapshot(emulator, database)
    assert seen == {(0o640, 12345, 0o700, 0)}
    status = database.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o640, 12345)
    assert snapshot_count(database) == 2


def test_what_one_group_may_is_not_passed_on_to_another(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(emulator, database)
    database.chmod(0o660)
    os.chown(database, -1, 12345)

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(os, "fchown", refuse)
    snapshot(emulator, database)
    status = database.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_gid) == (0o600, os.getegid())


def test_a_read_only_file_is_replaced_and_stays_read_only(
    emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    database.chmod(0o444)
    snapshot(emulator, database)
    assert stat.S_IMODE(database.stat().st_mode) == 0o444


def test_users_of_one_group_can_both_take_the_lock(emulator: Emulator, database: Path) -> None:
    before = os.umask(0o002)
    try:
        snapshot(emulator, database)
    finally:
        os.umask(before)
    lock = database.with_name(f".{database.name}.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o664
    assert stat.S_IMODE(database.stat().st_mode) == 0o664


_READ = """
import sys
from flexprice_wallets.commands import load as load_command_module
from flexprice_wallets.commands import main
sys.exit(main.run(sys.argv[1:]))
"""


def _without_the_rights_of_root() -> None:
    """Root may read anything, but for a root without these capabilities."""
    drop_from_bounding_set, cap_dac_override, cap_dac_read_search = 24, 1, 2
    for capability in (cap_dac_override, cap_dac_read_search):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("command", ["load", "status", "check"])
def test_a_file_that_may_not_be_read_is_a_matter_of_rights(
    command: str, emulator: Emulator, tmp_path: Path
) -> None:
    database = tmp_path / "warehouse.duckdb"
    snapshot(emulator, database)
    os.chown(database, 12345, 12345)
    database.chmod(0o600)
    ended = subprocess.run(
        [sys.executable, "-c", _READ, command, f"--database={database}"],
        cwd=tmp_path,
        env=environment(tmp_path, **variables(emulator)),
        preexec_fn=_without_the_rights_of_root,
        capture_output=True,
        text=True,
        check=False,
    )
    said = ended.stdout + ended.stderr
    assert ended.returncode == 1, said
    assert "may not be read" in said or "Permission denied" in said
    assert "damaged" not in said
    assert "Traceback" not in said


def test_a_truncated_file_is_damage(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    whole = database.read_bytes()
    for size in (len(whole) // 2, 4096 * 4, 100):
        database.write_bytes(whole[:size])
        with pytest.raises(NotAWarehouse, match=r"damaged|not a DuckDB file"):
            snapshot(emulator, database)
        assert database.read_bytes() == whole[:size]


def test_the_room_that_is_needed_grows_with_the_file(
    emulator: Emulator, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot(emulator, database)
    size = database.stat().st_size
    usage = shutil.disk_usage(database.parent)
    room = working_copy._ROOM_BESIDE_COPY
    for free, is_enough in ((room + 2 * size, True), (room + size, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        if is_enough:
            snapshot(emulator, database)
        else:
            with pytest.raises(StorageError, match="MiB free"):
                snapshot(emulator, database)


def test_a_home_folder_is_found_by_every_command(emulator: Emulator, tmp_path: Path) -> None:
    given = variables(emulator, FLEXPRICE_DATABASE="~/books/w.duckdb")
    (tmp_path / "books").mkdir()
    for command in (["load"], ["status"], ["check"], ["views"], ["export", "x", "--format=csv"]):
        ended = run_program(tmp_path, given, *command)
        assert ended.code == 0, (command, ended.err, ended.out)
    assert (tmp_path / "books" / "w.duckdb").is_file()


# --- what people see -----------------------------------------------------------------------------------------------


def test_what_looks_like_markup_is_printed_as_it_is(emulator: Emulator, tmp_path: Path) -> None:
    customer = emulator.world.published_customer_ids()[0]
    emulator.quirks.customer_fields[customer] = {"id": '"[/red][bold]cust"', "email": "7"}
    ended = run_program(tmp_path, variables(emulator), "load")
    assert ended.code == 3, ended.err
    status = run_program(tmp_path, variables(emulator), "status")
    assert status.code == 0, status.err
    assert "[/red][bold]cust" in status.out


def test_check_proves_that_wallets_can_be_read(emulator: Emulator, tmp_path: Path) -> None:
    assert run_program(tmp_path, variables(emulator), "check").code == 0
    emulator.faults.add(Fault("not_found", path="/v1/customers/wallets", times=2))
    assert run_program(tmp_path, variables(emulator), "check").code == 0
    emulator.faults.clear()
    emulator.faults.add(Fault("not_found", path="/v1/customers/wallets"))
    ended = run_program(tmp_path, variables(emulator), "check")
    assert ended.code == 1
    assert "the API knows none when asked for its wallets" in ended.out


def test_what_needs_posix_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "name", "nt")
    with pytest.raises(ConfigurationError, match="Linux and macOS only"):
        load_module.require_posix()
    monkeypatch.undo()
    load_module.require_posix()


@pytest.mark.parametrize(
    "settings",
    [
        "dev_mode = true",
        "[pipelines.flexprice_wallets]\ndev_mode = true",
        '[schema]\nnaming = "direct"',
        '[normalize]\nloader_file_format = "insert_values"',
        "[normalize.parquet_normalizer]\nadd_dlt_id = true",
        '[destination.duckdb]\ncredentials = "elsewhere.duckdb"',
        'import_schema_path = "schemas"',
    ],
)
def test_the_settings_of_somebodys_dlt_project_have_no_effect(
    settings: str, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(settings + "\n")
    for _ in range(2):
        ended = run_program(tmp_path, variables(emulator), "load")
        assert ended.code == 0, ended.err
    assert snapshot_count(tmp_path / "warehouse.duckdb") == 2
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == [
        "warehouse.duckdb"
    ]
    environment_before = dict(os.environ)
    snapshot(emulator, tmp_path / "other.duckdb")
    assert dict(os.environ) == environment_before
