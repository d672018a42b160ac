"""Copies rows into a table of PostgreSQL, as they are read from the file: nothing is kept on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, Final

import psycopg2
import pyarrow as pa
from pyarrow import csv

from flexprice_wallets.warehouse.sql_files import quoted

_BYTES_AT_ONCE: Final = 1 << 18
#: Whatever is not null is in quotes, which is how PostgreSQL tells empty text from it.
_AS_CSV: Final = csv.WriteOptions(include_header=False, quoting_style="all_valid")


def copy_rows(connection: Any, target: str, batches: Iterator[pa.Table]) -> int:
    """Copy rows into a table, all or none of them; returns how many.

    Args:
        connection: of psycopg2, in UTC, in which every statement is a transaction of its own.
        target: the table's name, quoted.
        batches: the rows, with the names of columns there.
    """
    # What the first ones are made from may have to be asked of the same connection.
    first = next(batches, None)
    if first is None:
        return 0
    stream = _Stream(itertools.chain([first], batches))
    columns = ", ".join(map(quoted, first.schema.names))
    statement = f"copy {target} ({columns}) from stdin with (format csv, null '', encoding 'UTF8')"
    with connection.cursor() as cursor:
        try:
            cursor.copy_expert(statement, stream, _BYTES_AT_ONCE)
        except psycopg2.Error:
            # psycopg2 takes whatever reading raises for a cancelled query.
            if stream.failure is not None:
                raise stream.failure from None
            raise
    return stream.rows


class _Stream:
    """Rows as a file to be read; `rows` counts those that were, `failure` is what kept more from being read."""

    def __init__(self, batches: Iterator[pa.Table]) -> None:
        self._batches = batches
        self._left = memoryview(b"")
        self.rows = 0
        self.failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            return self._read(size)
        except BaseException as error:
            self.failure = error
            raise

    def _read(self, size: int) -> bytes:
        while not self._left:
            batch = next(self._batches, None)
            if batch is None:
                return b""
            sink = pa.BufferOutputStream()
            csv.write_csv(_without_zone(batch), sink, _AS_CSV)
            self._left = memoryview(sink.getvalue())
            self.rows += batch.num_rows
        portion, self._left = self._left[:size], self._left[size:]
        return bytes(portion)


def _without_zone(rows: pa.Table) -> pa.Table:
    """The same times as the clock shows them in UTC: to word the zone of each takes ten times as long as all else."""
    fields = [
        field.with_type(pa.timestamp("us")) if pa.types.is_timestamp(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))
