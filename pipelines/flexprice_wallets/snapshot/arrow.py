"""Rows as Arrow tables, with exactly the types that the contract names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa

from flexprice_wallets.records.columns import ColumnType, Table
from flexprice_wallets.records.tables import TABLES

# With the first column Arrow looks for pandas, which takes its time: rather here, while the API is waited for.
pa.array([None])

_ARROW_TYPES: Final[dict[ColumnType, pa.DataType]] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.JSON: pa.string(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.INTEGER: pa.int64(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    ColumnType.AMOUNT: pa.decimal128(28, 9),
    ColumnType.RATE: pa.decimal128(10, 5),
    ColumnType.REAL_TIME: pa.decimal128(38, 16),
}


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a contract table."""
    return pa.schema(
        [
            pa.field(column.name, _ARROW_TYPES[column.type], nullable=column.nullable)
            for column in table.columns
        ]
    )


#: Rows of a table become columns when there are so many: as rows they take many times the memory.
_ROWS_TO_CONVERT: Final = 1000


class RowBuffer:
    """Collects rows of all tables and gives them back as Arrow tables, tens of thousands of rows at a time.

    dlt takes as long for a table of a thousand rows as for one of many. `shared`: values by column that all rows of
    `write` have, whatever they say themselves, in the tables that have the column.
    """

    def __init__(self, capacity: int = 30_000, shared: Mapping[str, Any] | None = None) -> None:
        self._capacity = capacity
        self._shared = shared or {}
        self._schemas = {table.name: arrow_schema(table) for table in TABLES}
        self._rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in TABLES}
        self._converted: dict[str, list[pa.Table]] = {table.name: [] for table in TABLES}
        self._count = 0
        self.written: dict[str, int] = dict.fromkeys(self._rows, 0)

    def write(self, table: str, row: dict[str, Any]) -> None:
        """Add a row; a column that the row lacks is null."""
        rows = self._rows[table]
        rows.append(row)
        self._count += 1
        self.written[table] += 1
        if len(rows) == _ROWS_TO_CONVERT:
            self._convert(table)

    def write_columns(
        self, table: str, columns: Mapping[str, list[Any]], constants: Mapping[str, Any]
    ) -> None:
        """Add rows given by column, at least one; `constants` are the same in all, and what neither names is null."""
        count = len(next(iter(columns.values())))
        arrays = []
        for field in self._schemas[table]:
            if field.name in columns:
                arrays.append(pa.array(columns[field.name], field.type))
            else:
                scalar = pa.scalar(constants.get(field.name), field.type)
                arrays.append(pa.repeat(scalar, count))
        self._converted[table].append(pa.table(arrays, schema=self._schemas[table]))
        self._count += count
        self.written[table] += count

    def drain(
        self, *, is_last: bool = False, at_most: int | None = None
    ) -> Iterator[tuple[str, pa.Table]]:
        """The collected rows by table, if there are enough of them or these are the last.

        Args:
            is_last: no more will come.
            at_most: so many are enough; the capacity where none is given.
        """
        if self._count < (at_most or self._capacity) and not is_last:
            return
        for name, converted in self._converted.items():
            self._convert(name)
            if converted:
                yield name, pa.concat_tables(converted)
                converted.clear()
        self._count = 0

    def _convert(self, name: str) -> None:
        rows, schema = self._rows[name], self._schemas[name]
        if rows:
            columns = [self._column(rows, field) for field in schema]
            self._converted[name].append(pa.table(columns, schema=schema))
            rows.clear()

    def _column(self, rows: list[dict[str, Any]], field: pa.Field) -> pa.Array:
        if field.name in self._shared:
            return pa.repeat(pa.scalar(self._shared[field.name], field.type), len(rows))
        return pa.array(_values(rows, field.name), field.type)


def _values(rows: list[dict[str, Any]], name: str) -> list[Any]:
    try:
        # Of every row, as it nearly always is, in a third of the time.
        return list(map(itemgetter(name), rows))
    except KeyError:
        return [row.get(name) for row in rows]
