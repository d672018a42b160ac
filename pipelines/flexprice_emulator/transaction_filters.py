"""The filters of a search of transactions, with what the server ignores in silence."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from flexprice_emulator.formats import nanoseconds, parse_rfc3339
from flexprice_emulator.records import Transaction
from flexprice_emulator.responses import ApiError

Condition = Callable[[Transaction], bool]
#: First and last time in nanoseconds, both inclusive; None is open.
TimeBounds = tuple[int | None, int | None]

#: Fields of the body that must equal a column.
_EQUALS = ("type", "transaction_status", "transaction_reason", "priority", "created_by")
_INDEXED = ("updated_at", "created_at")
_TIMES = (*_INDEXED, "expiry_date")
_NUMBERS = (
    "amount",
    "credit_amount",
    "credit_balance_before",
    "credit_balance_after",
    "credits_available",
    "conversion_rate",
    "topup_conversion_rate",
    "priority",
)
_OPERATORS = (
    *("eq", "contains", "not_contains", "gt", "gte", "lt", "lte"),
    *("in", "not_in", "before", "after"),
)
_FIELDS = frozenset(Transaction.__slots__) - {"completed_at"} | {"tenant_id", "environment_id"}
_SMALLEST_NS = 1


def conditions_of(body: Mapping[str, Any]) -> Iterator[Condition]:
    """Yield the conditions of a body but those on times that there is an index of."""
    status = body.get("status") or "published"
    if status != "published":
        yield lambda row: row.status == status
    for name in _EQUALS:
        if body.get(name) is not None:
            yield _equals(name, body[name])
    # Only the two together are a filter.
    if body.get("reference_type") is not None and body.get("reference_id") is not None:
        yield _equals("reference_type", body["reference_type"])
        yield _equals("reference_id", body["reference_id"])
    if (least := body.get("credits_available_gt")) is not None:
        yield _exceeds("credits_available", _number(least, "credits_available_gt"))
    before, after = body.get("expiry_date_before"), body.get("expiry_date_after")
    if before is not None or after is not None:
        yield _within(
            "expiry_date",
            None if after is None else _time(after, "expiry_date_after"),
            None if before is None else _time(before, "expiry_date_before"),
        )
    for field, operator, value in _filters_of(body):
        is_bound = operator in ("after", "before", "eq") and value.get("date") is not None
        if field not in _INDEXED or not is_bound:
            condition = _condition(field, operator, value)
            if condition is not None:
                yield condition


def time_bounds_of(body: Mapping[str, Any]) -> dict[str, TimeBounds]:
    """Return the bounds on `updated_at` and `created_at` (ApiError 400 where one is wrong)."""
    bounds: dict[str, list[TimeBounds]] = {name: [] for name in _INDEXED}
    start, end = body.get("start_time"), body.get("end_time")
    first = None if start is None else _time(start, "start_time")
    last = None if end is None else _time(end, "end_time")
    if first is not None and last is not None and last < first:
        raise ApiError(400, "end_time must be after start_time")
    bounds["created_at"].append((first, last))
    for field, operator, value in _filters_of(body):
        if field in _INDEXED and (moment := value.get("date")) is not None:
            nanos = _time(moment, field)
            if operator == "after":
                bounds[field].append((nanos + _SMALLEST_NS, None))
            elif operator == "before":
                bounds[field].append((None, nanos - _SMALLEST_NS))
            elif operator == "eq":
                bounds[field].append((nanos, nanos))
    return {
        name: (
            max((low for low, _ in each if low is not None), default=None),
            min((high for _, high in each if high is not None), default=None),
        )
        for name, each in bounds.items()
    }


def narrowed_to(body: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Return an id column and the ids that a filter restricts it to: few rows can match."""
    for field, operator, value in _filters_of(body):
        if field in ("wallet_id", "customer_id", "id") and operator == "in":
            wanted = value.get("array")
            if isinstance(wanted, list) and wanted:
                return field, list(dict.fromkeys(map(str, wanted)))
    return None


