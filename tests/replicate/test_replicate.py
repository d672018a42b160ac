"""Replication to a real PostgreSQL server: what is shown there, and when nothing may be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import psycopg2
import pytest
import sqlglot
from sqlglot import exp

from flexprice_wallets.errors import (
    AnotherRunAtWork,
    DestinationDiverged,
    DestinationError,
    ForeignDestination,
    ReplicationError,
)
from flexprice_wallets.replicate import dialects, tables
from flexprice_wallets.replicate.postgres import PostgresDestination
from flexprice_wallets.replicate.replicate import replicate_to_postgres
from flexprice_wallets.replicate.shipping import SHIPMENT_COLUMNS, Sender
from flexprice_wallets.warehouse.descriptions import derived_tables
from tests.replicate.comparison import differences, relations

ODD_TEXTS = [
    "",
    " ",
    "NULL",
    r"\N",
    "it's",
    'a "b"',
    r"a\new\table",
    "two\nlines",
    "tab\t",
    "%s %(x)s",
    "Ä € 😀",
    "$$",
]
NINES = "9999999999999999999999.9999999999999999"

LAST = "(select max(snapshot_at) from flexprice_raw.snapshots)"
FIRST = "(select min(customer_id) from flexprice_raw.stored_customers)"


@pytest.fixture
def warehouse(history, tmp_path):
    return history.copy(tmp_path)


def change(warehouse: Path, *statements: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def without_last_snapshot(warehouse, folder):
    """The file as it was before its last load, as far as replication looks."""
    older = Path(shutil.copyfile(warehouse, folder / "older.duckdb"))
    change(
        older,
        f"delete from flexprice_raw.snapshots where snapshot_at = {LAST}",
    )
    return older


def with_another_snapshot(warehouse: Path) -> None:
    change(
        warehouse,
        "create temp table added as select * replace (snapshot_at + interval 1 hour as snapshot_at,"
        " replace(snapshot_id, 'T06', 'T07') as snapshot_id, '17' as _dlt_load_id) from flexprice_raw.snapshots"
        " order by snapshot_at desc limit 1",
        "insert into flexprice_raw.snapshots from added",
        "update flexprice_raw.stored_wallets set is_listed = not is_listed where wallet_number = 3",
    )


def shipments(database):
    [(count,)] = database.query("select count(*) from flexprice_rows.shipments")
    return count


def test_a_destination_shows_what_the_warehouse_holds(warehouse, database):
    result = replicate_to_postgres(warehouse)
    assert differences(warehouse, database) == []
    assert result.rows["wallet_balances"] > 0
    again = replicate_to_postgres(warehouse)
    assert again.is_up_to_date
    assert again.rows == {}
    with_another_snapshot(warehouse)
    third = replicate_to_postgres(warehouse)
    assert (third.rows, third.filled) == ({"snapshots": 1, "stored_wallets": 1}, ())
    assert differences(warehouse, database) == []


def test_texts_figures_and_times_arrive_exactly(warehouse, database):
    with duckdb.connect(str(warehouse)) as connection:
        for number, text in enumerate(ODD_TEXTS, start=1):
            connection.execute(
                "update flexprice_raw.wallets set name = ?, description = null where wallet_id ="
                " (select wallet_id from flexprice_raw.stored_wallets where wallet_number = ?)",
                [text, number],
            )
        connection.execute(
            f"update flexprice_raw.wallet_real_time_balances set real_time_balance = {NINES},"
            f" pending_amount = -{NINES},"
            " observed_at = timestamptz '2026-02-25 05:59:59.123457+00'"
        )
    replicate_to_postgres(warehouse)
    assert differences(warehouse, database) == []
    names = {name for (name,) in database.query("select name from flexprice.wallets")}
    assert {*ODD_TEXTS} <= names
    figures = database.query(
        "select distinct real_time_balance::text from flexprice_raw.wallet_real_time_balances"
    )
    assert figures == [(NINES,)]


def test_a_file_restored_from_a_backup_is_refused(warehouse, database, tmp_path):
    older = without_last_snapshot(warehouse, tmp_path)
    replicate_to_postgres(warehouse)
    with pytest.raises(DestinationDiverged, match="ahead"):
        replicate_to_postgres(older)
    # It was loaded on since, at the same logical time.
    diverged = Path(shutil.copyfile(warehouse, tmp_path / "diverged.duckdb"))
    change(
        diverged,
        f"update flexprice_raw.snapshots set _dlt_load_id = '1' where snapshot_at = {LAST}",
    )
    with pytest.raises(DestinationDiverged, match="backup was restored"):
        replicate_to_postgres(diverged)
    assert differences(warehouse, database) == []


def test_another_tenants_destination_is_refused(warehouse, database, tmp_path):
    replicate_to_postgres(warehouse)
    foreign = Path(shutil.copyfile(warehouse, tmp_path / "foreign.duckdb"))
    change(foreign, "update flexprice_raw.warehouse set tenant_id = 'tenant_of_others'")
    with pytest.raises(ForeignDestination, match="tenant_of_others"):
        replicate_to_postgres(foreign)
    assert differences(warehouse, database) == []


def test_two_rows_of_one_grain_are_refused(warehouse, database):
    change(
        warehouse,
        "insert into flexprice_raw.stored_wallets select * from flexprice_raw.stored_wallets limit 1",
    )
    with pytest.raises(ReplicationError, match="stored_wallets has"):
        replicate_to_postgres(warehouse)
    assert database.query("select nspname from pg_namespace where nspname = 'flexprice'") == []


def test_datasets_lie_beside_each_other(warehouse, database):
    replicate_to_postgres(warehouse, "one")
    change(warehouse, "update flexprice_raw.wallets set name = 'other'")
    replicate_to_postgres(warehouse, "two")
    assert differences(warehouse, database, "two") == []
    assert differences(warehouse, database, "one") != []


def test_rebuilt_and_migrated_rows_are_sent_again(warehouse, database):
    replicate_to_postgres(warehouse)
    change(
        warehouse,
        "update flexprice_raw.stored_wallets set wallet_number = wallet_number + 1000",
        "update flexprice_raw.stored_balance_intervals set wallet_number = wallet_number + 1000",
        "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1",
        f"delete from flexprice_raw.stored_customers where customer_id = {FIRST}",
    )
    result = replicate_to_postgres(warehouse)
    assert {*result.filled} == {"stored_balance_intervals", "wallet_balances"}
    assert result.rows["stored_customers"] == 1
    assert result.snapshots == 0
    assert differences(warehouse, database) == []


def test_a_new_derivation_sends_the_derived_tables_again(warehouse, database, monkeypatch):
    replicate_to_postgres(warehouse)
    monkeypatch.setattr(tables, "upkeep_version", lambda: "another")
    tables.replicated_tables.cache_clear()
    try:
        result = replicate_to_postgres(warehouse)
        assert {*result.filled} == {table.name for table in derived_tables()}
        assert differences(warehouse, database) == []
    finally:
        tables.replicated_tables.cache_clear()
    names = {
        n
        for (n,) in database.query(
            "select tablename from pg_tables where schemaname = 'flexprice_rows'"
        )
    }
    assert len([name for name in names if name.startswith("stored_wallets_")]) == 1


def test_two_machines_at_once(warehouse, database):
    command = [sys.executable, "-m", "flexprice_wallets", "replicate", "--destination", "postgres",
               "--database", str(warehouse)]  # fmt: skip
    processes = [
        subprocess.Popen(
            command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    codes = sorted(process.returncode for process in processes)
    assert codes in ([0, 0], [0, 5]), outputs
    assert shipments(database) == 1
    assert differences(warehouse, database) == []


def test_of_two_shipments_with_one_number_the_first_counts(warehouse, database, monkeypatch):
    """The lock may be lost with its connection: the server itself then refuses the second."""
    replicate_to_postgres(warehouse)
    with_another_snapshot(warehouse)
    commit = Sender.commit

    def overtaken(self, shipment, ship_id):
        columns = ", ".join(column.name for column in SHIPMENT_COLUMNS)
        database.query(
            f"insert into flexprice_rows.shipments ({columns}) "
            f"select ship_number + 1, 'other', {columns.split(', ', 2)[2]}"
            " from flexprice_rows.shipments"
        )
        commit(self, shipment, ship_id)

    before = database.query("select * from flexprice_raw.stored_wallets order by wallet_id")
    monkeypatch.setattr(Sender, "commit", overtaken)
    with pytest.raises(AnotherRunAtWork, match="meanwhile"):
        replicate_to_postgres(warehouse)
    monkeypatch.undo()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", database.address)
    assert database.query("select * from flexprice_raw.stored_wallets order by wallet_id") == before
    replicate_to_postgres(warehouse)
    assert differences(warehouse, database) == []


def test_a_new_layout_is_shown_all_at_once(warehouse, database, monkeypatch, tmp_path):
    replicate_to_postgres(warehouse)
    before = shutil.copyfile(warehouse, tmp_path / "before.duckdb")
    with_another_snapshot(warehouse)
    change(
        warehouse, "update flexprice_raw.wallet_balances set credit_balance = credit_balance + 1"
    )

    class Killed(Exception):
        pass

    show = PostgresDestination.show

    def killed(self, views, last_number):
        if last_number == 2:
            raise Killed
        return show(self, views, last_number)

    monkeypatch.setattr(PostgresDestination, "show", killed)
    with pytest.raises(Killed):
        replicate_to_postgres(warehouse)
    assert shipments(database) == 2
    assert differences(before, database) == []
    monkeypatch.setattr(PostgresDestination, "show", show)
    assert replicate_to_postgres(warehouse).is_up_to_date
    assert differences(warehouse, database) == []


def test_rows_of_a_killed_run_are_not_shown(warehouse, database, monkeypatch):
    replicate_to_postgres(warehouse)
    before = shutil.copyfile(warehouse, warehouse.with_name("before.duckdb"))
    with_another_snapshot(warehouse)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    commit = Sender.commit
    monkeypatch.setattr(Sender, "commit", killed)
    with pytest.raises(KeyboardInterrupt):
        replicate_to_postgres(warehouse)
    monkeypatch.setattr(Sender, "commit", commit)
    assert differences(before, database) == []
    replicate_to_postgres(warehouse)
    assert differences(warehouse, database) == []


def test_what_people_made_there_outlives_new_views(warehouse, database, monkeypatch):
    replicate_to_postgres(warehouse)
    database.query("create role reader_of_wallets")
    database.query("grant select on flexprice.freshness to reader_of_wallets")
    database.query("create view public.mine as select last_snapshot_id from flexprice.freshness")
    rendered = dialects.rendered_views
    try:
        change(warehouse, "update flexprice_raw.wallets set name = 'new'")
        replicate_to_postgres(warehouse)
        assert database.query("select count(*) from public.mine") != []
        assert differences(warehouse, database) == []

        def fewer_columns(dialect, **names):
            return tuple(
                replace(view, query=f"select last_snapshot_id from ({view.query}) as v")
                if view.name == "freshness"
                else view
                for view in rendered(dialect, **names)
            )

        monkeypatch.setattr(
            "flexprice_wallets.replicate.postgres_views.rendered_views", fewer_columns
        )
        with pytest.raises(DestinationError, match=r"something of yours reads it .*mine"):
            replicate_to_postgres(warehouse)
        assert differences(warehouse, database) == []
    finally:
        database.query("drop view if exists public.mine")
    # Nothing is in the way any more: the view is dropped and created, and may be read by the same people.
    assert replicate_to_postgres(warehouse).is_up_to_date
    assert len(database.query("select * from flexprice.freshness")[0]) == 1
    [(may_read,)] = database.query(
        "select has_table_privilege('reader_of_wallets', 'flexprice.freshness', 'select')"
    )
    assert may_read


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
def test_a_wrong_rendering_is_found(warehouse, database, monkeypatch, rewrite):
    render = dialects.render

    def wrong(*arguments):
        query = sqlglot.parse_one(render(*arguments), read="postgres")
        return query.transform(rewrite).sql(dialect="postgres")

    monkeypatch.setattr(dialects, "render", wrong)
    dialects.rendered_views.cache_clear()
    try:
        replicate_to_postgres(warehouse)
    finally:
        dialects.rendered_views.cache_clear()
    found = differences(warehouse, database)
    assert [each for each in found if each.startswith(("customers:", "wallet_balance_history:"))]


def test_everything_is_described_indexed_and_analyzed(warehouse, database):
    replicate_to_postgres(warehouse)
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
    replicate_to_postgres(warehouse)
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


def test_nothing_is_left_out(warehouse):
    names = {name for _, _, name in relations("x")}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        there = connection.execute(
            "select table_name from information_schema.tables where table_schema in ('flexprice', 'flexprice_raw')"
        ).fetchall()
    assert {name for (name,) in there} - names <= {"_dlt_version", "_dlt_pipeline_state"}


def test_a_server_that_refuses_is_named(warehouse, database):
    with pytest.raises(psycopg2.Error):
        database.query("select * from flexprice.wallets")
    database.query("create schema flexprice")
    database.query("create table flexprice.wallets (x int)")
    with pytest.raises(DestinationError, match="holds something else"):
        replicate_to_postgres(warehouse)
