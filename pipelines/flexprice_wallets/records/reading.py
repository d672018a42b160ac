"""Derives from a table's declaration how its rows are read from a record. Derived once, not for each record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final

from flexprice_wallets.records import values
from flexprice_wallets.records.columns import (
    Column,
    ColumnType,
    Field,
    OneRow,
    Place,
    Reader,
    RowPerEntry,
    RowPerPlace,
    Table,
)
from flexprice_wallets.records.unrecognized import Shape
from flexprice_wallets.records.values import Unreadable

Record = dict[str, object]
Row = dict[str, Any]
#: Why fields cannot be read, by the path under which that is reported.
Problems = dict[str, Unreadable]

#: The reader of a column that may be null, and of one that may not.
_READERS: Final[dict[ColumnType, tuple[Reader, Reader]]] = {
    ColumnType.TEXT: (values.text, values.required_id),
    ColumnType.BOOLEAN: (values.boolean, values.required_boolean),
    ColumnType.INTEGER: (values.integer, values.required_integer),
    ColumnType.TIMESTAMP: (values.timestamp, values.required_timestamp),
    ColumnType.AMOUNT: (values.amount, values.required_amount),
    ColumnType.RATE: (values.rate, values.required_rate),
    ColumnType.REAL_TIME: (values.real_time, values.required_real_time),
}


def reader_of(column: Column) -> Reader:
    """How a value of the column is read."""
    if isinstance(column, Field) and column.reader is not None:
        return column.reader
    optional, required = _READERS[column.type]
    return optional if column.nullable else required


def value_at(record: Record, path: str) -> object:
    """What stands at a dotted path; None where it or anything above it is missing or null.

    Raises:
        Unreadable: where something above it is no object.
    """
    *above, name = path.split(".")
    for depth, outer in enumerate(above, start=1):
        value = record.get(outer)
        if value is None:
            return None
        if type(value) is not dict:
            raise Unreadable(f"is {values.shown(value)}, not an object", ".".join(above[:depth]))
        record = value
    return record.get(name)


def read_at(record: Record, path: str, reader: Callable[[Any], Any]) -> Any:
    """What `reader` makes of the value at a dotted path.

    Raises:
        Unreadable: with the path of what cannot be read.
    """
    value = value_at(record, path)
    try:
        return reader(value)
    except Unreadable as error:
        raise error.within(path) from None


class FieldReader:
    """Reads the fields of one table, or those of them that `fields` names, into values by column."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._plain: list[tuple[str, str, Reader, bool]] = []
        self._nested: list[tuple[str, tuple[str, ...], Reader]] = []
        for field in fields:
            reader = reader_of(field)
            if len(field.paths) == 1 and "." not in field.paths[0]:
                takes_null = field.reader is None and field.nullable
                self._plain.append((field.name, field.paths[0], reader, takes_null))
            else:
                self._nested.append((field.name, field.paths, reader))

    def read(self, record: Record) -> Row:
        """The values of all fields.

        Raises:
            Unreadable: with the path of the first that cannot be read.
        """
        row: Row = {}
        problems: Problems = {}
        self.read_each(record, row, problems)
        for problem in problems.values():
            raise problem
        return row

    def read_each(self, record: Record, row: Row, problems: Problems) -> None:
        """Read the fields into `row`; one that cannot be read is None there, and in `problems` by its path."""
        get = record.get
        for column, name, reader, takes_null in self._plain:
            value = get(name)
            if value is None and takes_null:
                row[column] = None
                continue
            try:
                row[column] = reader(value)
            except Unreadable as error:
                row[column] = None
                problems[name] = error.within(name)
        for column, paths, reader in self._nested:
            path = paths[-1]
            try:
                path = next((path for path in paths if value_at(record, path) is not None), path)
                row[column] = read_at(record, path, reader)
            except Unreadable as error:
                row[column] = None
                problems[path] = error


