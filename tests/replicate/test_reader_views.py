"""The views over a lake's tables: what they show of shipments that are committed, and after a new version."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest

from flexprice_wallets.replicate.reader_views import (
    counted_shipments,
    lake_layout,
    lake_name,
    lake_statements,
    reader_views,
)
from flexprice_wallets.replicate.shipping import arrow_schema, stored_columns
from flexprice_wallets.replicate.tables import ReplicatedTable, replicated_tables

TABLES = {table.name: table for table in replicated_tables()}
CHANGING, APPENDED = TABLES["stored_wallets"], TABLES["wallet_balances"]
AT = datetime(2026, 3, 1, 6, tzinfo=UTC)


@pytest.fixture
def lake() -> Iterator[duckdb.DuckDBPyConnection]:
    """A lake without rows, with the views over it."""
    with duckdb.connect() as connection:
        connection.execute("create schema rows; create schema tables")
        connection.execute(
            "create table rows.shipments (ship_number bigint, ship_id text, shipped_at timestamptz, layout text)"
        )
        connection.execute("create table rows.fills (stored_as text, ship_id text)")
        for table in TABLES.values():
            nothing = arrow_schema(stored_columns(table)).empty_table()
            connection.register("nothing", nothing)
            connection.execute(f"create table rows.{lake_name(table)} as from nothing")
        for view in reader_views("duckdb", "rows", "tables"):
            for statement in view.statements("duckdb"):
                connection.execute(statement)
        yield connection


def send(
    lake: duckdb.DuckDBPyConnection,
    table: ReplicatedTable,
    ship_id: str,
    *rows: Mapping[str, object],
) -> None:
    sent = pa.Table.from_pylist(
        [{"is_deleted": False, **row, "ship_id": ship_id} for row in rows],
        schema=arrow_schema(stored_columns(table)),
    )
    lake.register("sent", sent)
    lake.execute(f"insert into rows.{lake_name(table)} from sent")


def fill(lake: duckdb.DuckDBPyConnection, table: ReplicatedTable, ship_id: str) -> None:
    lake.execute("insert into rows.fills values (?, ?)", [lake_name(table), ship_id])


def commit(
    lake: duckdb.DuckDBPyConnection,
    number: int,
    ship_id: str,
    layout: str | None = None,
    shipped_at: datetime = AT,
) -> None:
    row = [number, ship_id, shipped_at, layout or lake_layout()]
    lake.execute("insert into rows.shipments values (?, ?, ?, ?)", row)


def wallets(lake: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    return lake.execute(
        "select wallet_id, wallet_number from tables.stored_wallets order by all"
    ).fetchall()


def balances(lake: duckdb.DuckDBPyConnection) -> list[str]:
    rows = lake.execute("select wallet_id from tables.wallet_balances order by all").fetchall()
    return [wallet_id for (wallet_id,) in rows]


def test_rows_count_once_their_shipment_is_committed(lake):
    fill(lake, APPENDED, "a")
    send(lake, APPENDED, "a", {"wallet_id": "w1", "snapshot_at": AT})
    assert balances(lake) == []
    commit(lake, 1, "a")
    send(lake, APPENDED, "killed", {"wallet_id": "w2", "snapshot_at": AT})
    assert balances(lake) == ["w1"]
    send(lake, APPENDED, "b", {"wallet_id": "w2", "snapshot_at": AT})
    commit(lake, 2, "b")
    assert balances(lake) == ["w1", "w2"]


def test_the_newest_version_counts_and_deleted_rows_do_not(lake):
    fill(lake, CHANGING, "a")
    send(lake, CHANGING, "a", *({"wallet_id": w, "wallet_number": 1} for w in ("w1", "w2", "w3")))
    commit(lake, 1, "a")
    send(lake, CHANGING, "b", {"wallet_id": "w1", "wallet_number": 2},
         {"wallet_id": "w2", "is_deleted": True})  # fmt: skip
    assert wallets(lake) == [("w1", 1), ("w2", 1), ("w3", 1)]
    commit(lake, 2, "b")
    assert wallets(lake) == [("w1", 2), ("w3", 1)]
    # A key that moved: its old row is marked as gone by the shipment that brings its new one.
    send(lake, CHANGING, "c", {"wallet_id": "w3", "is_deleted": True},
         {"wallet_id": "w3", "wallet_number": 5})  # fmt: skip
    commit(lake, 3, "c")
    assert wallets(lake) == [("w1", 2), ("w3", 5)]


def test_a_fill_replaces_what_was_there(lake):
    fill(lake, APPENDED, "a")
    send(lake, APPENDED, "a", {"wallet_id": "old", "snapshot_at": AT})
    commit(lake, 1, "a")
    fill(lake, APPENDED, "b")
    send(lake, APPENDED, "b", {"wallet_id": "new", "snapshot_at": AT})
    assert balances(lake) == ["old"]
    commit(lake, 2, "b")
    assert balances(lake) == ["new"]


def test_what_is_committed_while_a_query_looks_up_tables_is_not_seen(lake):
    fill(lake, APPENDED, "a")
    send(lake, APPENDED, "a", {"wallet_id": "w1", "snapshot_at": AT})
    commit(lake, 1, "a")
    fill(lake, APPENDED, "b")
    send(lake, APPENDED, "b", {"wallet_id": "w2", "snapshot_at": AT})
    [(now,)] = lake.execute("begin; select current_timestamp").fetchall()
    commit(lake, 2, "b", shipped_at=now + timedelta(milliseconds=1))
    assert balances(lake) == ["w1"]
    lake.execute("commit")
    time.sleep(0.01)
    assert balances(lake) == ["w2"]


def test_a_fill_that_was_noted_twice_shows_its_rows_once(lake):
    fill(lake, APPENDED, "a")
    fill(lake, APPENDED, "a")
    send(lake, APPENDED, "a", {"wallet_id": "w1", "snapshot_at": AT})
    commit(lake, 1, "a")
    assert balances(lake) == ["w1"]


def test_views_of_an_earlier_version_stay_at_its_last_shipment(lake):
    fill(lake, APPENDED, "a")
    send(lake, APPENDED, "a", {"wallet_id": "w1", "snapshot_at": AT})
    commit(lake, 1, "a")
    # A later version has other tables, this one not among them, and fills it anew.
    fill(lake, APPENDED, "b")
    send(lake, APPENDED, "b", {"wallet_id": "w2", "snapshot_at": AT})
    commit(lake, 2, "b", layout="of a later version")
    assert balances(lake) == ["w1"]
    later = counted_shipments("rows.{}".format, lake_name(APPENDED), "of a later version")
    assert lake.execute(later).fetchall() == [("b", 2)]
    # Back to this version.
    fill(lake, APPENDED, "c")
    send(lake, APPENDED, "c", {"wallet_id": "w3", "snapshot_at": AT})
    commit(lake, 3, "c")
    assert balances(lake) == ["w3"]


def test_names_at_the_lake_change_with_the_columns_alone():
    assert len({lake_name(table) for table in TABLES.values()}) == len(TABLES)
    assert {table.form for table in TABLES.values()}.isdisjoint(t.digest for t in TABLES.values())


@pytest.mark.parametrize("dialect", ["spark", "trino"])
def test_every_table_has_its_statement(dialect):
    statements = list(lake_statements(dialect, "billing", "s3://bucket/folder/"))
    for table in TABLES.values():
        assert [
            s
            for s in statements
            if s.startswith(f"create or replace view billing_raw.{table.name} ")
        ]
    registered = f"location 's3://bucket/folder/billing_rows/{lake_name(APPENDED)}'"
    assert [each for each in statements if each.endswith(registered)]
