"""Everything in the database is described, and nothing that is not there."""

from __future__ import annotations

import re

import duckdb
import pytest

from flexprice_wallets.warehouse.create_views import create_views, raw_comments
from flexprice_wallets.warehouse.derived_tables import STORED_TABLES
from flexprice_wallets.warehouse.sql_files import sql_folder
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from flexprice_wallets.warehouse.view_columns import COLUMN_COMMENTS
from flexprice_wallets.warehouse.view_descriptions import VIEWS, WALLET_BALANCE_AS_OF
from tests.views.history import History, empty_warehouse, wallet


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return History().snapshot("2026-03-01 08:00", [wallet("w1", 1)]).warehouse()


def test_every_object_and_column_has_a_comment(connection):
    assert (
        connection.execute("""
        select 'table', table_name, null from duckdb_tables()
        where coalesce(comment, '') = '' and schema_name in ('flexprice', 'flexprice_raw')
        union all
        select 'view', view_name, null from duckdb_views()
        where coalesce(comment, '') = '' and schema_name in ('flexprice', 'flexprice_raw')
        union all
        select 'macro', function_name, null from duckdb_functions()
        where coalesce(comment, '') = '' and schema_name in ('flexprice', 'flexprice_raw')
        union all
        select 'column', table_name, column_name from duckdb_columns()
        where coalesce(comment, '') = '' and schema_name in ('flexprice', 'flexprice_raw')
        """).fetchall()
        == []
    )


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_has_the_columns_that_are_described(connection, view):
    source = f"flexprice.{view.name}" + ("(now())" if view.type == "macro" else "")
    columns = [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]
    assert columns == list(view.columns)


@pytest.mark.parametrize("table", STORED_TABLES, ids=lambda table: table.name)
def test_a_derived_table_has_the_columns_that_are_described(connection, table):
    columns = [
        row[0] for row in connection.execute(f"describe flexprice_raw.{table.name}").fetchall()
    ]
    assert columns == list(table.columns)


def test_every_file_is_a_view_that_is_described_and_every_view_a_file():
    assert {path.stem for path in sql_folder().glob("*.sql")} == {view.name for view in VIEWS}


def test_a_view_reads_only_views_created_before_it():
    created: set[str] = set()
    for view in VIEWS:
        text = (sql_folder() / f"{view.name}.sql").read_text(encoding="utf-8")
        read = set(re.findall(r"(?:from|join) flexprice\.(\w+)", text))
        assert read <= created, view.name
        created.add(view.name)


def test_no_comment_is_left_over():
    used = {
        column
        for relation in (*VIEWS, *STORED_TABLES)
        for column in relation.columns
        if column not in relation.comments
    }
    assert set(COLUMN_COMMENTS) == used


def test_no_comment_merely_repeats_what_its_name_means_anyway():
    for relation in (*VIEWS, *STORED_TABLES):
        for column, comment in relation.comments.items():
            assert COLUMN_COMMENTS.get(column) != comment, (relation.name, column)


def test_every_figure_says_whether_it_may_be_summed(connection):
    silent = connection.execute("""
        select table_name, column_name from duckdb_columns()
        where schema_name = 'flexprice' and data_type like 'DECIMAL%' and comment not ilike '%summed%'
        """).fetchall()
    assert silent == []


def test_the_dictionary_holds_every_column_with_its_comment(connection):
    assert (
        connection.execute("""
        select schema_name, table_name, column_name, data_type, comment from duckdb_columns()
        where schema_name in ('flexprice', 'flexprice_raw')
        except
        select schema_name, object_name, column_name, data_type, column_comment from flexprice.data_dictionary
        """).fetchall()
        == []
    )
    macro = connection.execute(
        "select column_name from flexprice.data_dictionary where object_type = 'macro' order by"
        " column_position"
    ).fetchall()
    assert [name for (name,) in macro] == list(WALLET_BALANCE_AS_OF.columns)
    assert (
        connection.execute(
            "select * from flexprice.data_dictionary where object_comment = '' or column_comment"
            " = ''"
        ).fetchall()
        == []
    )


def test_comments_are_set_again_where_they_were_changed(connection):
    connection.execute("comment on table flexprice_raw.snapshots is 'wrong'")
    connection.execute("comment on column flexprice_raw.wallets.name is null")
    create_views(connection)
    said = raw_comments()
    assert connection.execute(
        "select comment from duckdb_tables() where table_name = 'snapshots'"
    ).fetchall() == [(said["snapshots", None],)]
    assert connection.execute(
        "select comment from duckdb_columns() where table_name = 'wallets' and column_name = 'name'"
        " and schema_name = 'flexprice_raw'"
    ).fetchall() == [(said["wallets", "name"],)]


def test_an_unchanged_dictionary_is_not_written_anew(connection):
    before = connection.execute(
        "select rowid, * from flexprice_raw.stored_data_dictionary"
    ).fetchall()
    create_views(connection)
    after = connection.execute(
        "select rowid, * from flexprice_raw.stored_data_dictionary"
    ).fetchall()
    assert before == after


def test_columns_that_dlt_adds_are_described():
    connection = empty_warehouse()
    connection.execute("alter table flexprice_raw.wallets add column _dlt_load_id varchar")
    connection.execute("create table flexprice_raw._dlt_version (version bigint, schema varchar)")
    apply_snapshots(connection)
    create_views(connection)
    assert (
        connection.execute(
            "select table_name, column_name from duckdb_columns() "
            "where schema_name = 'flexprice_raw' and comment is null"
        ).fetchall()
        == []
    )
