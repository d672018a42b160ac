"""Names of files and schemas: those that DuckDB cannot tell apart are refused before the first request, others work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

import flexprice_wallets
from flexprice_emulator import Emulator
from flexprice_wallets.errors import ConfigurationError, ExitCode, NotAWarehouse
from flexprice_wallets.snapshot.load import rebuild_views
from flexprice_wallets.use.export import export_views
from flexprice_wallets.warehouse.names import catalog_of, check_names, schema_fault
from flexprice_wallets.warehouse.paths import resolved_path
from tests.robustness.support import (
    Command,
    environment,
    leftovers,
    snapshot,
    snapshot_count,
    value,
)

#: No tool could use the schema of this name in a file of this name.
AMBIGUOUS = (
    "flexprice.duckdb",
    "flexprice_raw.duckdb",
    "FlexPrice.db",
    "flexprice",
    ".flexprice.duckdb",
    "flexprice.2026.duckdb",
    "flexprice_raw_staging.duckdb",
    "information_schema.duckdb",
    "pg_catalog.duckdb",
)
#: Close to those, and no trouble.
DISTINCT = (
    "flexprice 2.duckdb",
    "system.duckdb",
    "temp.duckdb",
    "main.duckdb",
    "memory.duckdb",
    "wallets.duckdb",
    ":memory:",
    "md:warehouse",
    "a;b*[c].duckdb",
    "new\nline.duckdb",
)
UNFIT = ("a?b.duckdb", "a\\b.duckdb", "?.duckdb", "n" * 300 + ".duckdb", "\udcff.duckdb")


@pytest.mark.parametrize("name", [*AMBIGUOUS, *UNFIT], ids=ascii)
def test_an_unfit_name_is_refused_before_the_first_request(
    name: str, emulator: Emulator, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"name (the file|another place|it)"):
        snapshot(emulator, tmp_path / name)
    with pytest.raises(ConfigurationError):
        rebuild_views(
            tmp_path / name, raw_schema="flexprice_raw", schema="flexprice", rebuild=False
        )
    assert emulator.requests.total == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", DISTINCT, ids=ascii)
def test_a_name_that_is_only_odd_works(name: str, emulator: Emulator, tmp_path: Path) -> None:
    database = tmp_path / name
    for _ in range(2):
        assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert snapshot_count(database) == 2
    assert leftovers(database) == set()
    with flexprice_wallets.open(database) as warehouse:
        assert len(warehouse.balances()) > 0


@pytest.mark.parametrize("name", [*AMBIGUOUS, "memory.duckdb", ":memory:"])
def test_a_warehouse_that_was_renamed_can_still_be_read(
    name: str, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    renamed = database.rename(tmp_path / name)
    with flexprice_wallets.open(renamed) as warehouse:
        assert len(warehouse.balances()) > 0
        assert len(warehouse.daily()) > 0
    assert export_views(renamed, tmp_path / "views", "csv").rows["wallets"] > 0
    ended = Command(
        "status", f"--database={renamed}", environment=environment(tmp_path, "", ""), cwd=tmp_path
    ).wait()
    assert (ended.code, ended.err) == (0, "")
    if name in AMBIGUOUS:
        ended = Command(
            "check",
            f"--database={renamed}",
            environment=environment(tmp_path, emulator.base_url, emulator.api_key),
            cwd=tmp_path,
        ).wait()
        assert ended.code == ExitCode.WRONG_USE
        assert "cannot tell the database" in ended.out


@pytest.mark.parametrize("name", ["a?b.duckdb", "a\\b.duckdb"])
def test_a_warehouse_whose_path_duckdb_takes_for_another_is_refused_by_whoever_reads(
    name: str, emulator: Emulator, database: Path, tmp_path: Path
) -> None:
    snapshot(emulator, database)
    renamed = database.rename(tmp_path / name)
    with pytest.raises(ConfigurationError, match="takes for something else"):
        flexprice_wallets.open(renamed)
    with pytest.raises(ConfigurationError, match="takes for something else"):
        export_views(renamed, tmp_path / "views", "csv")
    for command in ("status", "check", "views"):
        ended = Command(
            command,
            f"--database={renamed}",
            environment=environment(tmp_path, emulator.base_url, emulator.api_key),
            cwd=tmp_path,
        ).wait()
        assert ended.code == ExitCode.WRONG_USE
        assert "takes for something else" in ended.out + ended.err
        assert "Traceback" not in ended.err


def test_a_folder_with_such_a_name_is_refused_too(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "a?b").mkdir()
    link = tmp_path / "link.duckdb"
    link.symlink_to(tmp_path / "a?b" / "warehouse.duckdb")
    for database in (link, tmp_path / "a?b" / "warehouse.duckdb"):
        with pytest.raises(ConfigurationError, match="question mark"):
            snapshot(emulator, database)
    assert emulator.requests.total == 0


@pytest.mark.parametrize(
    "names",
    [
        {"schema": "system"},
        {"schema": "temp"},
        {"raw_schema": "pg_catalog"},
        {"schema": "information_schema"},
        {"schema": "Flexprice"},
        {"raw_schema": "a__b"},
        {"raw_schema": "raw_"},
        {"schema": "flexprice_raw"},
        {"schema": "flexprice_raw_staging"},
        {"schema": "warehouse"},
        {"raw_schema": "warehouse"},
    ],
    ids=str,
)
def test_schemas_that_cannot_be_are_refused_before_the_first_request(
    names: dict[str, Any], emulator: Emulator, database: Path
) -> None:
    with pytest.raises(ConfigurationError):
        snapshot(emulator, database, **names)
    assert emulator.requests.total == 0
    assert list(database.parent.iterdir()) == []


@pytest.mark.parametrize(
    "names",
    [
        {"schema": "select", "raw_schema": "table"},
        {"schema": "main"},
        {"schema": "duckdb", "raw_schema": "_raw1"},
    ],
    ids=str,
)
def test_schemas_with_odd_names_work(
    names: dict[str, Any], emulator: Emulator, database: Path
) -> None:
    for _ in range(2):
        assert snapshot(emulator, database, **names).exit_code is ExitCode.COMPLETE
    schema = names.get("schema", "flexprice")
    assert value(database, f'select snapshots from "{schema}".freshness') == 2


@given(st.text("ab1_Zé-", min_size=1, max_size=5))
def test_dlt_leaves_a_schema_that_is_allowed_as_it_is(name: str) -> None:
    if schema_fault(name) is None:
        assert NamingConvention().normalize_identifier(name) == name


@pytest.mark.parametrize("name", [*AMBIGUOUS, *DISTINCT, "a.b.c", "..x.y", "Ä.duckdb"], ids=ascii)
def test_the_catalog_is_called_as_duckdb_calls_it(name: str, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / name)) as connection:
        [(catalog,)] = connection.execute("select current_database()").fetchall()
    assert catalog_of(tmp_path / name) == catalog.lower()


@pytest.mark.parametrize("home", ["here", None])
def test_a_tilde_is_the_home_of_whoever_runs(
    home: str | None, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    if home is None:
        with pytest.raises(ConfigurationError, match="no home folder"):
            resolved_path("~nobody-of-this-name/warehouse.duckdb")
        return
    snapshot(emulator, Path("~/warehouse.duckdb"))
    assert (folder / "warehouse.duckdb").is_file()
    with flexprice_wallets.open("~/warehouse.duckdb") as warehouse:
        assert len(warehouse.balances()) > 0
    variables = environment(folder, emulator.base_url, emulator.api_key)
    variables["FLEXPRICE_DATABASE"] = "~/warehouse.duckdb"
    for arguments in (
        ("status",),
        ("check",),
        ("views",),
        ("export", "--format=csv", "~/views"),
        ("load", "--json"),
    ):
        ended = Command(*arguments, environment=variables, cwd=tmp_path).wait()
        assert ended.code == 0, (arguments, ended.err, ended.out)
    assert (folder / "views" / "wallets.csv").is_file()
    assert not (tmp_path / "~").exists()
    assert snapshot_count(folder / "warehouse.duckdb") == 2


@pytest.mark.parametrize("what", ["folder", "nothing", "loop", "zero"])
def test_what_is_no_file_is_named_as_what_it_is(what: str, tmp_path: Path) -> None:
    path: Any = tmp_path / "warehouse.duckdb"
    error: type[Exception] = NotAWarehouse
    if what == "folder":
        path.mkdir()
    elif what == "loop":
        path.symlink_to(path)
        error = ConfigurationError
    elif what == "zero":
        path = f"{path}\0"
        error = ConfigurationError
    words = {"folder": "is no file", "nothing": "does not exist", "loop": "links", "zero": "zero"}
    with pytest.raises(error, match=words[what]):
        flexprice_wallets.open(path)


def test_the_rules_are_the_same_without_a_command() -> None:
    check_names(Path("/a/warehouse.duckdb"), "flexprice_raw", "flexprice")
    with pytest.raises(ConfigurationError, match="tables and views need one each"):
        check_names(Path("/a/warehouse.duckdb"), "flexprice", "flexprice")
    assert os.sep not in catalog_of(Path("/a/b.duckdb"))
