"""Pages of customers and of transactions: limits and the server's orders."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flexprice_emulator.records import Customer
from flexprice_emulator.responses import ApiError
from flexprice_emulator.state import WorldState

DEFAULT_LIMIT = 50
MAXIMUM_LIMIT = 1000

CUSTOMER_FIELDS = ("id", "created_at", "updated_at", "name", "external_id", "email")
_NEWEST_FIRST = (("created_at", True),)

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Page:
    """What a caller asked for; `sort` holds pairs of field and whether it descends."""

    limit: int
    offset: int
    sort: tuple[tuple[str, bool], ...]

    def pagination(self, total: int) -> dict[str, int]:
        """Return the pagination object, whose offset is that of the next page."""
        return {"total": total, "limit": self.limit, "offset": self.offset + self.limit}


def page_of(source: Mapping[str, Any], sortable: tuple[str, ...] = CUSTOMER_FIELDS) -> Page:
    """Read limit, offset and sort of a body or query (ApiError 400 where one is wrong)."""
    limit = _whole_number(source, "limit", DEFAULT_LIMIT)
    offset = _whole_number(source, "offset", 0)
    if not 1 <= limit <= MAXIMUM_LIMIT:
        raise ApiError(400, f"limit must be between 1 and {MAXIMUM_LIMIT}", limit=limit)
    if offset < 0:
        raise ApiError(400, "offset must not be negative", offset=offset)
    return Page(limit, offset, _sort_of(source.get("sort"), sortable))


def listed_customers(state: WorldState, filters: Mapping[str, Any]) -> list[Customer]:
    """Return the customers that the filters let through; published ones unless told otherwise."""
    status = filters.get("status") or "published"
    external_id = filters.get("external_id")
    ids = filters.get("customer_ids")
    return [
        customer
        for customer in state.customers.values()
        if customer.status == status
        and (not external_id or customer.external_id == external_id)
        and (not ids or customer.id in ids)
    ]


def sorted_rows(
    rows: Sequence[_Row], sort: tuple[tuple[str, bool], ...], request_number: int
) -> list[_Row]:
    """Sort rows; equal ones come in another order with every request, as in the database."""
    ordered = list(rows)
    fields = sort or _NEWEST_FIRST
    if all(name != "id" for name, _ in fields):
        random.Random(request_number).shuffle(ordered)
    for name, descending in reversed(fields):
        ordered.sort(key=lambda row: _sortable(getattr(row, name)), reverse=descending)
    return ordered


def _sortable(value: Any) -> tuple[bool, Any]:
    """Return a key that puts what is absent last (first, where the order descends)."""
    return value is None, 0 if value is None else value


def _whole_number(source: Mapping[str, Any], name: str, default: int) -> int:
    value = source.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ApiError(400, f"{name} must be a whole number")
    return value


def _sort_of(value: object, sortable: tuple[str, ...]) -> tuple[tuple[str, bool], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise ApiError(400, "sort must be a list of objects")
    return tuple(_sort_field(entry, sortable) for entry in value)


def _sort_field(entry: Mapping[str, Any], sortable: tuple[str, ...]) -> tuple[str, bool]:
    name, direction = entry.get("field"), entry.get("direction", "desc")
    if name not in sortable:
        raise ApiError(400, "cannot sort by this field", field=str(name))
    if direction not in ("asc", "desc"):
        raise ApiError(400, "direction must be asc or desc", direction=str(direction))
    return str(name), direction == "desc"