def _filters_of(body: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    filters = body.get("filters") or []
    if not isinstance(filters, list):
        raise ApiError(400, "filters must be a list of objects")
    for entry in filters:
        if not isinstance(entry, dict) or not isinstance(entry.get("value") or {}, dict):
            raise ApiError(400, "a filter must be an object with field, operator and value")
        field, operator = entry.get("field"), entry.get("operator")
        if field not in _FIELDS:
            raise ApiError(400, "unknown field", field=str(field))
        if operator not in _OPERATORS:
            raise ApiError(400, "unknown operator", operator=str(operator))
        yield str(field), str(operator), entry.get("value") or {}


def _condition(field: str, operator: str, value: Mapping[str, Any]) -> Condition | None:
    """Return a filter's condition, or None where the server ignores the filter.

    Each operator looks for its own kind of value: a number compared with ``gt``, a time with
    ``after``. Where that is missing the filter is dropped without an error.
    """
    if field in ("tenant_id", "environment_id"):
        return None
    if operator in ("in", "not_in"):
        wanted = value.get("array") or []
        if not isinstance(wanted, list):
            raise ApiError(400, "array must be a list")
        return _among(field, frozenset(map(str, wanted)), operator == "in") if wanted else None
    if operator in ("gt", "gte", "lt", "lte"):
        if value.get("number") is None:
            return None
        return _compares(field, operator, _number(value["number"], field))
    if operator in ("before", "after"):
        if value.get("date") is None:
            return None
        moment = _time(value["date"], field)
        if operator == "after":
            return _within(field, moment + _SMALLEST_NS, None)
        return _within(field, None, moment - _SMALLEST_NS)
    if operator == "eq":
        return _equals_any(field, value)
    text = value.get("string")
    return None if text is None else _contains(field, str(text), operator == "contains")


def _equals(name: str, wanted: object) -> Condition:
    return lambda row: getattr(row, name) == wanted


def _equals_any(field: str, value: Mapping[str, Any]) -> Condition | None:
    for kind in ("string", "number", "boolean", "date"):
        if (wanted := value.get(kind)) is not None:
            if field in _TIMES:
                moment = _time(wanted, field)
                return _within(field, moment, moment)
            if field in _NUMBERS:
                number = _number(wanted, field)
                return lambda row: (
                    getattr(row, field) is not None and (Decimal(getattr(row, field)) == number)
                )
            return _equals(field, wanted)
    return None


def _exceeds(field: str, least: Decimal) -> Condition:
    return lambda row: bool(getattr(row, field) > least)


def _compares(field: str, operator: str, number: Decimal) -> Condition:
    if field not in _NUMBERS:
        raise ApiError(400, "this field is no number", field=field)
    tests: dict[str, Callable[[Decimal], bool]] = {
        "gt": lambda actual: actual > number,
        "gte": lambda actual: actual >= number,
        "lt": lambda actual: actual < number,
        "lte": lambda actual: actual <= number,
    }
    test = tests[operator]
    return lambda row: getattr(row, field) is not None and test(Decimal(getattr(row, field)))


def _within(field: str, first: int | None, last: int | None) -> Condition:
    if field not in _TIMES:
        raise ApiError(400, "this field is no time", field=field)

    def holds(row: Transaction) -> bool:
        moment = getattr(row, field)
        if moment is None:
            return False
        return (first is None or moment >= first) and (last is None or moment <= last)

    return holds


def _among(field: str, wanted: frozenset[str], is_in: bool) -> Condition:
    return lambda row: (str(getattr(row, field)) in wanted) == is_in


def _contains(field: str, text: str, is_in: bool) -> Condition:
    folded = text.casefold()
    return lambda row: (folded in str(getattr(row, field) or "").casefold()) == is_in


def _number(value: object, name: str) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ApiError(400, f"{name} must be a number") from None


def _time(value: object, name: str) -> int:
    try:
        moment: datetime = parse_rfc3339(str(value))
    except ValueError:
        raise ApiError(400, f"{name} must be an RFC 3339 time") from None
    return nanoseconds(moment)
