"""Derives from a table's declaration how its rows are read from a record. Derived once, not for each record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
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

_NO_MEMBERS: Final[Record] = {}
_DECIMALS: Final = {ColumnType.AMOUNT, ColumnType.RATE, ColumnType.REAL_TIME}


def reader_of(column: Column) -> Reader:
    """How a value of the column is read."""
    if isinstance(column, Field) and column.reader is not None:
        return column.reader
    optional, required = _READERS[column.type]
    return optional if column.nullable else required


def getter(path: str) -> Callable[[Record], object]:
    """What takes the value at a dotted path out of a record: None where it or anything above it is missing or null.

    It raises `Unreadable`, with the path of what is wrong, where something above the value is no object.
    """
    outer, _, inner = path.partition(".")
    if not inner:
        return lambda record: record.get(outer)

    def members(record: Record) -> Record:
        value = record.get(outer)
        if type(value) is dict:
            return value
        if value is None:
            return _NO_MEMBERS
        raise Unreadable(f"is {values.shown(value)}, not an object", outer)

    if "." not in inner:
        # The usual case, short since it is there for every wallet.
        return lambda record: members(record).get(inner)
    get_inner = getter(inner)

    def get(record: Record) -> object:
        value = members(record)
        try:
            return get_inner(value)
        except Unreadable as error:
            raise error.within(outer) from None

    return get


def reader_at(path: str, reader: Reader) -> Callable[[Record], Any]:
    """What reads the value at a dotted path; it raises `Unreadable` with the path of what cannot be read."""
    get = getter(path)

    def read(record: Record) -> Any:
        value = get(record)
        try:
            return reader(value)
        except Unreadable as error:
            raise error.within(path) from None

    return read


#: A path of a field, and what takes its value out of a record.
_Path = tuple[str, Callable[[Record], object]]


class FieldReader:
    """Reads the fields of one table, or those of them that `fields` names, into values by column."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self._plain: list[tuple[str, str, Reader, bool]] = []
        self._nested: list[tuple[str, list[_Path], Reader]] = []
        for field in fields:
            reader = reader_of(field)
            if len(field.paths) == 1 and "." not in field.paths[0]:
                takes_null = field.reader is None and field.nullable
                if takes_null and field.type in _DECIMALS:
                    reader = _READERS[field.type][1]  # null is not passed on to it
                self._plain.append((field.name, field.paths[0], reader, takes_null))
            else:
                paths = [(path, getter(path)) for path in field.paths]
                self._nested.append((field.name, paths, reader))

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
            row[column] = None
            value = None
            try:
                for name, take in paths:  # noqa: B007 - the last one counts where none holds a value
                    value = take(record)
                    if value is not None:
                        break
            except Unreadable as error:
                problems[name] = error
                continue
            try:
                row[column] = reader(value)
            except Unreadable as error:
                problems[name] = error.within(name)


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
                yield _first(path), self._one_row(path)
            case RowPerEntry(path, key, None):
                yield _first(path), self._row_per_word(path, key)
            case RowPerEntry(path, key, value) if value is not None:
                yield _first(path), self._row_per_member(path, key, value)
            case RowPerPlace(key, places):
                by_name: dict[str, dict[str, Place]] = {}
                for word, place in places.items():
                    by_name.setdefault(_first(place.path), {})[word] = place
                for name, those in by_name.items():
                    yield name, self._row_per_place(key, those)

    def _one_row(self, path: str) -> Callable[[Record], list[Row]]:
        read_members, fields = reader_at(path, values.members), self._fields

        def read(record: Record) -> list[Row]:
            members = read_members(record)
            if not members:
                return []
            try:
                row = fields.read(members)
            except Unreadable as error:
                raise error.within(path) from None
            return [row] if any(value is not None for value in row.values()) else []

        return read

    def _row_per_place(self, key: str, places: dict[str, Place]) -> Callable[[Record], list[Row]]:
        plan = [
            (
                word,
                place.path,
                reader_at(place.path, values.members),
                [(column, name, self._readers[column]) for column, name in place.members.items()],
            )
            for word, place in places.items()
        ]

        def read(record: Record) -> list[Row]:
            rows = []
            for word, path, read_members, columns in plan:
                members = read_members(record)
                if not members:
                    continue
                row: Row = {key: word}
                is_empty = True
                for column, name, reader in columns:
                    try:
                        value = row[column] = reader(members.get(name))
                    except Unreadable as error:
                        raise error.within(f"{path}.{name}") from None
                    is_empty = is_empty and value is None
                if not is_empty:
                    rows.append(row)
            return rows

        return read

    def _row_per_word(self, path: str, key: str) -> Callable[[Record], list[Row]]:
        read_words = reader_at(path, values.id_set)
        return lambda record: [{key: word} for word in read_words(record)]

    def _row_per_member(self, path: str, key: str, value: str) -> Callable[[Record], list[Row]]:
        read_map = reader_at(path, values.map_of(self._readers[key], self._readers[value]))
        return lambda record: [{key: name, value: item} for name, item in read_map(record)]


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
