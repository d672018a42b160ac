"""JSON with exact numbers: text in, text out, never a binary float.

What other decoders lose is kept: a number becomes a `Decimal` with all its digits, one that is none
(a bare NaN, an endless exponent) an `UnreadableNumber`, and the values of a key that an object has
twice a `RepeatedKey`. Readers of fields take neither of the latter two, so that such a thing costs
one field and not the whole answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal, DecimalException
from typing import Final

MAX_RAW_LENGTH: Final = 1_000_000
_MAX_PLAIN_EXPONENT: Final = 40

_WHITE_SPACE: Final = re.compile(r"[ \t\n\r]*")
_encode_string_ascii: Final = json.encoder.encode_basestring_ascii
_encode_string: Final = json.encoder.encode_basestring


class JsonError(ValueError):
    """The bytes are not one JSON text in UTF-8. The message says what is wrong."""


class UnreadableNumber(str):
    """The text of a bare number that no `Decimal` can hold; encoded as a JSON string."""

    __slots__ = ()


class RepeatedKey(list[object]):
    """The differing values that one object gave for one key; encoded as a JSON list."""

    __slots__ = ()


def decode(body: bytes) -> object:
    """What the JSON text `body` says: dict, list, str, bool, None, and `Decimal` for every number.

    Raises:
        JsonError: `body` is not UTF-8, not JSON, cut short, or nested too deeply.
    """
    try:
        return _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start} of {len(body)}") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise JsonError("JSON nested too deeply") from None


def items_of(body: bytes, name: str) -> Iterator[object]:
    """The items of the list that the object `body` holds under `name`, each decoded when it is asked for.

    Raises:
        JsonError: as `decode`, once that place is reached, or there is no such list.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start} of {len(body)}") from None
    reader = _Reader(text)
    found = False
    for key in reader.members():
        if key == name and reader.is_at("["):
            found = True
            yield from reader.elements()
        else:
            reader.value()
    reader.end()
    if not found:
        raise JsonError(f"no list of {name}")


def encode(value: object) -> str:
    """`value` as JSON text in ASCII: keys in the order they came, numbers with all their digits."""
    return _encode(value, canonical=False)


def canonical(value: object) -> str:
    """`value` as JSON text that is the same for equal values.

    Keys are sorted, numbers written without trailing zeros. Half of a surrogate pair, which no
    database takes as JSON, is replaced by its visible escape.
    """
    return _encode(value, canonical=True)


def canonical_map(pairs: dict[str, str]) -> str:
    """What `canonical` gives for a map of texts that a database takes, in a fraction of the time."""
    members = [f"{_encode_string(key)}:{_encode_string(pairs[key])}" for key in sorted(pairs)]
    return "{" + ",".join(members) + "}"


def flattened(value: object, levels: int = 100) -> object:
    """`value` with what is nested deeper than so many levels as its JSON text, so that nothing is lost."""
    if isinstance(value, dict):
        if levels == 0:
            return encode(value)
        return {key: flattened(item, levels - 1) for key, item in value.items()}
    if isinstance(value, RepeatedKey):
        return RepeatedKey(flattened(item, levels) for item in value)
    if isinstance(value, list):
        return encode(value) if levels == 0 else [flattened(item, levels - 1) for item in value]
    return value


def raw_record(value: object) -> str:
    """`value` as a rejection keeps it: what `encode` gives, cut with a mark if it is too long."""
    text = encode(value)
    if len(text) <= MAX_RAW_LENGTH:
        return text
    return f"{text[:MAX_RAW_LENGTH]} [cut: {len(text)} characters in all]"


def _number(text: str) -> object:
    try:
        number = Decimal(text)
    except DecimalException:
        return UnreadableNumber(text)
    # A caller's decimal context without traps gives NaN instead of raising.
    return number if number.is_finite() else UnreadableNumber(text)


def _object(members: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(members)
    return result if len(result) == len(members) else _object_with_repeated_keys(members)


def _object_with_repeated_keys(members: list[tuple[str, object]]) -> dict[str, object]:
    groups: dict[str, list[object]] = {}
    for key, value in members:
        groups.setdefault(key, []).append(value)
    return {
        key: values[0] if all(value == values[0] for value in values) else RepeatedKey(values)
        for key, values in groups.items()
    }


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_number,
    parse_int=_number,
    parse_constant=UnreadableNumber,
)


