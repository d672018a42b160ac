"""Opens, creates and checks the DuckDB file of a warehouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from flexprice_wallets.errors import (
    NotAWarehouse,
    StorageError,
    WarehouseError,
    WarehouseTooNew,
    WarehouseTooOld,
)
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.warehouse.paths import WarehousePaths

#: Read by DuckDB clients from 1.2 on; DuckDB 2.0's own default is not read by any 1.x.
STORAGE_VERSION = "v1.2.0"
#: Bytes, enough for the first snapshot of hundreds of thousands of wallets.
_LEAST_MEMORY_LIMIT = 128_000_000


def create_database(path: Path) -> None:
    """Create an empty database file in the storage format that older clients read."""
    with duckdb.connect() as connection:
        location = str(path).replace("'", "''")
        connection.execute(f"attach '{location}' as created (storage_version '{STORAGE_VERSION}')")
        connection.execute("detach created")


def open_database(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database file, times shown in UTC by the connection and all its cursors.

    Raises:
        NotAWarehouse: where DuckDB cannot read the file.
        WarehouseError: where it is held by another program.
    """
    try:
        connection = duckdb.connect(str(path), read_only=read_only)
        # Of the whole instance: each cursor would begin with the zone of the process.
        connection.execute("set global timezone = 'UTC'")
    except duckdb.Error as error:
        if not os.access(path, os.R_OK) and path.exists():
            raise StorageError(
                f"{path.name} may not be read by this user: ask its owner for the right to read it."
            ) from error
        if isinstance(error, duckdb.IOException) and "set lock on file" in str(error):
            raise WarehouseError(
                f"{path.name} is being written by another program: close it there and run again."
            ) from error
        raise NotAWarehouse(
            f"{path.name} is not a DuckDB file that this DuckDB ({duckdb.__version__}) can read: it is damaged or "
            "another program's. It was left as it is; restore a backup, or name another --database."
        ) from error
    return connection


@contextmanager
def open_published(
    database: str | os.PathLike[str], *, raw_schema: str, schema: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse for reading, wherever a command or a program does.

    Raises:
        ConfigurationError: as `WarehousePaths.of`.
        NotAWarehouse: there is no such file, or it is no warehouse.
        StorageError: this user may not read it.
        WarehouseTooNew: a later version of this program wrote it.
        WarehouseTooOld: it has to be brought up to date first.
    """
    path = WarehousePaths.of(database, raw_schema, schema).published
    if not path.is_file():
        raise NotAWarehouse(f"{path} does not exist: run `flexprice-wallets load` first.")
    with open_database(path, read_only=True) as connection:
        if check_warehouse(connection, raw_schema, path.name) < CONTRACT_VERSION:
            raise WarehouseTooOld(
                f"{path.name} was loaded by an earlier version of flexprice-wallets: run `flexprice-wallets views` (or "
                "the next load) to bring it up to date."
            )
        yield connection


def limit_memory(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Have DuckDB keep little of an open file in memory, where it would keep all that it reads and writes.

    The limit grows with the file, so that what a query must hold at once finds room; it is never above DuckDB's own.
    """
    most = _LEAST_MEMORY_LIMIT + path.stat().st_size // 4
    connection.execute(
        f"set memory_limit = least({most}, parse_formatted_bytes(current_setting('memory_limit'))) || 'B'"
    )


def check_warehouse(connection: duckdb.DuckDBPyConnection, raw_schema: str, name: str) -> int:
    """Make sure that the database is a warehouse of this contract or an earlier one; returns the contract's version.

    Raises:
        NotAWarehouse: where it is some other database.
        WarehouseTooNew: where a later version of this program wrote it.
    """
    try:
        rows = connection.execute(
            f'select contract_version from "{raw_schema}".warehouse'
        ).fetchall()
    except duckdb.CatalogException as error:
        raise NotAWarehouse(
            f"{name} is a database, but no warehouse of flexprice-wallets (it has no table {raw_schema}.warehouse). "
            "It was left as it is; name another --database."
        ) from error
    except duckdb.Error as error:
        raise NotAWarehouse(
            f"{name} is damaged ({type(error).__name__}). It was left as it is; restore a backup."
        ) from error
    if len(rows) != 1:
        raise NotAWarehouse(
            f"{name} has {len(rows)} rows in {raw_schema}.warehouse, where there is one: restore a backup."
        )
    [(contract_version,)] = rows
    if contract_version > CONTRACT_VERSION:
        raise WarehouseTooNew(
            f"{name} has version {contract_version} of the table contract, this program knows {CONTRACT_VERSION}: "
            "update flexprice-wallets."
        )
    return int(contract_version)


def last_snapshot_at(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> datetime | None:
    """When the last snapshot was taken, in UTC; None where there is none."""
    [(last,)] = connection.execute(
        f'select max(snapshot_at) from "{raw_schema}".snapshots'
    ).fetchall()
    return last  # type: ignore[no-any-return]
