"""A transaction of the database around what is done inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb


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


def do_in_transaction(connection: duckdb.DuckDBPyConnection, step: Callable[[], None]) -> None:
    """Do a step in a transaction of its own, with twice the memory as often as it finds too little.

    A limit that was set to save memory must not fail a load. DuckDB's own limit is the last that is tried; where a
    step has needed more, the larger limit stays.

    Raises:
        duckdb.OutOfMemoryException: the step does not fit into DuckDB's own limit either.
    """
    while True:
        try:
            with transaction(connection):
                step()
            return
        except duckdb.OutOfMemoryException:
            if not _double_memory(connection):
                raise


def _double_memory(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether DuckDB now has more memory than before."""
    before = _memory_limit(connection)
    connection.execute("reset memory_limit")
    most = _memory_limit(connection)
    if 2 * before < most:
        connection.execute(f"set memory_limit = '{2 * before}B'")
    return before < most


def _memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    [(limit,)] = connection.execute(
        "select parse_formatted_bytes(current_setting('memory_limit'))"
    ).fetchall()
    return int(limit)
