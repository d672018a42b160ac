"""The fields of a customer, each declared once, as `wallet_tables` declares those of a wallet."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import values
from flexprice_wallets.records.columns import Column, ColumnType, Field, Table
from flexprice_wallets.records.key_columns import CUSTOMER_VERSION, RECORD_FIELDS

_TEXT = ColumnType.TEXT

CUSTOMERS: Final = Table(
    "customers",
    ("customer_id", "snapshot_id"),
    "Versions of a customer: a row where it differs from the previous one.",
    (
        *CUSTOMER_VERSION,
        Column(
            "is_listed",
            ColumnType.BOOLEAN,
            "Whether the customer was in the list of customers (an archived one is not).",
            nullable=False,
        ),
        Field("external_id", _TEXT, "The customer's id in the caller's own system."),
        Field("name", _TEXT, "Name of the customer."),
        Field("email", _TEXT, "E-mail address of the customer."),
        Field("contact", _TEXT, "Contact of the customer."),
        Field("address_line1", _TEXT, "Address, first line."),
        Field("address_line2", _TEXT, "Address, second line."),
        Field("address_city", _TEXT, "City of the address."),
        Field("address_state", _TEXT, "State of the address."),
        Field("address_postal_code", _TEXT, "Postal code of the address."),
        Field("address_country", _TEXT, "Country of the address."),
        Field("timezone", _TEXT, "Time zone of the customer; the warehouse's days are UTC."),
        Field(
            "metadata",
            ColumnType.JSON,
            "Free key/value pairs; null where there are none.",
            reader=values.json_map,
        ),
        Field("parent_customer_id", _TEXT, "Parent of this customer (older contract)."),
        Field(
            "record_status",
            _TEXT,
            "The API's status: published, archived or deleted.",
            path="status",
        ),
        *RECORD_FIELDS,
    ),
)
