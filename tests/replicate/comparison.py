"""Compares every table and view of a warehouse in DuckDB with what another engine shows of it, row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import duckdb

from flexprice_wallets.replicate.tables import replicated_tables
from flexprice_wallets.warehouse.database import open_published
from flexprice_wallets.warehouse.descriptions import views

#: What depends on the moment of asking.
OF_THE_MOMENT = {"last_snapshot_age_seconds", "last_complete_snapshot_age_seconds"}


class Queried(Protocol):
    """An engine that answers queries, in which names are in double quotes."""

    def query(self, query: str) -> list[tuple[Any, ...]]: ...


def differences(
    warehouse: Path,
    database: Queried,
    dataset: str = "flexprice",
    names: Collection[str] | None = None,
) -> list[str]:
    """What another engine shows otherwise, by table and view, or of the views of these names."""
    found = []
    with open_published(warehouse, raw_schema="flexprice_raw", schema="flexprice") as connection:
        for schema, there, name in relations(dataset, names):
            columns, expected = _duckdb_rows(connection, schema, name)
            shown = _rows_there(database, there, name, columns)
            missing, extra = expected - shown, shown - expected
            if missing or extra:
                found.append(
                    f"{name}: {missing.total()} rows missing, {extra.total()} rows wrong, such as "
                    f"{next(iter(missing), None)} and {next(iter(extra), None)}"
                )
    return found


def relations(dataset: str, names: Collection[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Schema in DuckDB, schema there, and name of everything that is compared, or of views of these names."""
    if names is None:
        for table in replicated_tables():
            yield "flexprice_raw", f"{dataset}_raw", table.name
    for view in views():
        if view.type == "view" and (names is None or view.name in names):
            yield "flexprice", dataset, view.name


def row_count(warehouse: Path, names: Collection[str] | None = None) -> int:
    """How many rows a comparison looks at."""
    with open_published(warehouse, raw_schema="flexprice_raw", schema="flexprice") as connection:
        return sum(
            _duckdb_rows(connection, schema, name)[1].total()
            for schema, _, name in relations("x", names)
        )


def _duckdb_rows(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str
) -> tuple[list[str], Counter[tuple[Any, ...]]]:
    declared = {table.name: [c.name for c in table.columns] for table in replicated_tables()}
    described = connection.execute(f"describe {schema}.{name}").fetchall()
    columns = [c for c, *_ in described if c not in OF_THE_MOMENT]
    if schema == "flexprice_raw":
        columns = [c for c in columns if c in declared[name]]
    rows = connection.execute(f"select {_list(columns)} from {schema}.{name}").fetchall()
    return columns, Counter(tuple(map(plain, row)) for row in rows)


def _rows_there(
    database: Queried, schema: str, name: str, columns: list[str]
) -> Counter[tuple[Any, ...]]:
    rows = database.query(f'select {_list(columns)} from "{schema}"."{name}"')
    return Counter(tuple(map(plain, row)) for row in rows)


def _list(columns: list[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def plain(value: Any) -> Any:
    """A value as both clients give it: numbers by their exact value, times in UTC, JSON by its content."""
    if isinstance(value, float):
        return Decimal(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    return value
