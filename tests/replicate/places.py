"""Places that a warehouse is replicated to, each read as its readers do: PostgreSQL by its views, a lake by DuckDB.

A lake's tables are read by the libraries of their formats, without dlt, and looked at through the statements that
`flexprice-wallets sql` prints, in DuckDB's own dialect.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import duckdb
import pyarrow as pa
import pytest

from flexprice_wallets.replicate.reader_views import lake_name, reader_views
from flexprice_wallets.replicate.tables import replicated_tables
from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.sql_files import read_sql
from tests.replicate import comparison
from tests.replicate.server import Database

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Reading:
    """What readers see at a place; implements `Queried`."""

    def __init__(self, query: Callable[[str], list[tuple[Any, ...]]]) -> None:
        self.query = query


class Place(Protocol):
    """Where a test replicates to.

    Attributes:
        destination: name of the engine.
        variables: environment of a command that replicates there.
    """

    destination: str
    variables: dict[str, str]

    def reading(self, dataset: str = "flexprice") -> AbstractContextManager[Reading]:
        """A context in which readers' queries are answered, as of its beginning."""

    def shipments(self) -> int:
        """How many shipments are committed."""

    def implementation(self) -> Any:
        """The class of the destination."""

    def overtake(self) -> None:
        """Commit the last shipment once more, as the next one of another run."""


class PostgresPlace:
    destination = "postgres"

    def __init__(self, database: Database) -> None:
        self.database = database
        self.variables = {"DESTINATION__POSTGRES__CREDENTIALS": database.address}

    @contextmanager
    def reading(self, dataset: str = "flexprice") -> Iterator[Reading]:  # noqa: ARG002 - in the queries
        yield Reading(self.database.query)

    def shipments(self) -> int:
        if not self.database.query(
            "select 1 from pg_tables where schemaname = 'flexprice_rows' and tablename = 'shipments'"
        ):
            return 0
        [(count,)] = self.database.query("select count(*) from flexprice_rows.shipments")
        return int(count)

    def implementation(self) -> Any:
        from flexprice_wallets.replicate.postgres_destination import PostgresDestination

        return PostgresDestination

    def overtake(self) -> None:
        columns = [
            name
            for (name,) in self.database.query(
                "select column_name from information_schema.columns where table_schema = 'flexprice_rows'"
                " and table_name = 'shipments' and column_name not in ('ship_number', 'ship_id')"
            )
        ]
        rest = ", ".join(columns)
        self.database.query(
            f"insert into flexprice_rows.shipments (ship_number, ship_id, {rest}) "
            f"select ship_number + 1, 'other', {rest} from flexprice_rows.shipments"
            " order by ship_number desc limit 1"
        )


class LakePlace(ABC):
    """A lake, by whatever opens its tables."""

    destination: str
    url: str
    variables: dict[str, str]

    @abstractmethod
    def table(self, dataset: str, name: str) -> pa.Table | None:
        """All rows of a table as they were sent."""

    @abstractmethod
    def add(self, name: str, rows: pa.Table) -> None:
        """Append rows to a table, behind the program's back."""

    @contextmanager
    def reading(self, dataset: str = "flexprice") -> Iterator[Reading]:
        rows = f"{dataset}_rows"
        with duckdb.connect() as connection:
            connection.execute("set timezone = 'Asia/Tokyo'")
            for schema in (dataset, f"{dataset}_raw", rows):
                connection.execute(f"create schema {schema}")
            for name in ("shipments", "fills", *map(lake_name, replicated_tables())):
                sent = self.table(dataset, name)
                if sent is None:
                    raise AssertionError(f"there is no table {name}")
                connection.register("arrived", sent)
                connection.execute(f"create table {rows}.{name} as from arrived")
                connection.unregister("arrived")
            for view in reader_views("duckdb", rows, f"{dataset}_raw"):
                for statement in view.statements("duckdb"):
                    connection.execute(statement)
            for each in views():
                if each.type == "view":
                    names = {"raw_schema": f"{dataset}_raw", "schema": dataset}
                    connection.execute(read_sql(each.name, **names))
            yield Reading(lambda query: connection.execute(query).fetchall())

    def shipments(self) -> int:
        sent = self.table("flexprice", "shipments")
        return 0 if sent is None else sent.num_rows

    def implementation(self) -> Any:
        from flexprice_wallets.replicate.lake import LakeDestination

        return LakeDestination

    def overtake(self) -> None:
        sent = self.table("flexprice", "shipments")
        assert sent is not None
        last = max(sent.to_pylist(), key=lambda row: row["ship_number"])
        other = {**last, "ship_number": last["ship_number"] + 1, "ship_id": "other"}
        self.add("shipments", pa.Table.from_pylist([other], schema=sent.schema))


