"""Readers of single fields: a decoded JSON value in, an exact typed value out.

Every reader raises `Unreadable` with the reason where it cannot, and gives None for null (a field
that is missing is passed as None, too) unless its name begins with `required_`. None of them
rounds, guesses or takes a binary float.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from functools import lru_cache
from typing import Final, TypeVar

from flexprice_wallets.records import json_text
from flexprice_wallets.records.columns import ColumnType
from flexprice_wallets.records.json_text import RepeatedKey, UnreadableNumber

_T = TypeVar("_T")

MAX_ID_LENGTH: Final = 255

_is_decimal_text: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_is_rfc3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
).fullmatch
_MAX_SHOWN: Final = 60
_INTEGER_RANGE: Final = range(-(2**63), 2**63)


class Unreadable(ValueError):
    """A value cannot be taken. As text: the dotted path of the field and why, in ASCII."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path} {reason}" if path else reason)
        self._reason = reason
        self._path = path

    def within(self, name: str) -> Unreadable:
        """The same, for a value found under `name`."""
        return Unreadable(self._reason, f"{name}.{self._path}" if self._path else name)


def shown(value: object) -> str:
    """`value` for a message: what it is, shortened, in ASCII."""
    match value:
        case None:
            return "missing or null"
        case bool():
            return "true" if value else "false"
        case UnreadableNumber() | Decimal():
            return f"the number {_shortened(str(value))}"
        case str():
            return f"the text {printable(value)}"
        case RepeatedKey():
            return "given twice with different values"
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            return f"a {type(value).__name__}"


def printable(text: str) -> str:
    """`text` in quotes, in ASCII, shortened."""
    return ascii(_shortened(text))


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}... ({len(text)} characters)"


def is_storable(text: str) -> bool:
    """Whether `text` is Unicode that a database can hold: no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def required_id(value: object) -> str:
    """An id or a word that cannot be missing: 1 to `MAX_ID_LENGTH` characters, as it came."""
    if type(value) is not str:
        raise Unreadable(f"is {shown(value)}, not text")
    if not value:
        raise Unreadable("is empty")
    if len(value) > MAX_ID_LENGTH:
        raise Unreadable(f"is longer than {MAX_ID_LENGTH} characters: {shown(value)}")
    if not is_storable(value):
        raise Unreadable(f"is no valid Unicode: {shown(value)}")
    return value


def readable_id(value: object) -> str | None:
    """`value` where it can serve as an id, else None."""
    try:
        return required_id(value)
    except Unreadable:
        return None


def text(value: object) -> str | None:
    """Text as it came, white space included; None where empty: the API leaves some of those out."""
    return None if value is None else required_text(value) or None


def required_text(value: object) -> str:
    """Text as it came, which may be empty but not missing."""
    if type(value) is not str:
        raise Unreadable(f"is {shown(value)}, not text")
    if not is_storable(value):
        raise Unreadable(f"is no valid Unicode: {shown(value)}")
    return value


def boolean(value: object) -> bool | None:
    """JSON's true or false and nothing that looks like it."""
    if value is None or value is True or value is False:
        return value
    raise Unreadable(f"is {shown(value)}, not true or false")


def timestamp(value: object) -> datetime | None:
    """An RFC 3339 time of the years 0001 to 9999, in UTC, cut (not rounded) to the microsecond."""
    if value is None:
        return None
    if type(value) is not str:
        raise Unreadable(f"is {shown(value)}, not an RFC 3339 time")
    return _timestamp_of_text(value)


# A record says most of its times twice, and pages of records are put in order by them before they are read.
@lru_cache(maxsize=4096)
def _timestamp_of_text(value: str) -> datetime:
    if _is_rfc3339(value) is None:
        raise Unreadable(f"is {shown(value)}, not an RFC 3339 time")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(f"is {shown(value)}, which no calendar has") from None


def members(value: object) -> dict[str, object]:
    """The members of a JSON object; null and missing have none."""
    if value is None:
        return {}
    if type(value) is not dict:
        raise Unreadable(f"is {shown(value)}, not an object")
    return value


