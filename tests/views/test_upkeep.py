"""Derived tables that another version of the program kept up are derived again, and others are left alone."""

from __future__ import annotations

from copy import deepcopy

import duckdb
import pytest
import yaml

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.descriptions import derived_tables, upkeep_version, version_of
from flexprice_wallets.warehouse.sql_files import sql_folder
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.random_history import random_history

#: What creating the views writes.
_OF_THE_VIEWS = {"stored_views", "stored_data_dictionary"}


def stored(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: connection.execute(
            f"select * from flexprice_raw.{table.name} order by all"
        ).fetchall()
        for table in derived_tables()
        if table.name not in _OF_THE_VIEWS
    }


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return random_history(1).warehouse()


def test_tables_as_they_should_be_are_left_alone(connection):
    connection.execute("delete from flexprice_raw.stored_wallets")
    before = stored(connection)
    assert apply_snapshots(connection) == 0
    assert stored(connection) == before


#: The program that kept them up had other rules.
_ANOTHER_VERSION = """
    update flexprice_raw.stored_progress set upkeep_version = 'another';
    delete from flexprice_raw.stored_wallets;
"""
#: As version 0.1.0 left them.
_EARLIER_DECLARATION = """
    alter table flexprice_raw.stored_progress drop column upkeep_version;
    alter table flexprice_raw.stored_wallets drop column is_cached_fallback;
    drop table flexprice_raw.stored_calendar;
    create table flexprice_raw.stored_unobserved_wallets (wallet_id varchar);
"""


@pytest.mark.parametrize("change", [_ANOTHER_VERSION, _EARLIER_DECLARATION])
def test_tables_of_another_version_are_derived_again(connection, change):
    before = stored(connection)
    [(snapshots,)] = connection.execute("select count(*) from flexprice_raw.snapshots").fetchall()
    connection.execute(change)
    assert apply_snapshots(connection) == snapshots > 0
    assert stored(connection) == before
    create_views(connection)
    undescribed = "select table_name from duckdb_tables() where comment is null and not temporary"
    assert connection.execute(undescribed).fetchall() == []


def test_every_change_of_the_declaration_is_another_version():
    declared = yaml.safe_load((sql_folder() / "upkeep" / "tables.yml").read_text(encoding="utf-8"))
    assert version_of(declared) == upkeep_version()
    changed = [deepcopy(declared) for _ in range(4)]
    changed[0]["version"] += 1
    changed[1]["tables"][0]["columns"]["colour"] = "varchar"
    changed[2]["tables"][0]["columns"]["life_number"] = "integer not null"
    changed[3]["tables"].append({"name": "stored_colours", "columns": {"colour": "varchar"}})
    assert len({upkeep_version(), *map(version_of, changed)}) == 5
    declared["tables"][0]["description"] = "Only words."
    assert version_of(declared) == upkeep_version()