class _Reader:
    """Reads a JSON text from its beginning to its end, a piece at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def is_at(self, character: str) -> bool:
        """Whether that comes next, white space aside."""
        self._position = _after_space(self._text, self._position)
        return self._text.startswith(character, self._position)

    def value(self) -> object:
        """The value that comes next."""
        self._position = _after_space(self._text, self._position)
        try:
            value, self._position = _DECODER.raw_decode(self._text, self._position)
        except json.JSONDecodeError as error:
            raise JsonError(f"not JSON: {error.msg} at character {error.pos}") from None
        except RecursionError:
            raise JsonError("JSON nested too deeply") from None
        return value

    def members(self) -> Iterator[object]:
        """The keys of the object that comes next; the caller reads the value after each."""
        for _ in self._between("{", "}"):
            key = self.value()
            self._skip(":")
            yield key

    def elements(self) -> Iterator[object]:
        """The values of the list that comes next."""
        for _ in self._between("[", "]"):
            yield self.value()

    def end(self) -> None:
        """Nothing may follow."""
        if not self.is_at("") or self._position != len(self._text):
            raise JsonError(f"not JSON: extra data at character {self._position}")

    def _between(self, first: str, last: str) -> Iterator[None]:
        self._skip(first)
        if not self.is_at(last):
            yield
            while self.is_at(","):
                self._skip(",")
                yield
        self._skip(last)

    def _skip(self, character: str) -> None:
        if not self.is_at(character):
            raise JsonError(f"not JSON: expecting {character!r} at character {self._position}")
        self._position += 1


def _after_space(text: str, position: int) -> int:
    match = _WHITE_SPACE.match(text, position)
    assert match is not None, "no white space is white space, too"
    return match.end()


class _Token(str):
    """A piece of finished JSON text among values that are still to be encoded."""

    __slots__ = ()


def _encode(value: object, *, canonical: bool) -> str:
    # A stack of its own: what the decoder can nest is too deep for functions that call themselves.
    done: list[str] = []
    ahead: list[object] = [value]
    while ahead:
        item = ahead.pop()
        if isinstance(item, _Token):
            done.append(item)
        elif isinstance(item, dict):
            ahead.extend(reversed(_object_parts(item, canonical)))
        elif isinstance(item, list):
            ahead.extend(reversed(_list_parts(item)))
        else:
            done.append(_encode_scalar(item, canonical))
    return "".join(done)


def _object_parts(members: dict[str, object], canonical: bool) -> list[object]:
    parts: list[object] = []
    for key in sorted(members) if canonical else members:
        parts += (_Token("," if parts else "{"), key, _Token(":"), members[key])
    parts.append(_Token("}" if parts else "{}"))
    return parts


def _list_parts(items: list[object]) -> list[object]:
    parts: list[object] = []
    for item in items:
        parts += (_Token("," if parts else "["), item)
    parts.append(_Token("]" if parts else "[]"))
    return parts


def _encode_scalar(value: object, canonical: bool) -> str:
    if isinstance(value, str):
        if canonical:
            return _encode_string(value.encode("utf-8", "backslashreplace").decode())
        return _encode_string_ascii(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _canonical_number(value) if canonical else str(value)
    raise TypeError(f"no JSON value: {type(value).__name__}")


def _canonical_number(value: Decimal) -> str:
    """The same text for equal numbers: plain digits where those are few, else an exponent."""
    # Spelt out by hand: every arithmetic operation would round to the precision of a context.
    sign, digits, exponent = value.as_tuple()
    if not value or not isinstance(exponent, int):
        return "0"
    all_digits = "".join(map(str, digits))
    significant = all_digits.rstrip("0")
    exponent += len(all_digits) - len(significant)
    minus = "-" if sign else ""
    if 0 <= exponent <= _MAX_PLAIN_EXPONENT:
        return f"{minus}{significant}{'0' * exponent}"
    if -_MAX_PLAIN_EXPONENT <= exponent < 0:
        padded = significant.rjust(1 - exponent, "0")
        return f"{minus}{padded[:exponent]}.{padded[exponent:]}"
    return f"{minus}{significant}e{exponent}"
