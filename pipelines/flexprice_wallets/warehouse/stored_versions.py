"""Reads versions back from a warehouse as the records that they were written from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import duckdb

from flexprice_wallets.records.columns import OneRow, Table
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.records import CustomerRecord, Row, Settings
from flexprice_wallets.records.wallet_tables import SETTINGS_TABLES, WALLETS
from flexprice_wallets.warehouse.database import cursor
from flexprice_wallets.warehouse.sql_files import quoted

_CHUNK = 5_000
_IDS: Final = ("wallet_id", "customer_id", "snapshot_at")
#: What identifies a version or tells how it came, which is no part of what it says.
_KEY: Final = {*_IDS, "snapshot_id", "observed_at", "version_hash"}


def read_last_settings(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, wallet_ids: Sequence[str]
) -> dict[str, Settings]:
    """The settings of the last version of each of the wallets."""
    condition = (
        f"inner join {quoted(raw_schema)}.stored_wallets as stored "
        "on versions.wallet_id = stored.wallet_id and versions.snapshot_at = stored.settings_snapshot_at "
        "where versions.wallet_id in (select unnest(?))"
    )
    found = settings_versions(connection, raw_schema, condition, [list(wallet_ids)])
    return {key["wallet_id"]: settings for key, settings in found}


def read_last_customers(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, customer_ids: Sequence[str]
) -> list[CustomerRecord]:
    """The last version of each of the customers."""
    condition = (
        f"inner join {quoted(raw_schema)}.stored_customers as stored "
        "on versions.customer_id = stored.customer_id and versions.snapshot_at = stored.snapshot_at "
        "where versions.customer_id in (select unnest(?))"
    )
    found = versions(connection, raw_schema, CUSTOMERS, condition, [list(customer_ids)])
    return [CustomerRecord(key["customer_id"], values) for key, [values] in found]


def settings_versions(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    condition: str,
    parameters: Sequence[Any],
) -> Iterator[tuple[Row, Settings]]:
    """Versions of settings with the rows that belong to them; arguments as of `versions`."""
    belonging: dict[tuple[str, datetime], dict[str, list[Row]]] = {}
    for table in SETTINGS_TABLES:
        for key, rows in versions(connection, raw_schema, table, condition, parameters):
            for row in rows:
                row.pop("currency", None)  # that of the settings
            belonging.setdefault(_version(key), {})[table.name] = rows
    for key, [values] in versions(connection, raw_schema, WALLETS, condition, parameters):
        unreadable = tuple(json.loads(values["unreadable_fields"] or "[]"))
        yield key, Settings(values, belonging.get(_version(key), {}), unreadable)


def versions(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: Table,
    condition: str = "",
    parameters: Sequence[Any] = (),
) -> Iterator[tuple[Row, list[Row]]]:
    """Versions in a table: the ids and the snapshot's time of each, and the values of its rows by column.

    The rows of a version are sorted as reading sorts those of one record.

    Args:
        connection: a warehouse.
        raw_schema: schema of its tables.
        table: which table.
        condition: joins to and conditions on the alias `versions` that choose the versions.
        parameters: of the condition.
    """
    ids = [name for name in _IDS if name in table.column_names]
    names = [*ids, *(name for name in table.column_names if name not in _KEY)]
    order = ids if isinstance(table.rows, OneRow | None) else [*ids, table.rows.key]
    rows = fetched(
        cursor(connection),
        f"select {_of_versions(names)} from {quoted(raw_schema)}.{quoted(table.name)} as versions "
        f"{condition} order by {_of_versions(order)}",
        parameters,
    )
    for key, group in groupby(rows, key=lambda row: row[: len(ids)]):
        values = [dict(zip(names, map(_in_utc, row), strict=True)) for row in group]
        yield (
            dict(zip(ids, map(_in_utc, key), strict=True)),
            [{name: row[name] for name in names[len(ids) :]} for row in values],
        )


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()
) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, some thousand at a time."""
    connection.execute(query, parameters)
    while rows := connection.fetchmany(_CHUNK):
        yield from rows


def _version(key: Row) -> tuple[str, datetime]:
    return key["wallet_id"], key["snapshot_at"]


def _of_versions(names: Sequence[str]) -> str:
    return ", ".join(f"versions.{quoted(name)}" for name in names)


def _in_utc(value: Any) -> Any:
    """A time as reading gives it, in whatever zone the connection shows times."""
    return value.astimezone(UTC) if isinstance(value, datetime) else value
