"""Opens, creates and checks the DuckDB file of a warehouse."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from flexprice_wallets.errors import (
    NotAWarehouse,
    StorageError,
    WarehouseError,
    WarehouseTooNew,
    WarehouseTooOld,
)
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.warehouse.names import check_schemas
from flexprice_wallets.warehouse.paths import resolved_path
from flexprice_wallets.warehouse.sql_files import literal, quoted

#: Read by DuckDB clients from 1.2 on; DuckDB 2.0's own default is not read by any 1.x.
STORAGE_VERSION = "v1.2.0"
#: The catalog of a warehouse that is open for reading. No schema can have this name, whatever the file is called.
_CATALOG: Final = "flexprice-wallets"
#: How DuckDB words that a file is not what was written to it. The second is a file that ends too early.
_SIGNS_OF_DAMAGE: Final = ("corrupt", "could not read enough bytes", "checksum")
_SIGNS_OF_USE_HERE: Final = ("different configuration", "already attached", "file handle conflict")


def create_database(path: Path) -> None:
    """Create an empty database file in the storage format that older clients read."""
    with duckdb.connect() as connection:
        connection.execute(
            f"attach {literal(str(path))} as created (storage_version '{STORAGE_VERSION}')"
        )
        connection.execute("detach created")


def open_database(path: Path, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database file. Times are in UTC, on this connection and on every cursor of it.

    Args:
        path: the file; a resolved path where it is to be read only.
        read_only: open it beside whoever else reads it. Its catalog has then a name of our own, so that no schema in
            it can be taken for the file; take further cursors by `cursor`.

    Raises:
        NotAWarehouse: where the file is damaged or another program's.
        WarehouseTooNew: where a later version of DuckDB wrote it.
        StorageError: where it may not be read.
        WarehouseError: where another program, or this one, has it open for writing.
    """
    try:
        return _opened_for_reading(path) if read_only else _opened(path)
    except duckdb.Error as error:
        raise database_error(error, path.name) from error


def _opened(path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path))
    _show_times_in_utc(connection)
    return connection


def _opened_for_reading(path: Path) -> duckdb.DuckDBPyConnection:
    # A database of its own, so that no setting reaches connections to the file that others have in this process.
    connection = duckdb.connect()
    try:
        _show_times_in_utc(connection)
        # Else the folder for what does not fit in memory would be in the current one.
        connection.execute(f"set temp_directory = {literal(f'{path}.tmp')}")
        connection.execute(
            f"attach {literal(str(path))} as {quoted(_CATALOG)} (type duckdb, read_only)"
        )
        connection.execute(f"use {quoted(_CATALOG)}")
    except BaseException:
        connection.close()
        raise
    return connection


def _show_times_in_utc(connection: duckdb.DuckDBPyConnection) -> None:
    # A setting of the connection only would not be that of its cursors. In the process's own zone, times such as Go's
    # zero time, 0001-01-01T00:00:00Z, may lie before all that Python can hold.
    connection.execute("set global timezone = 'UTC'")


