"""The derived tables: created once, then brought over each snapshot by the scripts in `sql/upkeep`."""

from __future__ import annotations

from typing import Final

import duckdb

from flexprice_wallets.warehouse.atomic import do_in_transaction, transaction
from flexprice_wallets.warehouse.descriptions import (
    derived_tables,
    retired_tables,
    upkeep_version,
)
from flexprice_wallets.warehouse.ledger_upkeep import apply_ledger, transactions_per_batch
from flexprice_wallets.warehouse.memory import memory_limit
from flexprice_wallets.warehouse.sql_files import (
    RAW_SCHEMA,
    literal,
    quoted,
    read_sql,
    rename_schemas,
)

#: So many wallets are carried over at once; their working tables take about 40 MB.
WALLETS_PER_BATCH: Final = 10_000


def apply_snapshots(
    connection: duckdb.DuckDBPyConnection,
    *,
    raw_schema: str = RAW_SCHEMA,
    wallets_per_batch: int = WALLETS_PER_BATCH,
    transactions_at_once: int | None = None,
) -> int:
    """Carry the derived tables over every snapshot that they do not contain yet, in order of time.

    Tables that another version of this program kept up are derived again from the first snapshot on.

    To be called on a private copy: an interruption leaves the tables half carried over. One transaction for each
    snapshot would not, but what it drops would keep its memory until the end.

    Args:
        connection: a writable copy of a warehouse, not inside a transaction.
        raw_schema: schema of the tables that a load writes.
        wallets_per_batch: how many of a snapshot's wallets are carried over at once.
        transactions_at_once: how many transactions are, more or less; None for what DuckDB's memory allows.

    Returns:
        How many snapshots were carried over.

    Raises:
        duckdb.Error: a table is missing or not as the contract says.
    """
    schema = quoted(raw_schema)
    if not _is_current(connection, raw_schema):
        _drop_derived(connection, raw_schema)
    connection.execute(create_derived(raw_schema))
    snapshot_ids = connection.execute(
        f"select snapshot_id from {schema}.snapshots where snapshot_at > coalesce((select"
        f" max(snapshot_at) from {schema}.stored_progress), '-infinity') order by snapshot_at"
    ).fetchall()
    connection.execute(f"set variable wallets_per_batch = {wallets_per_batch}")
    if transactions_at_once is None:
        transactions_at_once = transactions_per_batch(memory_limit(connection))
    connection.execute(f"set variable transactions_per_batch = {transactions_at_once}")
    connection.execute(f"set variable upkeep_version = {literal(upkeep_version())}")
    for (snapshot_id,) in snapshot_ids:
        connection.execute(
            f"create or replace temp table applying as select * from {schema}.snapshots where"
            " snapshot_id = ?",
            [snapshot_id],
        )
        _apply_snapshot(connection, raw_schema)
    return len(snapshot_ids)


def _apply_snapshot(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    def carry_over(script: str) -> None:
        do_in_transaction(connection, lambda: _run(connection, script, raw_schema))

    carry_over("upkeep/touched")
    batches = connection.execute(
        "select min(wallet_id), max(wallet_id) from temp.touched group by batch order by batch"
    ).fetchall()
    for first_wallet_id, last_wallet_id in batches:
        connection.execute(f"set variable first_wallet_id = {literal(first_wallet_id)}")
        connection.execute(f"set variable last_wallet_id = {literal(last_wallet_id)}")
        carry_over("upkeep/wallets")
    apply_ledger(connection, raw_schema)
    carry_over("upkeep/closing")


def rebuild_stored(
    connection: duckdb.DuckDBPyConnection,
    *,
    raw_schema: str = RAW_SCHEMA,
    wallets_per_batch: int = WALLETS_PER_BATCH,
) -> int:
    """Drop the derived tables and derive them again from every snapshot; see `apply_snapshots`."""
    _drop_derived(connection, raw_schema)
    return apply_snapshots(connection, raw_schema=raw_schema, wallets_per_batch=wallets_per_batch)


def create_derived(raw_schema: str) -> str:
    """Return the SQL that creates the derived tables where they are missing."""
    sql = "\n".join(table.create() for table in derived_tables())
    return rename_schemas(sql, raw_schema=raw_schema, schema=f"{raw_schema} views")


def _is_current(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> bool:
    """Whether the derived tables, where there are any, are declared and kept up as this program does."""
    columns = connection.execute(
        "select column_name from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = 'stored_progress'",
        [raw_schema],
    ).fetchall()
    if ("upkeep_version",) not in columns:
        return not columns
    versions = connection.execute(
        f"select distinct upkeep_version from {quoted(raw_schema)}.stored_progress"
    ).fetchall()
    return versions in ([], [(upkeep_version(),)])


def _drop_derived(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    with transaction(connection):
        for name in (*(table.name for table in derived_tables()), *retired_tables()):
            connection.execute(f"drop table if exists {quoted(raw_schema)}.{quoted(name)}")


def _run(connection: duckdb.DuckDBPyConnection, script: str, raw_schema: str) -> None:
    # These scripts name no view, so the schema of the views only has to be another one.
    connection.execute(read_sql(script, raw_schema=raw_schema, schema=f"{raw_schema} views"))
