"""Brings a warehouse of an earlier version of the table contract to this one. To be called on a private copy.

A migration writes no version: whatever it recomputes (hashes, derived tables) comes from the stored versions. The
contract's version is written last, so a copy that was left half migrated is still one of the old version.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb
import pyarrow as pa

from flexprice_wallets.errors import WarehouseTooOld
from flexprice_wallets.records.columns import Column, Table
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.fingerprints import (
    HASH_RECIPE,
    balance_fingerprint,
    credits_fingerprint,
    customer_fingerprint,
    figures_given_fingerprint,
    real_time_fingerprint,
    rejection_hash,
    settings_fingerprint,
)
from flexprice_wallets.records.records import CustomerRecord, Rejection, Row
from flexprice_wallets.records.tables import CONTRACT_VERSION, TABLES
from flexprice_wallets.records.wallet_tables import (
    SETTINGS_TABLES,
    WALLET_BALANCES,
    WALLET_CREDITS_AVAILABLE,
    WALLET_FIGURES_GIVEN,
    WALLET_REAL_TIME_BALANCES,
    WALLETS,
)
from flexprice_wallets.warehouse.database import check_warehouse
from flexprice_wallets.warehouse.sql_files import quoted
from flexprice_wallets.warehouse.stored_versions import settings_versions, versions
from flexprice_wallets.warehouse.upkeep import rebuild_stored

_logger = logging.getLogger(__name__)

#: Versions whose hashes are made at once.
_BATCH: Final = 20_000
#: Wallets whose settings are read at once, with all their versions.
_WALLETS_AT_ONCE: Final = 2_000

#: Called with a connection and the raw schema.
Migration = Callable[[duckdb.DuckDBPyConnection, str], None]
#: The id that a version is of, its snapshot's time, and its new hash.
Hashes = Iterable[tuple[str, Any, bytes]]


def migrate_warehouse(connection: duckdb.DuckDBPyConnection, raw_schema: str, name: str) -> None:
    """Bring a warehouse to this version of the contract, and its tables to the columns that are declared.

    Args:
        connection: a private, writable copy of a warehouse, times shown in UTC, not inside a transaction.
        raw_schema: schema of its tables.
        name: what to call it in messages.

    Raises:
        NotAWarehouse, WarehouseTooNew: as `check_warehouse`.
        WarehouseTooOld: there is no way from its version to this one.
    """
    version = check_warehouse(connection, raw_schema, name)
    steps = range(version, CONTRACT_VERSION)
    if any(step not in MIGRATIONS for step in steps):
        raise WarehouseTooOld(
            f"{name} has version {version} of the table contract, which this program cannot bring to its own, "
            f"{CONTRACT_VERSION}: load once with an earlier version of flexprice-wallets, or name another --database."
        )
    _add_what_is_missing(connection, raw_schema)
    for step in steps:
        _logger.info(
            "%s is brought from version %d of the table contract to %d.", name, step, step + 1
        )
        MIGRATIONS[step](connection, raw_schema)
        connection.execute(
            f"update {quoted(raw_schema)}.warehouse set contract_version = {step + 1}"
        )
    _check_recipe(connection, raw_schema, name)


def _check_recipe(connection: duckdb.DuckDBPyConnection, raw_schema: str, name: str) -> None:
    [(recipe,)] = connection.execute(
        f"select hash_recipe from {quoted(raw_schema)}.warehouse"
    ).fetchall()
    if recipe != HASH_RECIPE:
        raise WarehouseTooOld(
            f"The hashes of {name} are made as {recipe!r}, and this program makes them as {HASH_RECIPE!r}, so they "
            "cannot be compared: load with the version of flexprice-wallets that wrote it, or name another --database."
        )


def _add_what_is_missing(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    """Add tables and columns that are declared and not there: a field of the API that this version takes in first."""
    existing: dict[str, set[str]] = defaultdict(set)
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = current_database() and schema_name = ?",
        [raw_schema],
    ).fetchall():
        existing[table].add(column)
    for table in TABLES:
        target = f"{quoted(raw_schema)}.{quoted(table.name)}"
        if table.name not in existing:
            connection.execute(
                f"create table {target} ({', '.join(map(_definition, table.columns))})"
            )
            continue
        for column in table.columns:
            if column.name not in existing[table.name]:
                # The versions that exist do not have it, whatever the declaration says.
                connection.execute(
                    f"alter table {target} add column {quoted(column.name)} {column.type.value}"
                )


def _definition(column: Column) -> str:
    return f"{quoted(column.name)} {column.type.value}{'' if column.nullable else ' not null'}"


# --- from version 1 to 2: hashes of present values by name, rejections written once ---


def _from_1_to_2(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    _write_hashes(
        connection,
        raw_schema,
        [WALLETS, *SETTINGS_TABLES],
        _settings_hashes(connection, raw_schema),
    )
    for table, hash_of in _FIGURES:
        hashes = _figure_hashes(connection, raw_schema, table, hash_of)
        _write_hashes(connection, raw_schema, [table], hashes)
    _write_hashes(connection, raw_schema, [CUSTOMERS], _customer_hashes(connection, raw_schema))
    _write_rejection_hashes(connection, raw_schema)
    connection.execute(f"update {quoted(raw_schema)}.warehouse set hash_recipe = ?", [HASH_RECIPE])
    rebuild_stored(connection, raw_schema=raw_schema)


def _settings_hashes(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> Hashes:
    wallet_ids = [
        wallet_id
        for (wallet_id,) in connection.execute(
            f"select distinct wallet_id from {quoted(raw_schema)}.wallets order by wallet_id"
        ).fetchall()
    ]
    for start in range(0, len(wallet_ids), _WALLETS_AT_ONCE):
        some = wallet_ids[start : start + _WALLETS_AT_ONCE]
        condition = "where versions.wallet_id between ? and ?"
        for key, settings in settings_versions(
            connection, raw_schema, condition, [some[0], some[-1]]
        ):
            fingerprint = settings_fingerprint(key["customer_id"], settings)
            yield key["wallet_id"], key["snapshot_at"], fingerprint


def _balance_hash(customer_id: str, rows: list[Row]) -> bytes:
    return balance_fingerprint(customer_id, rows[0])


def _real_time_hash(customer_id: str, rows: list[Row]) -> bytes:
    return real_time_fingerprint(customer_id, rows[0])


def _credits_hash(customer_id: str, rows: list[Row]) -> bytes:
    kinds = [{name: row[name] for name in ("credit_type", "credits_available")} for row in rows]
    return credits_fingerprint(customer_id, rows[0]["currency"], kinds)


def _figures_given_hash(_customer_id: str, rows: list[Row]) -> bytes:
    [row] = rows
    return figures_given_fingerprint(
        row["is_real_time_balance_given"], row["is_credits_available_given"]
    )


_FIGURES: Final[Sequence[tuple[Table, Callable[[str, list[Row]], bytes]]]] = (
    (WALLET_BALANCES, _balance_hash),
    (WALLET_REAL_TIME_BALANCES, _real_time_hash),
    (WALLET_CREDITS_AVAILABLE, _credits_hash),
    (WALLET_FIGURES_GIVEN, _figures_given_hash),
)


def _figure_hashes(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: Table,
    hash_of: Callable[[str, list[Row]], bytes],
) -> Hashes:
    for key, rows in versions(connection, raw_schema, table):
        yield key["wallet_id"], key["snapshot_at"], hash_of(key["customer_id"], rows)


def _customer_hashes(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> Hashes:
    for key, [values] in versions(connection, raw_schema, CUSTOMERS):
        record = CustomerRecord(key["customer_id"], values)
        yield key["customer_id"], key["snapshot_at"], customer_fingerprint(record)


def _write_hashes(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, tables: list[Table], hashes: Hashes
) -> None:
    """Replace the hashes of every version in the tables, which share them."""
    id_column = tables[0].grain[0]
    connection.execute(
        "create or replace temp table new_hashes (id varchar, snapshot_at timestamptz, version_hash varchar)"
    )
    for batch in _batches(hashes):
        ids, times, digests = zip(*batch, strict=True)
        rows = pa.table(
            {
                "id": pa.array(ids, pa.string()),
                "snapshot_at": pa.array(times, pa.timestamp("us", tz="UTC")),
                "version_hash": pa.array([digest.hex() for digest in digests], pa.string()),
            }
        )
        connection.register("batch", rows)
        connection.execute("insert into new_hashes select * from batch")
        connection.unregister("batch")
    for table in tables:
        connection.execute(
            f"update {quoted(raw_schema)}.{quoted(table.name)} as versions "
            "set version_hash = new_hashes.version_hash from new_hashes "
            f"where versions.{id_column} = new_hashes.id and versions.snapshot_at = new_hashes.snapshot_at"
        )
    connection.execute("drop table new_hashes")


def _batches(hashes: Hashes) -> Iterator[list[tuple[str, Any, bytes]]]:
    batch = []
    for each in hashes:
        batch.append(each)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _write_rejection_hashes(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> None:
    """Name every rejection, and say where each ended: version 1 wrote it again in every snapshot that met it."""
    table = f"{quoted(raw_schema)}.rejected_records"
    columns = "resource, field_group, reason, customer_id, wallet_id, raw_record"
    rows = connection.execute(
        f"select snapshot_id, record_number, {columns} from {table}"
    ).fetchall()
    for snapshot_id, record_number, *values in rows:
        connection.execute(
            f"update {table} set rejection_hash = ? where snapshot_id = ? and record_number = ?",
            [rejection_hash(Rejection(*values)), snapshot_id, record_number],
        )
    schema = quoted(raw_schema)
    connection.execute(f"""
        insert into {schema}.rejections_cleared
        with
        next_snapshots as (
            select snapshot_at, lead(snapshot_at) over (order by snapshot_at) as next_at from {schema}.snapshots
        )
        select distinct snapshots.snapshot_id, snapshots.snapshot_at, rejected.rejection_hash
        from {table} as rejected
        inner join next_snapshots on rejected.snapshot_at = next_snapshots.snapshot_at
        inner join {schema}.snapshots as snapshots on next_snapshots.next_at = snapshots.snapshot_at
        left join {table} as again
            on snapshots.snapshot_at = again.snapshot_at and rejected.rejection_hash = again.rejection_hash
        where again.rejection_hash is null
    """)


# --- from version 2 to 3: the ledger ---


def _from_2_to_3(_connection: duckdb.DuckDBPyConnection, _raw_schema: str) -> None:
    """Its table and columns have been added, and the next load fills them: readers of version 2 lack its views."""


#: From a version to the next one.
MIGRATIONS: Final[Mapping[int, Migration]] = {1: _from_1_to_2, 2: _from_2_to_3}
