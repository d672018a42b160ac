"""`flexprice-wallets export`: every view as files that say exactly what the view says."""

from __future__ import annotations

import json
import os
import threading
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas
import polars
import pytest
from filelock import FileLock

from flexprice_wallets.commands.main import run
from flexprice_wallets.errors import (
    AnotherRunAtWork,
    ConfigurationError,
    NotAWarehouse,
    StorageError,
)
from flexprice_wallets.use.export import FileFormat, exchange, export_views, files
from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.descriptions import views
from tests.small_history import SmallHistory, small_history
from tests.views.columns import view_columns

FORMATS: tuple[FileFormat, ...] = ("parquet", "csv")
PARTITIONED = {"wallet_balance_daily", "customer_balance_daily"}
# These tell an age, which goes on while files are written.
AGES = {"last_snapshot_age_seconds", "last_complete_snapshot_age_seconds"}
NAMES = [view.name for view in views() if view.type == "view"]
COLUMNS = {
    view: [name for name in columns if name not in AGES] for view, columns in view_columns().items()
}


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="module", params=FORMATS)
def exported(
    request: pytest.FixtureRequest, history: SmallHistory, tmp_path_factory: pytest.TempPathFactory
) -> tuple[FileFormat, Path]:
    folder = tmp_path_factory.mktemp("export") / "views"
    export_views(history.warehouse, folder, request.param)
    return request.param, folder


def source(folder: Path, view: str, file_format: FileFormat, types: dict[str, str]) -> str:
    """What reads a view's files, as a tool does that knows the types (CSV holds none)."""
    name = f"{view}/*/*" if view in PARTITIONED else view
    path = folder / f"{name}.{file_format}"
    if file_format == "parquet":
        return f"read_parquet('{path}', hive_partitioning = {view in PARTITIONED})"
    if view in PARTITIONED:
        in_files = {name: kind for name, kind in types.items() if name != "date_day"}
        hive = "hive_partitioning = true, hive_types = {'date_day': 'date'}"
        return f"read_csv('{path}', columns = {in_files}, {hive})"
    # Empty text is written in quotes, null as nothing.
    return f"read_csv('{path}', columns = {types}, allow_quoted_nulls = false)"


@pytest.mark.parametrize("view", NAMES)
def test_files_hold_what_the_view_holds(
    exported: tuple[FileFormat, Path], history: SmallHistory, view: str
) -> None:
    file_format, folder = exported
    columns = ", ".join(COLUMNS[view])
    with open_database(history.warehouse, read_only=True) as connection:
        described = connection.execute(f"describe flexprice.{view}").fetchall()
        types = {name: kind for name, kind, *_ in described}
        written = source(folder, view, file_format, types)
        view_rows = f"(select {columns} from flexprice.{view})"
        file_rows = f"(select {columns} from {written})"
        for one, other in ((view_rows, file_rows), (file_rows, view_rows)):
            assert connection.execute(f"from {one} except all from {other}").fetchall() == []
        [(count,)] = connection.execute(f"select count(*) from {written}").fetchall()
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["rows"][view] == count


def test_parquet_keeps_every_type(history: SmallHistory, tmp_path: Path) -> None:
    export_views(history.warehouse, tmp_path / "views", "parquet")
    with open_database(history.warehouse, read_only=True) as connection:
        for view in NAMES:
            expected = connection.execute(f"describe flexprice.{view}").fetchall()
            written = source(tmp_path / "views", view, "parquet", {})
            found = connection.execute(f"describe from {written}").fetchall()
            assert sorted(row[:2] for row in found) == sorted(row[:2] for row in expected), view


def test_csv_writes_figures_out_and_tells_empty_from_null(
    history: SmallHistory, tmp_path: Path
) -> None:
    warehouse = history.copy(tmp_path)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update flexprice_raw.customers set name = '', email = null")
    export_views(warehouse, tmp_path / "views", "csv")
    lines = (tmp_path / "views" / "wallet_balance_history.csv").read_text(encoding="utf-8")
    assert ",100.000100000," in lines
    assert "2026-02-25T06:00:00.000000Z" in lines
    customers = (tmp_path / "views" / "customers.csv").read_text(encoding="utf-8").splitlines()
    assert '"",,' in customers[1]


def test_days_have_a_folder_each(exported: tuple[FileFormat, Path]) -> None:
    _, folder = exported
    days = sorted(part.name for part in (folder / "wallet_balance_daily").iterdir())
    assert days[0] == "date_day=2026-02-25"
    assert days[-1] == "date_day=2026-03-04"
    assert len(days) == 8


def test_again_gives_the_same_and_leaves_nothing_beside(
    history: SmallHistory, tmp_path: Path
) -> None:
    folder = tmp_path / "views"
    folder.mkdir(mode=0o750)
    mode = folder.stat().st_mode
    manifests = []
    for _ in range(2):
        export_views(history.warehouse, folder, "csv")
        manifests.append((folder / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]
    assert folder.stat().st_mode == mode
    # The lock stays, as the warehouse's own does.
    assert sorted(path.name for path in tmp_path.iterdir()) == [".views.lock", "views"]


def test_another_format_replaces_the_first(history: SmallHistory, tmp_path: Path) -> None:
    folder = tmp_path / "views"
    export_views(history.warehouse, folder, "csv")
    export_views(history.warehouse, folder, "parquet")
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".json", ".parquet"}


