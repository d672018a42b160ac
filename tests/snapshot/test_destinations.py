"""`flexprice_source` in plain dlt pipelines: the same rows in every destination, and what dlt's options do."""

from __future__ import annotations

import gzip
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dlt.common.warnings import DltDeprecationWarning
from dlt.extract import DltSource

from flexprice_emulator import Emulator, World
from flexprice_wallets import flexprice_source
from flexprice_wallets.records.columns import Column, ColumnType, Table
from flexprice_wallets.records.tables import TABLES
from tests.replicate.server import Server, running_server

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: What two readings of the same world need not share: times of this machine, and counts.
_OF_THE_RUN = {
    "observed_at",
    "started_at",
    "finished_at",
    "api_requests",
    "api_retries",
    "_dlt_load_id",
}
_MADE_OF_TEXT: dict[ColumnType, Any] = {
    ColumnType.TIMESTAMP: datetime.fromisoformat,
    ColumnType.AMOUNT: Decimal,
    ColumnType.RATE: Decimal,
    ColumnType.REAL_TIME: Decimal,
}

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with Emulator(world=World(12, seed=3, now=AT)) as running:
        yield running


@pytest.fixture
def emulator(server: Emulator) -> Emulator:
    server.requests.clear()
    return server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with running_server() as running:
        yield running


class Project:
    """Somebody's dlt project with one pipeline into one destination."""

    def __init__(self, kind: str, folder: Path, address: str = "") -> None:
        self.kind = kind
        self.folder = folder
        self.address = address
        self.pipeline = self.made()

    def made(self, **options: Any) -> dlt.Pipeline:
        """The pipeline, as every run of the project's program makes it."""
        match self.kind:
            case "duckdb":
                destination: Any = dlt.destinations.duckdb(str(self.folder / "lake.duckdb"))
            case "postgres":
                destination = dlt.destinations.postgres(self.address)
            case _:
                destination = dlt.destinations.filesystem(str(self.folder / "lake"))
        self.pipeline = dlt.pipeline(
            "own",
            pipelines_dir=str(self.folder / "dlt"),
            destination=destination,
            dataset_name="own",
            **options,
        )
        return self.pipeline

    def run(self, source: DltSource, **options: Any) -> None:
        if self.kind == "delta":
            options["table_format"] = "delta"
        self.pipeline.run(source, **options)

    def rows(self) -> Rows:
        """Every row of every table, without what differs from run to run."""
        return {table.name: self._rows(table) for table in TABLES}

    def count(self, table: str) -> int:
        return len(self.rows()[table])

    def _rows(self, table: Table) -> list[tuple[Any, ...]]:
        columns = [column for column in table.columns if column.name not in _OF_THE_RUN]
        match self.kind:
            case "duckdb" | "postgres":
                found = self._queried(table, columns)
            case "delta":
                from dlt.common.libs.deltalake import get_delta_tables

                delta = get_delta_tables(self.pipeline, table.name)[table.name]
                found = _of_arrow(pa.table(delta.to_pyarrow_table()), columns)
            case _:
                found = self._in_files(table, columns)
        return sorted(found, key=repr)

    def _queried(self, table: Table, columns: list[Column]) -> list[tuple[Any, ...]]:
        names = ", ".join(column.name for column in columns)
        with self.pipeline.sql_client() as client:
            found = client.execute_sql(f"select {names} from {table.name}") or []
        return [tuple(_comparable(value) for value in row) for row in found]

    def _in_files(self, table: Table, columns: list[Column]) -> list[tuple[Any, ...]]:
        found = []
        for file in (self.folder / "lake" / self.pipeline.dataset_name / table.name).iterdir():
            if file.suffix == ".parquet":
                found += _of_arrow(pq.read_table(file), columns)
                continue
            text = gzip.decompress(file.read_bytes()).decode()
            for line in text.splitlines():
                found.append(tuple(_of_json(json.loads(line), column) for column in columns))
        return found


def _of_arrow(table: pa.Table, columns: list[Column]) -> list[tuple[Any, ...]]:
    return [tuple(_comparable(row[column.name]) for column in columns) for row in table.to_pylist()]


def _of_json(row: dict[str, Any], column: Column) -> Any:
    value = row.get(column.name)
    made = _MADE_OF_TEXT.get(column.type)
    return _comparable(made(value) if made and value is not None else value)


def _comparable(value: Any) -> Any:
    """A value by which equal rows are equal, and in the same order, wherever they were read."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value.normalize() if isinstance(value, Decimal) else value


_KINDS = [
    "duckdb",
    "filesystem",
    "delta",
    pytest.param("postgres", marks=pytest.mark.replication),
]


@pytest.fixture
def project(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    address = ""
    if kind == "postgres":
        address = request.getfixturevalue("postgres").database().address
    return Project(kind, tmp_path, address)


@pytest.fixture(scope="module")
def reference(server: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """The rows in DuckDB, which the tests of loads compare with the world."""
    project = Project("duckdb", tmp_path_factory.mktemp("reference"))
    project.run(source_of(server))
    return project.rows()


def source_of(emulator: Emulator, **options: Any) -> DltSource:
    given = {"api_key": emulator.api_key, "base_url": emulator.base_url, "snapshot_at": AT}
    return flexprice_source(**{**given, **options})


def assert_read_once(emulator: Emulator, runs: int = 1) -> None:
    customers = len(emulator.world.published_customer_ids())
    assert emulator.requests.by_endpoint["GET /v1/customers/wallets"] == runs * customers


@contextmanager
def complaints() -> Iterator[list[str]]:
    """What dlt warns of meanwhile, and what Python warns of on account of dlt's or our code."""
    found: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    loggers = [logging.getLogger(name) for name in ("dlt", "flexprice_wallets")]
    for logger in loggers:
        logger.addHandler(handler)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield found
        found += [
            str(each.message)
            for each in caught
            if issubclass(each.category, DltDeprecationWarning) or "flexprice" in each.filename
        ]
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