class RowReader:
    """Reads the rows of a table that has any number of them per record.

    `problem_names`: the names under which its unreadable parts are reported.
    """

    def __init__(self, table: Table) -> None:
        self._source = table.rows
        self._readers = {column.name: reader_of(column) for column in table.columns}
        self._fields = FieldReader(table.fields)
        self._parts: dict[str, Callable[[Record], list[Row]]] = dict(self._read_parts())
        self.problem_names = tuple(self._parts)
        self._key = None if isinstance(table.rows, OneRow | None) else table.rows.key

    def read(self, record: Record) -> list[Row]:
        """The rows, sorted by their key.

        Raises:
            Unreadable: where any of them cannot be read.
        """
        problems: Problems = {}
        rows = self.read_each(record, problems)
        for problem in problems.values():
            raise problem
        return rows

    def read_each(self, record: Record, problems: Problems) -> list[Row]:
        """The rows, sorted by their key; none where a part cannot be read, which is then in `problems` by its name."""
        rows: list[Row] = []
        is_whole = True
        for name, read in self._parts.items():
            if record.get(name) is None:
                continue
            try:
                rows += read(record)
            except Unreadable as error:
                problems[name] = error
                is_whole = False
        if not is_whole:
            return []
        if len(rows) > 1:
            key = self._key
            rows.sort(key=lambda row: row[key])  # type: ignore[index]  # only a table with a key has several rows
        return rows

    def _read_parts(self) -> Iterator[tuple[str, Callable[[Record], list[Row]]]]:
        match self._source:
            case OneRow(path):
                yield _first(path), partial(self._one_row, path)
            case RowPerEntry(path, _, None):
                yield _first(path), partial(self._row_per_word, path)
            case RowPerEntry(path):
                yield _first(path), partial(self._row_per_member, path)
            case RowPerPlace(_, places):
                by_name: dict[str, dict[str, Place]] = {}
                for key, place in places.items():
                    by_name.setdefault(_first(place.path), {})[key] = place
                for name, those in by_name.items():
                    yield name, partial(self._row_per_place, those)

    def _one_row(self, path: str, record: Record) -> list[Row]:
        members = read_at(record, path, values.members)
        if not members:
            return []
        try:
            row = self._fields.read(members)
        except Unreadable as error:
            raise error.within(path) from None
        return [row] if any(value is not None for value in row.values()) else []

    def _row_per_place(self, places: dict[str, Place], record: Record) -> list[Row]:
        assert isinstance(self._source, RowPerPlace)
        rows = []
        for key, place in places.items():
            row: Row = {self._source.key: key}
            for column, member in place.members.items():
                row[column] = read_at(record, f"{place.path}.{member}", self._readers[column])
            if any(row[column] is not None for column in place.members):
                rows.append(row)
        return rows

    def _row_per_word(self, path: str, record: Record) -> list[Row]:
        assert isinstance(self._source, RowPerEntry)
        key = self._source.key
        return [{key: word} for word in read_at(record, path, values.id_set)]

    def _row_per_member(self, path: str, record: Record) -> list[Row]:
        assert isinstance(self._source, RowPerEntry)
        assert self._source.value is not None
        key, value = self._source.key, self._source.value
        read_entry = values.map_of(self._readers[key], self._readers[value])
        return [{key: name, value: item} for name, item in read_at(record, path, read_entry)]


def shape_of(tables: Iterable[Table], *others: str) -> Shape:
    """Every path that the tables' fields and rows read, and the `others`: what else a record holds is unrecognized."""
    paths = [*others]
    for table in tables:
        match table.rows:
            case None:
                paths += [path for field in table.fields for path in field.paths]
            case OneRow(path):
                paths += [f"{path}.{inner}" for field in table.fields for inner in field.paths]
            case RowPerEntry(path):
                paths.append(path)
            case RowPerPlace(_, places):
                paths += [
                    f"{place.path}.{name}"
                    for place in places.values()
                    for name in place.members.values()
                ]
    return Shape.of_paths(paths)


def _first(path: str) -> str:
    return path.partition(".")[0]
