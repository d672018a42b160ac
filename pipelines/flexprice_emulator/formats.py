"""How numbers, times and JSON are written on the wire.

The Go server of Flexprice writes decimals as plain digits without exponent or trailing zeros
and times as RFC 3339 in UTC with as many decimals as needed (0 to 9).
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

#: Wide enough for numeric(20,9) times numeric(10,5) without any rounding.
EXACT = Context(prec=100, rounding=ROUND_HALF_UP)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encode_text = json.encoder.encode_basestring


class JsonNumber(str):
    """Text that is written into JSON as it stands, as a number and never through a float."""

    __slots__ = ()


class RawJson(JsonNumber):
    """JSON text of any kind, written as it stands."""

    __slots__ = ()


def nested_json(depth: int) -> RawJson:
    """Return a list in a list in a list, so many deep: for fields that nobody can want."""
    return RawJson("[" * depth + "]" * depth)


def decimal_text(value: Decimal) -> str:
    """Return plain digits without exponent and without trailing zeros, e.g. ``"-12.5"``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def nanoseconds(moment: datetime) -> int:
    """Return nanoseconds since 1970 of a time with a time zone (ValueError if it has none)."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return (moment - EPOCH) // _MICROSECOND * 1000


def utc_datetime(nanos: int) -> datetime:
    """Return the UTC time of `nanos` since 1970, cut to whole microseconds."""
    return EPOCH + timedelta(microseconds=nanos // 1000)


def rfc3339(nanos: int) -> str:
    """Return e.g. ``2026-08-01T00:00:00.000000001Z``; decimals only as far as needed."""
    seconds, fraction = divmod(nanos, 1_000_000_000)
    text = datetime.fromtimestamp(seconds, UTC).isoformat()[:19]
    if fraction:
        text += f".{fraction:09d}".rstrip("0")
    return text + "Z"


def parse_rfc3339(text: str) -> datetime:
    """Return the UTC time of an RFC 3339 text (ValueError if it is none)."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs a time zone")
    return moment.astimezone(UTC)


def json_text(value: object) -> str:
    """Return compact JSON of plain data; a Decimal becomes a string, a `JsonNumber` a number."""
    # The standard encoder would write numbers through float: exact digits need this one.
    if isinstance(value, str):
        return str(value) if isinstance(value, JsonNumber) else _encode_text(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, dict):
        pairs = [f"{_encode_text(key)}:{json_text(item)}" for key, item in value.items()]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([json_text(item) for item in value]) + "]"
    if isinstance(value, Decimal):
        return f'"{decimal_text(value)}"'
    if isinstance(value, datetime):
        return f'"{rfc3339(nanoseconds(value))}"'
    return json.dumps(value)