# --- Destinations ---


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("duckdb", {}),
        ("duckdb", {"loader_file_format": "parquet"}),
        ("filesystem", {}),
        ("filesystem", {"loader_file_format": "parquet"}),
        ("delta", {}),
        ("delta", {"loader_file_format": "parquet"}),
        # Parquet would take it another driver.
        pytest.param("postgres", {}, marks=pytest.mark.replication),
    ],
)
def test_every_destination_gets_the_same_rows(
    options: dict[str, Any], project: Project, emulator: Emulator, reference: Rows
) -> None:
    emulator.requests.clear()
    with complaints() as found:
        project.run(source_of(emulator), **options)
    assert found == []
    assert_read_once(emulator)
    assert len(reference["wallets"]) == len(emulator.world.listed_wallet_ids())
    assert project.rows() == reference


@pytest.mark.parametrize("kind", _KINDS)
def test_running_twice_appends_and_refreshing_starts_over(
    project: Project, emulator: Emulator, reference: Rows
) -> None:
    emulator.requests.clear()
    with complaints() as found:
        for _ in range(2):
            project.made()
            project.run(source_of(emulator))
    assert found == []
    assert_read_once(emulator, runs=2)
    twice = {name: sorted([*rows, *rows], key=repr) for name, rows in reference.items()}
    assert project.rows() == twice
    project.made()
    project.run(source_of(emulator), refresh="drop_sources")
    assert project.rows() == reference


# --- What dlt's options do ---

_ONE_KIND = pytest.mark.parametrize("kind", ["duckdb"])


@_ONE_KIND
def test_dev_mode_fills_a_dataset_of_its_own(
    project: Project, emulator: Emulator, reference: Rows
) -> None:
    project.run(source_of(emulator))
    project.made(dev_mode=True)
    assert project.pipeline.dataset_name != "own"
    project.run(source_of(emulator))
    assert project.rows() == reference


@_ONE_KIND
def test_the_schema_of_a_source_is_that_of_its_tables(project: Project, emulator: Emulator) -> None:
    source = source_of(emulator)
    discovered = source.discover_schema()
    assert emulator.requests.total == 0
    project.run(source)
    loaded = project.pipeline.default_schema
    hints = (
        "data_type",
        "nullable",
        "precision",
        "scale",
        "timezone",
        "primary_key",
        "description",
    )
    for table in TABLES:
        before, after = (each.tables[table.name] for each in (discovered, loaded))
        assert after["description"] == before["description"]
        assert list(after["columns"]) == list(before["columns"])
        for name, column in before["columns"].items():
            for hint in hints:
                assert after["columns"][name].get(hint) == column.get(hint), (
                    table.name,
                    name,
                    hint,
                )


@_ONE_KIND
def test_selected_resources_alone_are_loaded(
    project: Project, emulator: Emulator, reference: Rows
) -> None:
    source = source_of(emulator)
    for name, resource in source.resources.items():
        resource.selected = name in ("wallets", "customers")
    assert set(source.selected_resources) == {"wallets", "customers"}
    with complaints() as found:
        project.run(source)
    assert found == []
    assert_read_once(emulator)
    tables = {each["name"] for each in project.pipeline.default_schema.data_tables()}
    assert tables == {"wallets", "customers"}
    for name in ("wallets", "customers"):
        assert len(project._queried(*_columns_of(name))) == len(reference[name])


def _columns_of(name: str) -> tuple[Table, list[Column]]:
    [table] = (each for each in TABLES if each.name == name)
    return table, list(table.columns)


@_ONE_KIND
def test_hints_of_ones_own_are_applied(project: Project, emulator: Emulator) -> None:
    source = source_of(emulator)
    for resource in source.resources.values():
        resource.apply_hints(write_disposition="merge")
    source.resources["wallets"].apply_hints(columns={"wallet_id": {"description": "Theirs."}})
    for _ in range(2):
        project.run(source)
    # Merged by the primary keys: the same snapshot twice is there once.
    assert project.count("snapshots") == 1
    described = project.pipeline.default_schema.tables["wallets"]["columns"]["wallet_id"]
    assert described["description"] == "Theirs."


@_ONE_KIND
def test_a_limit_leaves_tables_whole(project: Project, emulator: Emulator, reference: Rows) -> None:
    # As dlt documents it of transformers, with a warning.
    source = source_of(emulator)
    with complaints() as found:
        source.resources["wallets"].add_limit(1)
    assert len(found) == 1
    assert "add_limit" in found[0]
    source.add_limit(1)
    project.run(source)
    assert project.rows() == reference
    assert_read_once(emulator)
