"""How views are created: anywhere, again and again, under any name."""

from __future__ import annotations

import duckdb
import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.sql_files import read_sql
from flexprice_wallets.warehouse.upkeep import apply_snapshots, rebuild_stored
from tests.views.history import History, empty_warehouse, rows_of, wallet


@pytest.mark.parametrize(
    ("raw_schema", "schema"),
    [
        ("raw", "flexprice"),
        ("flexprice", "flexprice_raw"),
        ('a "b".c', "select;--"),
        ("Größe", "x.y"),
    ],
)
def test_schemas_may_have_any_names(raw_schema, schema):
    connection = empty_warehouse(raw_schema=raw_schema.replace('"', '""'))
    assert apply_snapshots(connection, raw_schema=raw_schema) == 0
    create_views(connection, raw_schema=raw_schema, schema=schema)
    assert rebuild_stored(connection, raw_schema=raw_schema) == 0
    quoted = '"' + schema.replace('"', '""') + '"'
    assert rows_of(connection, f"select snapshots from {quoted}.freshness") == [(0,)]
    assert rows_of(connection, f"from {quoted}.wallet_balance_as_of(now())") == []
    assert connection.execute(
        "select distinct schema_name from duckdb_views() where not internal"
    ).fetchall() == [(schema,)]


def test_tables_and_views_cannot_share_a_schema():
    with pytest.raises(ValueError, match="cannot share"):
        read_sql("wallets", raw_schema="Same", schema="same")


def test_creating_views_again_changes_nothing():
    connection = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)]).warehouse()
    catalog = (
        "select table_name, column_name, data_type, comment from duckdb_columns() order by all"
    )
    before = connection.execute(catalog).fetchall()
    create_views(connection)
    assert connection.execute(catalog).fetchall() == before


def test_a_failure_leaves_the_views_as_they_were():
    connection = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)]).warehouse()
    connection.execute("alter table flexprice_raw.wallets drop column name")
    connection.execute("comment on view flexprice.snapshots is 'as it was'")
    with pytest.raises(duckdb.Error):
        create_views(connection)
    assert connection.execute(
        "select comment from duckdb_views() where view_name = 'snapshots'"
    ).fetchall() == [("as it was",)]


@pytest.mark.parametrize("uses", [True, False])
def test_a_warehouse_can_be_attached_under_another_name(tmp_path, uses):
    path = tmp_path / "warehouse.duckdb"
    history = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    history.warehouse(database=str(path)).close()
    connection = duckdb.connect()
    connection.execute(f"attach '{path}' as another (read_only)")
    if uses:
        connection.execute("use another")
        assert len(rows_of(connection, "from flexprice.wallet_balance_as_of(now())")) == 1
    for view in views():
        if view.type == "view":
            connection.execute(f"select * from another.flexprice.{view.name}").fetchall()
    assert rows_of(connection, "select wallet_id from another.flexprice.wallets") == [("w1",)]


def test_of_two_attached_warehouses_the_macro_asks_the_one_in_use(tmp_path):
    """DuckDB looks the macro's tables up where it is called, so the comment and README say to `use` first."""
    connection = duckdb.connect()
    for name in ("a", "b"):
        path = tmp_path / f"{name}.duckdb"
        history = History().snapshot("2026-03-01 08:00", [wallet(f"wallet_{name}", 1)])
        history.warehouse(database=str(path)).close()
        connection.execute(f"attach '{path}' as {name} (read_only)")
    for name in ("a", "b"):
        connection.execute(f"use {name}")
        found = rows_of(
            connection, f"select wallet_id from {name}.flexprice.wallet_balance_as_of(now())"
        )
        assert found == [(f"wallet_{name}",)]
        # The join that README shows asks the database that it names, whichever is in use.
        other = "b" if name == "a" else "a"
        held = rows_of(
            connection,
            f"select wallet_id from {other}.flexprice.wallet_balance_history "
            "where valid_from <= now() and (valid_to is null or valid_to > now()) and ended is null",
        )
        assert held == [(f"wallet_{other}",)]
    connection.execute("use a")
    wrong = rows_of(connection, "select wallet_id from b.flexprice.wallet_balance_as_of(now())")
    assert wrong == [("wallet_a",)], "DuckDB has learned better: the comment and README can say so"
