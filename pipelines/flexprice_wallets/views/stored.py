"""The derived tables: made once, then carried over each snapshot by one script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from flexprice_wallets.contract.stored_tables import STORED_TABLES
from flexprice_wallets.views.sql_files import RAW_SCHEMA, quoted, read_sql


def apply_snapshots(connection: duckdb.DuckDBPyConnection, *, raw_schema: str = RAW_SCHEMA) -> int:
    """Carry the derived tables over every snapshot that they do not contain yet, in order of time.

    Each snapshot is one transaction: an interruption leaves the tables at the last one that was carried over.

    Args:
        connection: a writable warehouse, not inside a transaction.
        raw_schema: schema of the tables that a load writes.

    Returns:
        How many snapshots were carried over.

    Raises:
        duckdb.Error: a table is missing or not as the contract says.
    """
    schema = quoted(raw_schema)
    connection.execute(_sql("upkeep/create", raw_schema))
    snapshot_ids = connection.execute(
        f"select snapshot_id from {schema}.snapshots where snapshot_at > coalesce((select"
        f" max(snapshot_at) from {schema}.stored_progress), '-infinity') order by snapshot_at"
    ).fetchall()
    apply = _sql("upkeep/apply", raw_schema)
    for (snapshot_id,) in snapshot_ids:
        with transaction(connection):
            connection.execute(
                f"create or replace temp table applying as select * from {schema}.snapshots where"
                " snapshot_id = ?",
                [snapshot_id],
            )
            connection.execute(apply)
            connection.execute("drop table temp.applying")
    return len(snapshot_ids)


def rebuild_stored(connection: duckdb.DuckDBPyConnection, *, raw_schema: str = RAW_SCHEMA) -> int:
    """Drop the derived tables and make them again from every snapshot; see `apply_snapshots`."""
    with transaction(connection):
        for table in STORED_TABLES:
            connection.execute(f"drop table if exists {quoted(raw_schema)}.{quoted(table.name)}")
    return apply_snapshots(connection, raw_schema=raw_schema)


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it where that raises."""
    connection.execute("begin transaction")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def _sql(name: str, raw_schema: str) -> str:
    # These scripts name no view, so the schema of the views only has to be another one.
    return read_sql(name, raw_schema=raw_schema, schema=f"{raw_schema} views")
