"""Turns a customer as the API listed it into a `CustomerRecord`."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.reading import FieldReader, shape_of
from flexprice_wallets.records.records import CustomerRecord, Rejection
from flexprice_wallets.records.unrecognized import unrecognized_members
from flexprice_wallets.records.values import Unreadable, read

_FIELDS: Final = FieldReader(CUSTOMERS.fields)
_SHAPE: Final = shape_of([CUSTOMERS], "id")


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
        row = _FIELDS.read(raw)
    except Unreadable as error:
        return _rejection(raw, customer_id, str(error))
    unrecognized = unrecognized_members(raw, _SHAPE)
    row["unrecognized_fields"] = json_text.canonical(unrecognized) if unrecognized else None
    return CustomerRecord(raw["id"], row)


def _rejection(raw: object, customer_id: str | None, reason: str) -> Rejection:
    return Rejection("customer", "record", reason, customer_id, None, json_text.raw_record(raw))
