"""What only a real PostgreSQL server has: views made anew, grants, comments, indexes."""

from __future__ import annotations

import shutil
from dataclasses import replace

import psycopg2
import pyarrow as pa
import pytest
from sqlglot import exp

from flexprice_wallets.errors import ConfigurationError, DestinationError, NotAWarehouse
from flexprice_wallets.replicate import dialects
from flexprice_wallets.replicate.postgres import PostgresDataset
from flexprice_wallets.replicate.postgres_copy import copy_rows
from flexprice_wallets.replicate.replicate import replicate
from tests.replicate.changes import change, with_another_snapshot
from tests.replicate.places import PostgresPlace, differences


@pytest.fixture
def place(database):
    return PostgresPlace(database)


def test_a_new_layout_is_shown_all_at_once(warehouse, place, monkeypatch, tmp_path):
    replicate("postgres", warehouse)
    before = shutil.copyfile(warehouse, tmp_path / "before.duckdb")
    with_another_snapshot(warehouse)
    change(
        warehouse, "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1"
    )

    class Killed(Exception):
        pass

    show = PostgresDataset.show

    def killed(self, views, last_number):
        if last_number == 2:
            raise Killed
        return show(self, views, last_number)

    monkeypatch.setattr(PostgresDataset, "show", killed)
    with pytest.raises(Killed):
        replicate("postgres", warehouse)
    assert place.shipments() == 2
    assert differences(before, place) == []
    monkeypatch.setattr(PostgresDataset, "show", show)
    assert replicate("postgres", warehouse).is_up_to_date
    assert differences(warehouse, place) == []


def test_what_people_made_there_outlives_new_views(warehouse, database, place, monkeypatch):
    replicate("postgres", warehouse)
    database.query("create role reader_of_wallets")
    database.query("grant select on flexprice.freshness to reader_of_wallets")
    database.query("create view public.mine as select last_snapshot_id from flexprice.freshness")
    rendered = dialects.rendered_views
    try:
        change(warehouse, "update flexprice_raw.wallets set name = 'new'")
        replicate("postgres", warehouse)
        assert database.query("select count(*) from public.mine") != []
        assert differences(warehouse, place) == []

        def fewer_columns(dialect, **names):
            return tuple(
                replace(
                    view,
                    query=f"select last_snapshot_id from ({view.query}) as v",
                    columns={"last_snapshot_id": "The last one."},
                )
                if view.name == "freshness"
                else view
                for view in rendered(dialect, **names)
            )

        monkeypatch.setattr(
            "flexprice_wallets.replicate.postgres_views.rendered_views", fewer_columns
        )
        with pytest.raises(DestinationError, match=r"something of yours reads it .*mine"):
            replicate("postgres", warehouse)
        assert differences(warehouse, place) == []
    finally:
        database.query("drop view if exists public.mine")
    # Nothing is in the way any more: the view is dropped and created, and may be read by the same people.
    assert replicate("postgres", warehouse).is_up_to_date
    assert len(database.query("select * from flexprice.freshness")[0]) == 1
    [(may_read,)] = database.query(
        "select has_table_privilege('reader_of_wallets', 'flexprice.freshness', 'select')"
    )
    assert may_read


@pytest.mark.parametrize("failure", [KeyboardInterrupt, NotAWarehouse])
def test_what_fails_in_reading_is_raised_and_nothing_arrives(database, failure):
    rows = pa.table({"number": list(range(50_000))})

    def batches():
        yield rows
        raise failure

    database.query("create table public.copied (number bigint)")
    connection = psycopg2.connect(database.address)
    try:
        connection.autocommit = True
        with pytest.raises(failure):
            copy_rows(connection, "public.copied", batches())
        assert database.query("select count(*) from public.copied") == [(0,)]
        assert copy_rows(connection, "public.copied", iter([rows, rows])) == 100_000
        assert copy_rows(connection, "public.copied", iter(())) == 0
    finally:
        connection.close()
    [(count, total)] = database.query("select count(*), sum(number) from public.copied")
    assert (count, total) == (100_000, 2 * sum(range(50_000)))


def null_where_any_is(node: exp.Expr) -> exp.Expr:
    """`greatest` as Trino and Snowflake have it, over arguments that may be null."""
    if not isinstance(node, exp.Greatest):
        return node
    arguments = (node.this, *node.expressions)
    bare = [each.this if isinstance(each, exp.Coalesce) else each for each in arguments]
    is_null = exp.or_(*(each.copy().is_(exp.null()) for each in bare))
    return exp.Case().when(is_null, exp.null()).else_(node.copy())


def without_last_digits(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Alias) and node.alias == "credit_balance":
        return exp.alias_(exp.func("round", node.this.copy(), exp.Literal.number(3)), node.alias)
    return node


@pytest.mark.parametrize("rewrite", [null_where_any_is, without_last_digits])
def test_a_wrong_rendering_is_found(warehouse, place, monkeypatch, rewrite):
    rewrites = (rewrite, *dialects.REWRITES["postgres"])
    monkeypatch.setitem(dialects.REWRITES, "postgres", rewrites)
    dialects.rendered_views.cache_clear()
    try:
        replicate("postgres", warehouse)
    finally:
        dialects.rendered_views.cache_clear()
    found = differences(warehouse, place)
    assert [each for each in found if each.startswith(("customers:", "wallet_balance_history:"))]


def test_everything_is_described_indexed_and_analyzed(warehouse, database):
    replicate("postgres", warehouse)
    missing = database.query(
        """
        select c.relname, a.attname from pg_class as c
        inner join pg_attribute as a on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace::regnamespace::text in ('flexprice', 'flexprice_raw')
        and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        """
    )
    assert missing == []
    never = database.query(
        "select relname from pg_class where relnamespace = 'flexprice_rows'::regnamespace and relkind = 'r'"
        " and relname !~ '^_dlt' and reltuples < 0"
    )
    assert never == []
    indexed = database.query("select indexdef from pg_indexes where schemaname = 'flexprice_rows'")
    for table in ("wallet_balances", "stored_balance_intervals", "stored_wallets"):
        assert [d for (d,) in indexed if f".{table}_" in d and "(wallet_id)" in d]


def test_types_are_exact(warehouse, database):
    replicate("postgres", warehouse)
    types = dict(
        database.query(
            "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute as a"
            " where a.attrelid = 'flexprice_raw.stored_wallets'::regclass and a.attnum > 0"
        )
    )
    assert types["real_time_balance"] == "numeric(38,16)"
    assert types["balance"] == "numeric(28,9)"
    assert types["conversion_rate"] == "numeric(10,5)"
    assert types["first_observed_at"] in ("timestamp(6) with time zone", "timestamp with time zone")


def test_a_server_that_refuses_is_named(warehouse, database):
    with pytest.raises(psycopg2.Error):
        database.query("select * from flexprice.wallets")
    database.query("create schema flexprice")
    database.query("create table flexprice.wallets (x int)")
    with pytest.raises(DestinationError, match="holds something else"):
        replicate("postgres", warehouse)


def test_a_replaced_table_is_dropped(warehouse, database):
    replicate("postgres", warehouse)
    change(
        warehouse, "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1"
    )
    replicate("postgres", warehouse)
    names = [
        name
        for (name,) in database.query(
            "select tablename from pg_tables where schemaname = 'flexprice_rows'"
        )
    ]
    assert len([name for name in names if name.startswith("wallet_balances_")]) == 1


def test_upkeep_is_the_servers(warehouse, place):
    replicate("postgres", warehouse)
    with pytest.raises(ConfigurationError, match="needs no --maintain"):
        replicate(place.destination, warehouse, maintains=True)
