"""When a load makes the views again: where they are not what it would make, and only then."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from flexprice_wallets.warehouse import refresh_views as refresh_module
from flexprice_wallets.warehouse.refresh_views import refresh_views
from flexprice_wallets.warehouse.upkeep import rebuild_stored
from tests.views.history import History, rows_of, wallet


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with History().snapshot("2026-03-01 08:00", [wallet("w1", 1)]).warehouse() as connection:
        assert refresh_views(connection)
        yield connection


def test_views_as_they_should_be_are_left_alone(connection):
    assert not refresh_views(connection)
    assert refresh_views(connection, always=True)
    assert not refresh_views(connection)


def test_views_as_they_should_be_are_left_alone_when_opened_again(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    history = History().snapshot("2026-03-01 08:00", [wallet("w1", 1)])
    with history.warehouse(database=str(path)) as connection:
        assert refresh_views(connection)
    with duckdb.connect(str(path)) as connection:
        assert not refresh_views(connection)


@pytest.mark.parametrize(
    "change",
    [
        "drop view flexprice.freshness",
        "create or replace view flexprice.freshness as select 1 as one",
        "drop macro table flexprice.wallet_balance_as_of",
        "comment on view flexprice.freshness is 'wrong'",
        "comment on column flexprice.wallets.wallet_id is null",
        "comment on table flexprice_raw.wallets is null",
        "alter table flexprice_raw.wallets add column added varchar",
    ],
)
def test_what_was_changed_is_put_right(connection, change):
    catalog = (
        "select view_name, sql, comment from duckdb_views() where schema_name = 'flexprice' "
        "union all "
        "select table_name, column_name, comment from duckdb_columns() where schema_name like 'flexprice%' "
        "and column_name != 'added' "
        "union all "
        "select function_name, macro_definition, comment from duckdb_functions() where schema_name = 'flexprice' "
        "order by all"
    )
    before = rows_of(connection, catalog)
    connection.execute(change)
    assert refresh_views(connection)
    assert rows_of(connection, catalog) == before
    assert not refresh_views(connection)


def test_views_of_another_version_are_made_again(connection, monkeypatch):
    monkeypatch.setattr(refresh_module, "sql_texts", lambda: (("wallets.sql", "another"),))
    assert refresh_views(connection)


def test_views_made_by_another_duckdb_are_made_again(connection, monkeypatch):
    monkeypatch.setattr(duckdb, "__version__", "99.0.0")
    assert refresh_views(connection)


def test_views_are_made_in_a_schema_of_another_name(connection):
    assert refresh_views(connection, schema="other")
    assert rows_of(connection, "select snapshots from other.freshness") == [(1,)]


def test_views_are_made_again_after_a_rebuild(connection):
    rebuild_stored(connection)
    assert refresh_views(connection)
