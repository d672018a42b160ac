"""A transaction of the database around what is done inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from flexprice_wallets.warehouse.memory import double_memory


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
            if not double_memory(connection):
                raise
