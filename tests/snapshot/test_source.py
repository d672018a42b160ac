"""`flexprice_source` in a dlt pipeline of one's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets import flexprice_source
from flexprice_wallets.errors import AccessRefused, FlexpriceWalletsError, SnapshotTimeError
from flexprice_wallets.records.columns import ColumnType
from flexprice_wallets.records.tables import TABLES
from tests.snapshot.loading import ask, load_from

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = AT + timedelta(days=1)


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture
def emulator() -> Any:
    with Emulator(world=World(20, seed=3, now=AT)) as running:
        yield running


def run(emulator: Emulator, folder: Path, **options: Any) -> Path:
    """Run a pipeline of one's own; returns its database."""
    database = folder / "lake.duckdb"
    pipeline = dlt.pipeline(
        "own",
        pipelines_dir=str(folder / "dlt"),
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="own",
    )
    options = {"api_key": emulator.api_key, "base_url": emulator.base_url, **options}
    pipeline.run(flexprice_source(**options), loader_file_format="parquet")
    return database


def row_counts(database: Path) -> Counter[str]:
    return Counter(
        {
            table.name: ask(database, f"select count(*) as n from own.{table.name}")[0]["n"]
            for table in TABLES
        }
    )


def test_a_whole_snapshot_without_a_warehouse(emulator: Emulator, tmp_path: Path) -> None:
    database = run(emulator, tmp_path, snapshot_at=AT)
    truth = emulator.world.truth()
    rows = row_counts(database)
    listed = [row for row in truth["wallets"].values() if row["is_listed"]]
    assert rows["snapshots"] == rows["warehouse"] == 1
    assert rows["customers"] == sum(row["is_listed"] for row in truth["customers"].values())
    assert rows["wallets"] == rows["wallet_balances"] == len(listed)
    assert rows["wallet_credits_available"] == 2 * len(listed)

    held = {row["wallet_id"]: row for row in ask(database, "select * from own.wallet_balances")}
    for wallet in listed:
        assert held[wallet["id"]]["balance"] == wallet["balance"]
        assert held[wallet["id"]]["snapshot_at"] == AT

    # Without a warehouse to compare with, a second run brings everything again.
    run(emulator, tmp_path, snapshot_at=LATER)
    assert row_counts(database)["wallets"] == 2 * len(listed)


PROGRAM = """
import dlt
from flexprice_wallets import flexprice_source
{before}
destination = dlt.destinations.duckdb("lake.duckdb")
pipeline = dlt.pipeline("own", pipelines_dir="dlt", destination=destination, dataset_name="own")
pipeline.run(flexprice_source({arguments}))
print(pipeline.last_trace)
"""