def map_of(
    read_key: Callable[[object], str], read_value: Callable[[object], _T]
) -> Callable[[object], list[tuple[str, _T]]]:
    """The reader of an object with any members: pairs of name and value, sorted by name."""

    def read_map(value: object) -> list[tuple[str, _T]]:
        pairs = []
        for key, item in members(value).items():
            try:
                pairs.append((read_key(key), read_value(item)))
            except Unreadable as error:
                raise Unreadable(f"under {printable(key)} {error}") from None
        return sorted(pairs, key=_name_of_pair)

    return read_map


def _name_of_pair(pair: tuple[str, object]) -> str:
    return pair[0]


def id_set(value: object) -> tuple[str, ...]:
    """A list of words as a set: sorted, each once."""
    if value is None:
        return ()
    if type(value) is not list:
        raise Unreadable(f"is {shown(value)}, not a list")
    try:
        return tuple(sorted({required_id(item) for item in value}))
    except Unreadable as error:
        raise Unreadable(f"has an entry that {error}") from None


def _decimal_readers(
    name: str, precision: int, scale: int
) -> tuple[Callable[[object], Decimal], Callable[[object], Decimal | None]]:
    """The required and the optional reader of `precision` digits, `scale` of them decimals."""
    # Precision bounds the digits after scaling, so one exact `quantize` checks decimals and size at
    # once, however large the exponent. `create_decimal`, unlike `Decimal()`, heeds these traps and
    # not those of the thread that calls.
    exact = Context(prec=precision, traps=[Inexact, InvalidOperation])
    unit = Decimal(1).scaleb(-scale)
    zero = Decimal(0).quantize(unit)

    def required(value: object) -> Decimal:
        if type(value) is str:
            if _is_decimal_text(value) is None:
                raise Unreadable(f"is {shown(value)}, not a plain decimal number")
        elif type(value) is not Decimal:
            raise Unreadable(f"is {shown(value)}, not a number")
        try:
            number = value if type(value) is Decimal else exact.create_decimal(value)
            # Zero is replaced since a negative one would differ as text.
            return exact.quantize(number, unit) or zero
        except DecimalException:
            raise Unreadable(f"is {shown(value)}, which does not fit {name} exactly") from None

    def optional(value: object) -> Decimal | None:
        return None if value is None else required(value)

    return required, optional


def _column_readers(
    column_type: ColumnType,
) -> tuple[Callable[[object], Decimal], Callable[[object], Decimal | None]]:
    precision, scale = re.findall(r"[0-9]+", column_type.value)
    return _decimal_readers(column_type.value, int(precision), int(scale))


required_amount, amount = _column_readers(ColumnType.AMOUNT)
required_rate, rate = _column_readers(ColumnType.RATE)
required_real_time, real_time = _column_readers(ColumnType.REAL_TIME)
_, _whole_number = _decimal_readers("a whole number of 64 bits", 19, 0)


def integer(value: object) -> int | None:
    """A whole number of 64 bits, sent as a number or as decimal text."""
    number = _whole_number(value)
    if number is None:
        return None
    if int(number) not in _INTEGER_RANGE:
        raise Unreadable(f"is {shown(value)}, which does not fit 64 bits")
    return int(number)


def required(reader: Callable[[object], _T | None]) -> Callable[[object], _T]:
    """The reader that takes what `reader` takes, but no null."""

    def read_required(value: object) -> _T:
        result = reader(value)
        if result is None:
            raise Unreadable(f"is {shown(value)}")
        return result

    return read_required


required_boolean = required(boolean)
required_timestamp = required(timestamp)
required_integer = required(integer)
_ONLY_TEXT: Final = frozenset({str})
_text_map = map_of(required_text, required_text)


def json_map(value: object) -> str | None:
    """A map of text to text as canonical JSON text; None where it is empty."""
    if type(value) is dict and _ONLY_TEXT.issuperset(map(type, value.values())):
        text = json_text.canonical_map(value)
        # Checked at once: a database takes all ASCII.
        if text.isascii():
            return text if value else None
    pairs = dict(_text_map(value))
    return json_text.canonical_map(pairs) if pairs else None


def read(record: dict[str, object], name: str, reader: Callable[[object], _T]) -> _T:
    """The field `name` of `record` as `reader` takes it.

    Raises:
        Unreadable: with the field's name in its path.
    """
    try:
        return reader(record.get(name))
    except Unreadable as error:
        raise error.within(name) from None