def cursor(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A further cursor of a connection by `open_database`, on the same catalog."""
    further = connection.cursor()
    [(catalog,)] = connection.execute("select current_database()").fetchall()
    further.execute(f"use {quoted(catalog)}")
    return further


@contextmanager
def open_published(
    database: str | os.PathLike[str], *, raw_schema: str, schema: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a warehouse for reading, wherever a command or a program does.

    It may have a name in which DuckDB cannot tell the file from a schema: such a file can be read here, and nowhere
    else.

    Args:
        database: the file, as somebody named it: `~` is their home.
        raw_schema: schema of its tables.
        schema: schema of its views.

    Raises:
        ConfigurationError: where DuckDB can open no such path, or the schemas have names that none can have.
        NotAWarehouse: where there is no such file, or one that is no warehouse.
        WarehouseTooNew: where a later version of this program or of DuckDB wrote it.
        WarehouseTooOld: where it has to be brought up to date first.
        StorageError: where the file may not be read.
        WarehouseError: where it is open for writing.

    Damage that shows only in reading is raised as NotAWarehouse, too.
    """
    check_schemas(raw_schema, schema)
    path = resolved_path(database)
    try:
        is_file, is_folder = path.is_file(), path.is_dir()
    except OSError as error:
        raise _unreadable(path.name, error.strerror or str(error)) from error
    if not is_file:
        what = "is no file" if is_folder else "does not exist"
        raise NotAWarehouse(
            f"{os.fspath(database)} {what}: run `flexprice-wallets load` first, or name another --database."
        )
    with open_database(path, read_only=True) as connection:
        if check_warehouse(connection, raw_schema, path.name) < CONTRACT_VERSION:
            raise WarehouseTooOld(
                f"{path.name} was loaded by an earlier version of flexprice-wallets: run `flexprice-wallets views` (or "
                "the next load) to bring it up to date."
            )
        with damage_named(path.name):
            yield connection


@contextmanager
def damage_named(name: str) -> Iterator[None]:
    """Within, damage that DuckDB meets in reading is raised as NotAWarehouse; its other errors as they are."""
    try:
        yield
    except duckdb.Error as error:
        if any(sign in str(error).lower() for sign in _SIGNS_OF_DAMAGE):
            raise database_error(error, name) from error
        raise


def database_error(error: duckdb.Error, name: str) -> WarehouseError:
    """What an error of DuckDB says about a database file, called `name` in the message."""
    text = str(error)
    lower = text.lower()
    if "set lock on file" in lower:
        return WarehouseError(
            f"{name} is being written by another program: close it there and run again."
        )
    if any(sign in lower for sign in _SIGNS_OF_USE_HERE):
        return WarehouseError(f"{name} is open for writing in this process: close it there first.")
    if "permission denied" in lower:
        return _unreadable(name, "Permission denied")
    if "newer version of duckdb" in lower:
        return WarehouseTooNew(
            f"{name} was written by a later version of DuckDB than this one, {duckdb.__version__}: update the package "
            "duckdb."
        )
    if any(sign in lower for sign in _SIGNS_OF_DAMAGE):
        return NotAWarehouse(
            f"{name} is damaged ({_first_line(text)}). It was left as it is; restore a backup."
        )
    if "not a valid duckdb database" in lower:
        return NotAWarehouse(
            f"{name} is not a DuckDB file: it is another program's, or its start is damaged. It was left as it is; "
            "name another --database, or restore a backup."
        )
    return NotAWarehouse(
        f"{name} cannot be read by this DuckDB, {duckdb.__version__} ({_first_line(text)}). It was left as it is; "
        "restore a backup, or name another --database."
    )


def _unreadable(name: str, reason: str) -> StorageError:
    return StorageError(
        f"{name} may not be read ({reason}): give yourself the right to read the file and its folder."
    )


def check_warehouse(connection: duckdb.DuckDBPyConnection, raw_schema: str, name: str) -> int:
    """Make sure that the database is a warehouse of this contract or an earlier one; returns the contract's version.

    Raises:
        NotAWarehouse: where it is some other database, or damaged.
        WarehouseTooNew: where a later version of this program wrote it.
    """
    try:
        rows = connection.execute(
            f"select contract_version from {quoted(raw_schema)}.warehouse"
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotAWarehouse(
            f"{name} is a database, but no warehouse of flexprice-wallets (it has no table {raw_schema}.warehouse). "
            "It was left as it is; name another --database."
        ) from error
    except duckdb.Error as error:
        raise database_error(error, name) from error
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
        f"select max(snapshot_at) from {quoted(raw_schema)}.snapshots"
    ).fetchall()
    return last  # type: ignore[no-any-return]


def snapshot_row(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, at: datetime, name: str
) -> dict[str, Any] | None:
    """The row of `snapshots` for a logical time, which has a time zone, by column; None where there is none.

    Args:
        connection: to the file.
        raw_schema: schema of its tables.
        at: aware.
        name: what the file is called in messages.

    Raises:
        NotAWarehouse: where there is no such table, or the file is damaged.
    """
    try:
        result = connection.execute(
            f"select * from {quoted(raw_schema)}.snapshots where snapshot_at = ?", [at]
        )
        names = [column for column, *_ in result.description or ()]
        rows = result.fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise NotAWarehouse(
            f"{name} is not a whole warehouse ({_first_line(str(error))}). It was left as it is; restore a backup, or "
            "name another --database."
        ) from error
    except duckdb.Error as error:
        raise database_error(error, name) from error
    return dict(zip(names, rows[0], strict=True)) if rows else None


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")[:300]
