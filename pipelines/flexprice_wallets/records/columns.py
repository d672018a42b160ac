"""The vocabulary in which tables are described: exact column types, columns, tables.

Nothing here imports pyarrow, dlt or duckdb, so that a run can start asking the API before they are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ColumnType(Enum):
    """A column's exact type, by the name DuckDB gives it. No member is a binary float."""

    TEXT = "VARCHAR"
    JSON = "JSON"
    BOOLEAN = "BOOLEAN"
    INTEGER = "BIGINT"
    TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
    AMOUNT = "DECIMAL(28,9)"
    RATE = "DECIMAL(10,5)"
    REAL_TIME = "DECIMAL(38,16)"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, meaning, and whether a row may lack it."""

    name: str
    type: ColumnType
    comment: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the raw schema: its grain (the columns that identify a row), meaning and columns."""

    name: str
    grain: tuple[str, ...]
    comment: str
    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        names = self.column_names
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name} names a column twice")
        if missing := set(self.grain) - set(names):
            raise ValueError(f"table {self.name} has no column {sorted(missing)} of its grain")

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)
