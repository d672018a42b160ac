"""Reads from the warehouse's file what has to be known of it, and the rows that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import duckdb
import pyarrow as pa

from flexprice_wallets.errors import ReplicationError
from flexprice_wallets.replicate.plan import Identity, Mode, Sum, TableState
from flexprice_wallets.replicate.tables import ReplicatedTable
from flexprice_wallets.warehouse.database import cursor
from flexprice_wallets.warehouse.sql_files import quoted

#: Beside the columns of a table whose rows may change: what a row is compared by, and whether it is gone.
ROW_HASH = "row_hash"
IS_DELETED = "is_deleted"

_BATCH = 20_000
_KNOWN = "temp.known_rows"


def read_identity(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> Identity:
    """Which warehouse it is."""
    schema = quoted(raw_schema)
    [(tenant_id, environment_id)] = connection.execute(
        f"select tenant_id, environment_id from {schema}.warehouse"
    ).fetchall()
    snapshots = connection.execute(
        f"select snapshot_id, _dlt_load_id from {schema}.snapshots order by snapshot_id"
    ).fetchall()
    return Identity(tenant_id, environment_id, dict(snapshots))


def read_state(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: ReplicatedTable,
    committed_at: datetime | None,
) -> TableState:
    """A table's state; `committed_at`: the time of the last snapshot that the destination has.

    Raises:
        ReplicationError: where rows share a grain.
    """
    earlier = "false"
    parameters = []
    if table.appended_by is not None and committed_at is not None:
        earlier = f"{quoted(table.appended_by)} <= ?"
        parameters = [committed_at]
    [(rows, hashes, rows_before, hashes_before)] = connection.execute(
        f"""
        select
            count(*), coalesce(sum(row_hash), 0),
            count(*) filter (where is_earlier), coalesce(sum(row_hash) filter (where is_earlier), 0)
        from (
            select {_hash(table)}::hugeint as row_hash, {earlier} as is_earlier
            from {_source(raw_schema, table)}
        )
        """,
        parameters,
    ).fetchall()
    if table.appended_by is None:
        _check_grain(connection, raw_schema, table, rows)
    return TableState(
        table.digest,
        table.appended_by is not None,
        Sum(rows, str(hashes)),
        None if table.appended_by is None else Sum(rows_before, str(hashes_before)),
    )


def _check_grain(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, table: ReplicatedTable, rows: int
) -> None:
    """Readers see one row of each grain: two would become one in silence.

    Raises:
        ReplicationError: where rows share a grain.
    """
    grain = ", ".join(map(quoted, table.grain))
    counted = f"select distinct {grain} from" if grain else "select 1 from"
    [(distinct,)] = connection.execute(
        f"select count(*) from ({counted} {_source(raw_schema, table)})"
    ).fetchall()
    if distinct != rows or (not grain and rows > 1):
        raise ReplicationError(
            f"{table.name} has {rows} rows where its grain allows {distinct if grain else 1}; nothing was sent. "
            "Run `flexprice-wallets views --rebuild`, and then this again."
        )


def read_rows(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: ReplicatedTable,
    mode: Mode,
    committed_at: datetime | None,
    known: Iterator[pa.Table],
) -> Iterator[pa.Table]:
    """The rows to be sent, some thousand at a time, with the columns' names at the destination.

    Args:
        connection: by `open_published`.
        raw_schema: schema of its tables.
        table: which table.
        mode: how it is brought up to date.
        committed_at: the time of the last snapshot that the destination has.
        known: for `Mode.COMPARE`, the rows that the destination shows: columns of the grain and `row_hash`.
    """
    own = cursor(connection)
    source = _source(raw_schema, table)
    columns = [*(f"{_exact(c.name, c.kind)} as {quoted(c.sent_as)}" for c in table.columns)]
    parameters = []
    if table.appended_by is not None:
        query = f"select {', '.join(columns)} from {source}"
        if mode is Mode.APPEND:
            query += f" where {quoted(table.appended_by)} > ?"
            parameters = [committed_at]
    else:
        marks = f"{_signed_hash(table)} as {ROW_HASH}, false as {IS_DELETED}"
        versions = f"select {', '.join(columns)}, {marks} from {source}"
        query = versions
        if mode is Mode.COMPARE:
            _keep_known(own, known)
            query = f"with versions as ({versions}) {_differing(table)}"
    reader = own.sql(query, params=parameters).to_arrow_reader(_BATCH)
    for batch in reader or ():
        if batch.num_rows:
            yield pa.Table.from_batches([batch])


def _keep_known(connection: duckdb.DuckDBPyConnection, known: Iterator[pa.Table]) -> None:
    connection.execute(f"drop table if exists {_KNOWN}")
    is_made = False
    for rows in known:
        connection.register("arrived_rows", rows)
        verb = (
            f"insert into {_KNOWN}" if is_made else f"create temp table {_KNOWN.split('.')[1]} as"
        )
        connection.execute(f"{verb} select * from arrived_rows")
        connection.unregister("arrived_rows")
        is_made = True


def _differing(table: ReplicatedTable) -> str:
    """The rows that the destination lacks, and marks for those that it has and the file does not."""
    grain = {c.name: c for c in table.columns if c.name in table.grain}
    same_key = (
        " and ".join(
            f"known.{quoted(c.sent_as)} is not distinct from versions.{quoted(c.sent_as)}"
            for c in grain.values()
        )
        or "true"
    )
    gone = ", ".join(
        f"known.{quoted(c.sent_as)}" if c.name in grain else f"null as {quoted(c.sent_as)}"
        for c in table.columns
    )
    return f"""
        select * from versions where not exists (
            from {_KNOWN} as known where known.{ROW_HASH} = versions.{ROW_HASH} and {same_key}
        )
        union all
        select {gone}, null as {ROW_HASH}, true as {IS_DELETED}
        from {_KNOWN} as known where not exists (from versions where {same_key})
    """


def _source(raw_schema: str, table: ReplicatedTable) -> str:
    return f"{quoted(raw_schema)}.{quoted(table.name)}"


def _exact(name: str, kind: str) -> str:
    return f"{quoted(name)}::varchar" if kind == "json" else quoted(name)


def _hash(table: ReplicatedTable) -> str:
    return f"hash({', '.join(_exact(c.name, c.kind) for c in table.columns)})"


def _signed_hash(table: ReplicatedTable) -> str:
    """The hash as other engines' integers hold it."""
    return f"({_hash(table)}::hugeint - 9223372036854775808)::bigint"
