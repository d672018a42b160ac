"""A history made by hand: what each snapshot saw, written into raw tables change-only, as a load would.

history = History()
history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
history.snapshot("2026-03-02 08:00", failed=["c1"])
connection = history.warehouse()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb

from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.raw_rows import raw_rows
from tests.views.seen import ANSWER_DELAY, Seen, Snapshot, moment, wallet

__all__ = [
    "ANSWER_DELAY",
    "History",
    "Seen",
    "Snapshot",
    "daily",
    "empty_warehouse",
    "insert",
    "moment",
    "rows_of",
    "wallet",
]


@dataclass
class History:
    """Snapshots in order of time."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def snapshot(self, at: str | datetime, seen: Sequence[Seen] = (), **details: Any) -> History:
        """Add a snapshot; see `Snapshot` for the details."""
        time = moment(at) if isinstance(at, str) else at
        self.snapshots.append(Snapshot(time, seen, **details))
        return self

    def warehouse(
        self, *, until: int | None = None, time_zone: str = "UTC", database: str = ":memory:"
    ) -> duckdb.DuckDBPyConnection:
        """Return a warehouse of the first `until` snapshots (or all), with its views."""
        connection = empty_warehouse(database)
        connection.execute(f"set timezone = '{time_zone}'")
        self.load(connection, 0, until)
        apply_snapshots(connection)
        create_views(connection)
        return connection

    def load(
        self, connection: duckdb.DuckDBPyConnection, start: int, stop: int | None = None
    ) -> None:
        """Write the raw rows of the snapshots from `start` up to, not including, `stop`."""
        chosen = {snapshot.snapshot_id for snapshot in self.snapshots[start:stop]}
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, row in raw_rows(self.snapshots):
            if row["snapshot_id"] in chosen:
                rows.setdefault(table, []).append(row)
        for table, table_rows in rows.items():
            insert(connection, table, table_rows)


def empty_warehouse(
    database: str = ":memory:", *, raw_schema: str = "flexprice_raw"
) -> duckdb.DuckDBPyConnection:
    """Return a database with the tables of a load and no rows."""
    connection = duckdb.connect(database)
    connection.execute(f'create schema "{raw_schema}"')
    for table in TABLES:
        columns = ", ".join(
            f'"{column.name}" {column.type.value}{"" if column.nullable else " not null"}'
            for column in table.columns
        )
        connection.execute(f'create table "{raw_schema}"."{table.name}" ({columns})')
    connection.execute(
        f'create table "{raw_schema}"._dlt_loads (load_id varchar, schema_name varchar, '
        "status bigint, inserted_at timestamptz, schema_version_hash varchar)"
    )
    return connection


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows by the names of their columns, exactly."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = ", ".join(f'"{name}"' for name in names)
    marks = "(" + ", ".join("?" for _ in names) + ")"
    values = [_plain(row.get(name)) for row in rows for name in names]
    connection.execute(
        f"insert into flexprice_raw.{table} ({columns}) values " + ", ".join([marks] * len(rows)),
        values,
    )


def _plain(value: Any) -> Any:
    """Numbers as text, so that the column's exact type is what reads them."""
    return str(value) if isinstance(value, Decimal) else value


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, *parameters: Any
) -> list[tuple[Any, ...]]:
    """Rows of a query for comparison by eye: decimals without trailing zeros, times in UTC as short text."""
    return [
        tuple(_readable(value) for value in row)
        for row in connection.execute(query, list(parameters)).fetchall()
    ]


def _readable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%m-%d %H:%M")
    if hasattr(value, "strftime"):
        return value.strftime("%m-%d")
    return value


def daily(
    connection: duckdb.DuckDBPyConnection, *columns: str, where: str = "true"
) -> list[tuple[Any, ...]]:
    """These columns of `wallet_balance_daily`, after the wallet and the day."""
    return rows_of(
        connection,
        f"select wallet_id, date_day, {', '.join(columns)} from flexprice.wallet_balance_daily "
        f"where {where} order by wallet_id, date_day",
    )