class DeltaPlace(LakePlace):
    """A lake of Delta tables.

    Args:
        url: of the lake, or a folder.
        variables: beside it, by which dlt gets there.
        options: by which deltalake does.
    """

    destination = "delta"

    def __init__(
        self,
        url: str,
        variables: Mapping[str, str] = _NOTHING,
        options: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.url = url
        self.variables = {"DESTINATION__FILESYSTEM__BUCKET_URL": url, **variables}
        self._options = dict(options)

    def _path(self, dataset: str, name: str) -> str:
        return f"{self.url}/{dataset}_rows/{name}"

    def table(self, dataset: str, name: str) -> pa.Table | None:
        from deltalake import DeltaTable

        path = self._path(dataset, name)
        if not DeltaTable.is_deltatable(path, self._options):
            return None
        return DeltaTable(path, storage_options=self._options).to_pyarrow_table()

    def add(self, name: str, rows: pa.Table) -> None:
        from deltalake import write_deltalake

        path = self._path("flexprice", name)
        write_deltalake(path, rows, mode="append", storage_options=self._options)


class IcebergPlace(LakePlace):
    """A lake of Iceberg tables.

    Args:
        url: of the lake.
        catalog: address of its catalog's database, as SQLAlchemy takes it.
        variables: beside these, by which dlt gets there.
        properties: by which pyiceberg does.
    """

    destination = "iceberg"

    def __init__(
        self,
        url: str,
        catalog: str,
        variables: Mapping[str, str] = _NOTHING,
        properties: Mapping[str, str] = _NOTHING,
    ) -> None:
        self.url = url
        self.catalog = {"type": "sql", "uri": catalog, "warehouse": url, **properties}
        self.variables = {
            "DESTINATION__FILESYSTEM__BUCKET_URL": url,
            "ICEBERG_CATALOG__ICEBERG_CATALOG_CONFIG": json.dumps(self.catalog),
            **variables,
        }

    def _open(self, dataset: str, name: str) -> Any:
        from pyiceberg.catalog import load_catalog
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return load_catalog("default", **self.catalog).load_table(f"{dataset}_rows.{name}")
        except NoSuchTableError:
            return None

    def table(self, dataset: str, name: str) -> pa.Table | None:
        found = self._open(dataset, name)
        return None if found is None else found.scan().to_arrow()

    def add(self, name: str, rows: pa.Table) -> None:
        self._open("flexprice", name).append(rows)

    def rows_of(self, name: str, ship_id: str) -> int:
        """How many rows of a shipment are in a table."""
        found = self._open("flexprice", name)
        return int(found.scan(f"ship_id = '{ship_id}'", selected_fields=("ship_id",)).count())


def lake_in(folder: Path, destination: str) -> LakePlace:
    """A new lake in a folder that is not there yet; skips the test where the extra is not installed."""
    library = {"delta": "deltalake", "iceberg": "pyiceberg"}[destination]
    pytest.importorskip(library, reason=f"the extra `{destination}` is not installed")
    return DeltaPlace(str(folder)) if destination == "delta" else iceberg_in(folder)


def iceberg_in(folder: Path) -> IcebergPlace:
    """A new lake of Iceberg tables in a folder that is not there yet."""
    folder.mkdir()
    return IcebergPlace(folder.as_uri(), f"sqlite:///{folder}/catalog.db?timeout=60")


def differences(warehouse: Path, place: Place, dataset: str = "flexprice") -> list[str]:
    """What readers at a place see otherwise than those of the warehouse, by table and view."""
    with place.reading(dataset) as shown:
        return comparison.differences(warehouse, shown, dataset)
