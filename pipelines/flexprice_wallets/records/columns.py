"""The vocabulary in which tables are declared: exact column types, columns, fields of the API, tables.

Nothing here imports pyarrow, dlt or duckdb, so that a load can start asking the API before they are loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

#: Takes a decoded JSON value and gives an exact typed one; raises `values.Unreadable`.
Reader = Callable[[Any], Any]
#: What is rejected where a field cannot be read: the whole record, or one group of its fields.
FieldGroup = Literal["record", "settings", "balance", "real_time", "credits_available"]


class ColumnType(Enum):
    """A column's exact type, by the name DuckDB gives it. No member is a binary float."""

    TEXT = "VARCHAR"
    JSON = "JSON"
    BOOLEAN = "BOOLEAN"
    INTEGER = "BIGINT"
    TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
    DATE = "DATE"
    AMOUNT = "DECIMAL(28,9)"
    RATE = "DECIMAL(10,5)"
    REAL_TIME = "DECIMAL(38,16)"
    EXCHANGE_RATE = "DECIMAL(18,10)"


class Compared(Enum):
    """Whether a field makes a difference between two versions."""

    ALWAYS = "always"
    #: The API may leave it out; then it is unknown, which is no change.
    WHERE_GIVEN = "where given"
    #: Recorded, but no version is written for it alone.
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, meaning, and whether a row may lack it."""

    name: str
    type: ColumnType
    comment: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class Field(Column):
    """A column that keeps a field of the API: the one declaration of that field.

    Attributes:
        path: where it stands in the record, with dots between nested names; '' means the column's name. Of several
            paths the first that holds a value counts.
        reader: how it is read; None means the reader of the column's type, which takes no null where the column
            takes none.
        compared: whether it makes a difference between two versions.
        rejects: the group of fields that an unreadable value costs, where it is not that of its table.
    """

    path: str | tuple[str, ...] = ""
    reader: Reader | None = None
    compared: Compared = Compared.ALWAYS
    rejects: FieldGroup | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        paths = (self.path,) if isinstance(self.path, str) else self.path
        return tuple(path or self.name for path in paths)


@dataclass(frozen=True, slots=True)
class OneRow:
    """A row for the object at `path`, whose members the table's fields name; no row where all are null."""

    path: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where the row of one key stands: the object's path, and its member for each column."""

    path: str
    members: dict[str, str]


@dataclass(frozen=True, slots=True)
class RowPerPlace:
    """A row for each of several objects; `key` is the column that names the place."""

    key: str
    places: dict[str, Place]


@dataclass(frozen=True, slots=True)
class RowPerEntry:
    """A row for each word of the list at `path`, or for each member of the object there.

    `key` keeps the word or the member's name, `value` (None for a list) what stands there.
    """

    path: str
    key: str
    value: str | None = None


RowSource = OneRow | RowPerPlace | RowPerEntry


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the raw schema: its grain (the columns that identify a row), meaning and columns.

    `rows`: where its rows stand in a record of the API, for a table with any number of rows per record.
    """

    name: str
    grain: tuple[str, ...]
    comment: str
    columns: tuple[Column, ...]
    rows: RowSource | None = None
    column_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(column.name for column in self.columns)
        object.__setattr__(self, "column_names", names)
        if len(set(names)) != len(names):
            raise ValueError(f"table {self.name} names a column twice")
        if missing := set(self.grain) - set(names):
            raise ValueError(f"table {self.name} has no column {sorted(missing)} of its grain")

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns that keep a field of the API."""
        return tuple(column for column in self.columns if isinstance(column, Field))
