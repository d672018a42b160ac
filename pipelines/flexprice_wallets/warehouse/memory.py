"""How much memory DuckDB may take: little by itself, and more where a step cannot do with that."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import duckdb

from flexprice_wallets.warehouse.sql_files import literal

#: Bytes, enough for the first snapshot of hundreds of thousands of wallets.
_LEAST: Final = 128_000_000
#: Bytes, enough for some millions of rows beside each other; more go through files.
_FOR_READING: Final = 256_000_000
#: Nobody who is sent rows takes as many as four threads read.
_MOST_READERS: Final = 4


def limit_memory(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Have DuckDB keep little of an open file in memory, where it would keep all that it reads and writes.

    The limit grows with the file, so that what a query must hold at once finds room; it is never above DuckDB's own.
    """
    _set_limit(connection, min(_LEAST + path.stat().st_size // 4, memory_limit(connection)))


def limit_reading(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Have DuckDB take little, however large the file is, where it is only read from one end to the other.

    Args:
        connection: to the file.
        folder: for what a step holds beyond that.
    """
    _set_limit(connection, min(_FOR_READING, memory_limit(connection)))
    [(threads,)] = connection.execute("select current_setting('threads')").fetchall()
    # Each holds what it reads of all columns.
    connection.execute(f"set threads = {min(_MOST_READERS, threads)}")
    connection.execute(f"set temp_directory = {literal(str(folder))}")


def double_memory(connection: duckdb.DuckDBPyConnection) -> bool:
    """Allow DuckDB twice as much, but no more than by itself; says whether that is more than before."""
    before = memory_limit(connection)
    connection.execute("reset memory_limit")
    most = memory_limit(connection)
    if 2 * before < most:
        _set_limit(connection, 2 * before)
    return before < most


def memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    """The limit in bytes, as exactly as DuckDB tells it."""
    [(limit,)] = connection.execute(
        "select parse_formatted_bytes(current_setting('memory_limit'))"
    ).fetchall()
    return int(limit)


def _set_limit(connection: duckdb.DuckDBPyConnection, limit: int) -> None:
    connection.execute(f"set memory_limit = '{limit}B'")