@pytest.mark.parametrize("is_beside_an_export", [False, True])
def test_other_peoples_files_are_left_alone(
    history: SmallHistory, tmp_path: Path, is_beside_an_export: bool
) -> None:
    folder = tmp_path / "views"
    folder.mkdir()
    if is_beside_an_export:
        export_views(history.warehouse, folder, "csv")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    with pytest.raises(ConfigurationError, match="another folder"):
        export_views(history.warehouse, folder, "csv")
    assert sorted(folder.rglob("*")) == before


def test_a_foreign_manifest_is_not_ours(history: SmallHistory, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"files": []}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not empty"):
        export_views(history.warehouse, tmp_path, "csv")


def test_a_file_in_the_way(history: SmallHistory, tmp_path: Path) -> None:
    (tmp_path / "views").write_text("", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="name a folder"):
        export_views(history.warehouse, tmp_path / "views", "csv")


def test_no_folder_to_be_in(history: SmallHistory, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        export_views(history.warehouse, tmp_path / "missing" / "views", "csv")


def test_a_failed_export_changes_nothing(
    history: SmallHistory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "views"
    export_views(history.warehouse, folder, "csv")
    before = {path: path.stat().st_ino for path in folder.rglob("*")}
    monkeypatch.setitem(files._COPY_OPTIONS, "csv", "format csv, no_such_option 1")
    with pytest.raises(NotAWarehouse, match="cannot be read"):
        export_views(history.warehouse, folder, "csv")
    assert {path: path.stat().st_ino for path in folder.rglob("*")} == before
    assert not (tmp_path / ".views.exporting").exists()


def test_what_a_killed_export_left_is_removed(history: SmallHistory, tmp_path: Path) -> None:
    left = tmp_path / ".views.exporting"
    left.mkdir()
    (left / "wallets.csv").write_text("half", encoding="utf-8")
    export_views(history.warehouse, tmp_path / "views", "csv")
    assert not left.exists()


@pytest.mark.parametrize("umask", [0o077, 0o002])
def test_an_export_is_as_private_as_the_umask_says(
    umask: int, history: SmallHistory, tmp_path: Path
) -> None:
    before = os.umask(umask)
    try:
        export_views(history.warehouse, tmp_path / "views", "parquet")
    finally:
        os.umask(before)
    for path in (tmp_path / "views", *(tmp_path / "views").rglob("*")):
        full = 0o777 if path.is_dir() else 0o666
        assert path.stat().st_mode & 0o777 == full & ~umask, path


def test_two_at_once(history: SmallHistory, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".views.lock"), pytest.raises(AnotherRunAtWork, match="under way"):
        export_views(history.warehouse, tmp_path / "views", "csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(history: SmallHistory, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError):
            export_views(history.warehouse, tmp_path / "views", "csv")
    finally:
        tmp_path.chmod(0o700)


def test_the_folder_is_never_missing_while_it_is_replaced(
    history: SmallHistory, tmp_path: Path
) -> None:
    folder = tmp_path / "views"
    export_views(history.warehouse, folder, "csv")
    if not exchange.is_supported(tmp_path):
        pytest.skip("this system cannot exchange two folders in one step")
    missed, is_done = [], threading.Event()

    def watch() -> None:
        while not is_done.is_set():
            try:
                (folder / "wallets.csv").stat()
            except FileNotFoundError as error:
                missed.append(error)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(3):
        export_views(history.warehouse, folder, "csv")
    is_done.set()
    watcher.join()
    assert missed == []


def test_exchange_by_turns_where_there_is_no_other_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_exchange_at_once", lambda *_: False)
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"was-{name}").touch()
    exchange.exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "was-other").exists()
    assert (tmp_path / "other" / "was-one").exists()
    assert len(list(tmp_path.iterdir())) == 2


def test_no_view_has_a_type_that_files_cannot_keep(history: SmallHistory) -> None:
    with open_database(history.warehouse, read_only=True) as connection:
        found = connection.execute(
            "select object_name, column_name, data_type from flexprice.data_dictionary "
            "where schema_name = 'flexprice' and data_type in ('DOUBLE', 'FLOAT', 'HUGEINT', 'UHUGEINT')"
        ).fetchall()
    assert found == []


def test_the_command(
    history: SmallHistory,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    database = f"--database={history.warehouse}"
    assert run(["export", "--format", "parquet", database, "views"]) == 0
    assert "as of snapshot 2026-03-04T06:00:00.000000Z" in capsys.readouterr().out
    (tmp_path / "views" / "mine").touch()
    assert run(["export", "--format", "parquet", database, "views"]) == 2
    assert run(["export", "--format", "parquet", "--database=none.duckdb", "views"]) == 1
    assert run(["export", "--format", "excel", database, "views"]) == 2
    assert run(["export", database, "views"]) == 2


def test_pandas_and_polars_read_the_days(history: SmallHistory, tmp_path: Path) -> None:
    export_views(history.warehouse, tmp_path / "views", "parquet")
    frame = pandas.read_parquet(tmp_path / "views" / "wallet_balance_daily")
    mine = frame[frame["wallet_id"] == history.wallet_id]
    assert len(mine) == 8
    assert {type(balance) for balance in mine["closing_balance"]} == {Decimal}
    lazy = polars.scan_parquet(tmp_path / "views" / "wallet_balance_daily", hive_partitioning=True)
    assert len(lazy.filter(polars.col("wallet_id") == history.wallet_id).collect()) == 8
