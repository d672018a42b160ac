"""Everything in the database is described, and nothing that is not there."""

from __future__ import annotations

import re

import duckdb
import pytest

from flexprice_wallets.warehouse import create_views as create_module
from flexprice_wallets.warehouse.create_views import create_views, raw_comments
from flexprice_wallets.warehouse.descriptions import (
    derived_tables,
    shared_meanings,
    view,
    view_names,
    views,
)
from flexprice_wallets.warehouse.sql_files import read_sql, sql_folder
from flexprice_wallets.warehouse.upkeep import apply_snapshots
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


def columns_of(connection, relation):
    schema = "flexprice_raw" if relation.type == "table" else "flexprice"
    source = f"{schema}.{relation.name}" + (
        f"({relation.arguments})" if relation.type == "macro" else ""
    )
    return [row[0] for row in connection.execute(f"describe select * from {source}").fetchall()]


@pytest.mark.parametrize("table", derived_tables(), ids=lambda table: table.name)
def test_a_derived_table_has_the_columns_that_are_declared(connection, table):
    assert columns_of(connection, table) == [*table.columns]


def test_every_sql_file_has_a_description_and_every_description_a_file():
    described = {path.stem for path in sql_folder().glob("*.yml")} - {"columns"}
    assert {path.stem for path in sql_folder().glob("*.sql")} == described == {*view_names()}


def test_a_view_reads_only_views_created_before_it():
    created: set[str] = set()
    for name in view_names():
        text = (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")
        read = set(re.findall(r"(?:from|join) flexprice\.(\w+)", text))
        assert read <= created, name
        created.add(name)


def test_a_column_that_nobody_described_is_refused():
    with pytest.raises(ValueError, match=r"column colour of wallets has no description"):
        view("wallets").column_comment("colour")
    with pytest.raises(ValueError, match=r"wallets has no column \['balance"):
        view("wallets").check([*view("wallets").grain, "customer_id", "settings_valid_from"])


@pytest.mark.parametrize(
    ("instead", "message"),
    [
        ("snapshots.scope as scope, 1 as colour,", "column colour of snapshots has no description"),
        ("", r"snapshots has no column \['scope'\], which its file describes"),
    ],
)
def test_views_that_do_not_fit_their_descriptions_are_not_created(instead, message, monkeypatch):
    def changed(name, **schemas):
        text = read_sql(name, **schemas)
        return text if name != "snapshots" else text.replace("snapshots.scope as scope,", instead)

    connection = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)]).warehouse()
    monkeypatch.setattr(create_module, "read_sql", changed)
    with pytest.raises(ValueError, match=message):
        create_views(connection)
    # Nor is anything else changed.
    assert connection.execute("select scope from flexprice.snapshots").fetchall() == [("all",)]


def test_no_comment_is_left_over(connection):
    used = {
        column
        for relation in (*views(), *derived_tables())
        for column in columns_of(connection, relation)
        if column not in relation.particular
    }
    assert set(shared_meanings()) == used


def test_no_comment_merely_repeats_what_its_name_means_anyway():
    for relation in (*views(), *derived_tables()):
        for column, comment in relation.particular.items():
            assert shared_meanings().get(column) != comment, (relation.name, column)


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
    for macro in (each for each in views() if each.type == "macro"):
        told = connection.execute(
            "select column_name from flexprice.data_dictionary where object_type = 'macro'"
            " and object_name = ? order by column_position",
            [macro.name],
        ).fetchall()
        assert [name for (name,) in told] == columns_of(connection, macro)
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
