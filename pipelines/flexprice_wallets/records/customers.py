"""Turns a customer as the API listed it into a `CustomerRecord`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.records import CustomerRecord, Rejection
from flexprice_wallets.records.unrecognized import Shape, unrecognized_members
from flexprice_wallets.records.values import Unreadable, read


def _metadata(value: object) -> str | None:
    pairs = dict(values.text_map(value))
    return json_text.canonical(pairs) if pairs else None


#: The `customers` columns that come from a field of the same record: column to field and reader.
_COLUMNS: Final[Mapping[str, tuple[str, Callable[[object], Any]]]] = {
    "external_id": ("external_id", values.text),
    "name": ("name", values.text),
    "email": ("email", values.text),
    "contact": ("contact", values.text),
    "address_line1": ("address_line1", values.text),
    "address_line2": ("address_line2", values.text),
    "address_city": ("address_city", values.text),
    "address_state": ("address_state", values.text),
    "address_postal_code": ("address_postal_code", values.text),
    "address_country": ("address_country", values.text),
    "timezone": ("timezone", values.text),
    "metadata": ("metadata", _metadata),
    "parent_customer_id": ("parent_customer_id", values.text),
    "record_status": ("status", values.text),
    "tenant_id": ("tenant_id", values.required_id),
    "environment_id": ("environment_id", values.required_id),
    "source_created_at": ("created_at", values.timestamp),
    "source_updated_at": ("updated_at", values.timestamp),
    "created_by": ("created_by", values.text),
    "updated_by": ("updated_by", values.text),
}
_SHAPE: Final = Shape.of(("id", *(name for name, _ in _COLUMNS.values())))


def parse_customer(raw: object) -> CustomerRecord | Rejection:
    """The customer that `raw`, an item of a decoded page, describes, or the `Rejection` of it.

    A rejection names the customer wherever its id could be read, so that its wallets can still be
    asked for.
    """
    if type(raw) is not dict:
        return _rejection(raw, None, f"the customer is {values.shown(raw)}, not an object")
    customer_id = values.readable_id(raw.get("id"))
    try:
        read(raw, "id", values.required_id)
        columns = {column: read(raw, name, reader) for column, (name, reader) in _COLUMNS.items()}
    except Unreadable as error:
        return _rejection(raw, customer_id, str(error))
    unrecognized = unrecognized_members(raw, _SHAPE)
    columns["unrecognized_fields"] = json_text.canonical(unrecognized) if unrecognized else None
    return CustomerRecord(raw["id"], columns)


def _rejection(raw: object, customer_id: str | None, reason: str) -> Rejection:
    return Rejection("customer", "record", reason, customer_id, None, json_text.raw_record(raw))