def run_own_program(
    folder: Path, variables: dict[str, str], before: str = "", arguments: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program with a pipeline, as dlt finds its settings once for a process."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before, arguments=arguments)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "HOME": str(folder),
            "DLT_DATA_DIR": str(folder / "data"),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            **variables,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("where", ["our environment", "dlt's environment", "file", "code", "vault"])
def test_address_and_key_are_configured_together(
    where: str, emulator: Emulator, tmp_path: Path
) -> None:
    # Else the key would go to Flexprice's own address. A stranger's API_KEY and BASE_URL are ignored.
    variables = {"API_KEY": "strangers-key", "BASE_URL": "http://127.0.0.1:9/v1"}
    given = {"api_key": emulator.api_key, "base_url": emulator.base_url}
    before = ""
    match where:
        case "our environment":
            variables |= {f"FLEXPRICE_{name.upper()}": value for name, value in given.items()}
        case "dlt's environment":
            prefix = "SOURCES__FLEXPRICE_WALLETS__"
            variables |= {f"{prefix}{name.upper()}": value for name, value in given.items()}
        case "file":
            (tmp_path / ".dlt").mkdir()
            for name, file in (("api_key", "secrets.toml"), ("base_url", "config.toml")):
                text = f'[sources.flexprice_wallets]\n{name} = "{given[name]}"\n'
                (tmp_path / ".dlt" / file).write_text(text)
        case "code":
            before = (
                f'dlt.secrets["sources.flexprice_wallets.api_key"] = "{emulator.api_key}"\n'
                f'dlt.config["sources.flexprice_wallets.base_url"] = "{emulator.base_url}"\n'
            )
        case "vault":
            # Any provider: those of Airflow and of vaults are registered like this one.
            held = {"sources": {"flexprice_wallets": given}}
            before = (
                "from dlt.common.configuration.providers import CustomLoaderDocProvider\n"
                f'vault = CustomLoaderDocProvider("vault", lambda: {held}, supports_secrets=True)\n'
                "dlt.config.register_provider(vault)\n"
            )
    ended = run_own_program(tmp_path, variables, before)
    assert ended.returncode == 0, ended.stderr
    assert row_counts(tmp_path / "lake.duckdb")["snapshots"] == 1
    # Nor does a run complain, or show the key.
    assert "WARNING" not in ended.stderr + ended.stdout
    kept = [path.read_bytes() for path in (tmp_path / "dlt").rglob("*") if path.is_file()]
    assert kept
    assert not [each for each in kept if emulator.api_key.encode() in each]
    assert emulator.api_key not in ended.stderr + ended.stdout


def test_every_option_is_configured_as_for_the_command(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(
        "[sources.flexprice_wallets]\nledger = false\nmax_requests_per_second = 500\nworkers = 0\n"
    )
    variables = {
        "FLEXPRICE_API_KEY": emulator.api_key,
        "FLEXPRICE_BASE_URL": emulator.base_url,
        "FLEXPRICE_REAL_TIME_BALANCE": "no",
    }
    ended = run_own_program(tmp_path, variables)
    assert "Set --workers (or FLEXPRICE_WORKERS) to 1 or more" in ended.stderr
    ended = run_own_program(tmp_path, {**variables, "FLEXPRICE_WORKERS": "many"})
    assert "workers of the dlt source cannot be used ('many' is not a valid" in ended.stderr
    assert emulator.requests.total == 0
    ended = run_own_program(tmp_path, {**variables, "FLEXPRICE_WORKERS": "3"})
    assert ended.returncode == 0, ended.stderr
    [row] = ask(tmp_path / "lake.duckdb", "select * from own.snapshots")
    assert (row["ledger"], row["include_real_time_balance"]) == ("not_asked", False)
    # What is given wins.
    ended = run_own_program(tmp_path, variables, arguments="workers=3, include_ledger=True")
    assert ended.returncode == 0, ended.stderr
    assert row_counts(tmp_path / "lake.duckdb")["wallet_transactions"] > 0


def test_a_strangers_key_is_not_taken(emulator: Emulator, tmp_path: Path) -> None:
    variables = {"API_KEY": emulator.api_key, "SOURCES__API_KEY": emulator.api_key}
    ended = run_own_program(tmp_path, variables, arguments=f'base_url="{emulator.base_url}"')
    assert ended.returncode == 1
    assert "No API key" in ended.stderr
    assert emulator.requests.total == 0


def test_the_schema_is_known_before_anything_is_read(emulator: Emulator) -> None:
    source = flexprice_source(api_key=emulator.api_key, base_url=emulator.base_url)
    assert list(source.resources) == [table.name for table in TABLES]
    schema = source.discover_schema()
    for table in TABLES:
        described = schema.tables[table.name]
        assert described["description"] == table.comment
        assert list(described["columns"]) == list(table.column_names)
        for column in table.columns:
            known = described["columns"][column.name]
            assert known["description"] == column.comment
            assert known["nullable"] is column.nullable
            assert known.get("primary_key", False) is (column.name in table.grain)
    assert emulator.requests.total == 0


def test_selected_resources_read_each_customer_once(emulator: Emulator, tmp_path: Path) -> None:
    source = flexprice_source(
        api_key=emulator.api_key, base_url=emulator.base_url, include_ledger=False
    )
    pipeline = dlt.pipeline(
        "own",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.duckdb(str(tmp_path / "lake.duckdb")),
        dataset_name="own",
    )
    some = source.with_resources("wallets", "wallet_balances")
    some.resources["wallets"].apply_hints(table_name="purses", write_disposition="replace")
    for _ in range(2):
        pipeline.run(some)
    wallets = len(emulator.world.listed_wallet_ids())
    [counts] = ask(
        tmp_path / "lake.duckdb",
        "select (select count(*) from own.purses) as replaced, "
        "(select count(*) from own.wallet_balances) as appended",
    )
    assert counts == {"replaced": wallets, "appended": 2 * wallets}
    customers = len(emulator.world.published_customer_ids())
    assert emulator.requests.by_endpoint["GET /v1/customers/wallets"] == 2 * customers
    names = ask(
        tmp_path / "lake.duckdb",
        "select table_name from duckdb_tables() where schema_name = 'own' and left(table_name, 4) <> '_dlt'",
    )
    assert {row["table_name"] for row in names} == {"purses", "wallet_balances"}


def test_columns_have_the_types_of_the_contract(emulator: Emulator, tmp_path: Path) -> None:
    database = run(emulator, tmp_path)
    rows = ask(
        database,
        "select table_name, column_name, data_type from information_schema.columns "
        "where table_schema = 'own'",
    )
    types = {(row["table_name"], row["column_name"]): row["data_type"] for row in rows}
    for table in TABLES:
        for column in table.columns:
            expected = "VARCHAR" if column.type is ColumnType.JSON else column.type.value
            assert types[table.name, column.name] == expected, (table.name, column.name)


def test_only_what_differs_from_a_warehouse(emulator: Emulator, tmp_path: Path) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    load_from(emulator, warehouse, snapshot_at=AT)
    changed, frozen = emulator.world.listed_wallet_ids()[:2]
    emulator.world.top_up(changed, "1")
    emulator.world.freeze(frozen)
    database = run(emulator, tmp_path, warehouse=warehouse, snapshot_at=LATER)
    rows = row_counts(database)
    assert rows["warehouse"] == rows["customers"] == 0
    assert rows["snapshots"] == rows["wallets"] == rows["wallet_balances"] == 1
    (row,) = ask(database, "select wallet_id, is_listed from own.wallets")
    assert (row["wallet_id"], row["is_listed"]) == (frozen, False)
    (row,) = ask(database, "select wallet_id, balance from own.wallet_balances")
    truth = emulator.world.truth()["wallets"][changed]
    assert (row["wallet_id"], row["balance"]) == (changed, truth["balance"])
    # The warehouse is only read.
    assert ask(warehouse, "select count(*) as n from flexprice.snapshots")[0]["n"] == 1


def test_some_customers_and_no_optional_figures(emulator: Emulator, tmp_path: Path) -> None:
    truth = emulator.world.truth()
    first, second = emulator.world.published_customer_ids()[:2]
    database = run(
        emulator,
        tmp_path,
        customer_ids=[first],
        lookup_keys=[truth["customers"][second]["external_id"]],
        include_real_time_balance=False,
        include_credits_available_breakdown=False,
    )
    rows = row_counts(database)
    assert rows["snapshot_customers"] == rows["customers"] == 2
    assert rows["wallet_real_time_balances"] == rows["wallet_credits_available"] == 0
    owners = {row["customer_id"] for row in ask(database, "select customer_id from own.wallets")}
    assert owners <= {first, second}


def cause_of(error: BaseException) -> FlexpriceWalletsError | None:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, FlexpriceWalletsError):
        seen = seen.__cause__ or seen.__context__
    return seen


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"api_key": "another-key"}, AccessRefused),
        ({"snapshot_at": datetime(2999, 1, 1, tzinfo=UTC)}, SnapshotTimeError),
    ],
    ids=["refused key", "time to come"],
)
def test_a_run_that_must_be_given_up(
    emulator: Emulator,
    tmp_path: Path,
    options: dict[str, Any],
    expected: type[FlexpriceWalletsError],
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        run(emulator, tmp_path, **options)
    assert isinstance(cause_of(caught.value), expected)
