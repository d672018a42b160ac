"""A customer is taken whole or rejected whole, and named wherever its id can be read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from flexprice_wallets.records import json_text
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.customers import parse_customer
from flexprice_wallets.records.records import CustomerRecord, Rejection
from tests.records.example_records import CONTRACTS, customer

RECORDED_COLUMNS = CUSTOMERS.column_names[CUSTOMERS.column_names.index("external_id") :]


def columns_of(raw: object) -> dict[str, Any]:
    result = parse_customer(raw)
    assert isinstance(result, CustomerRecord), result
    return result.values


@pytest.mark.parametrize("contract", CONTRACTS)
def test_every_column_of_the_table_is_given(contract: str) -> None:
    assert set(columns_of(customer(contract))) == set(RECORDED_COLUMNS)


def test_the_fields_stand_in_their_columns() -> None:
    raw = customer("2026-01")
    columns = columns_of(raw)
    renamed = {
        "record_status": "published",
        "source_created_at": datetime(2025, 12, 1, 8, 0, 0, 500000, UTC),
        "source_updated_at": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "metadata": '{"owner":"zoë","segment":"mid market"}',
        "unrecognized_fields": None,
    }
    for column, value in columns.items():
        assert value == (renamed[column] if column in renamed else raw[column]), column
        assert value is not None or column == "unrecognized_fields"


@pytest.mark.parametrize("nothing", [None, {}])
def test_empty_metadata_is_none(nothing: object) -> None:
    without = customer("2026-08")
    del without["metadata"]
    assert columns_of(without)["metadata"] is None
    assert columns_of(without | {"metadata": nothing}) == columns_of(without)


def test_empty_text_is_none_and_spaces_stay() -> None:
    columns = columns_of(customer("2026-08") | {"email": "", "name": " "})
    assert (columns["email"], columns["name"]) == (None, " ")


def test_unknown_fields_are_kept() -> None:
    raw = customer("2026-08") | {"tier": {"b": 1, "a": json_text.decode(b"1.10")}}
    raw["tier"]["b"] = json_text.decode(b"2.0")
    assert columns_of(raw)["unrecognized_fields"] == '{"tier":{"a":1.1,"b":2}}'


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", None, "id is missing or null"),
        ("id", "", "id is empty"),
        ("id", ["c"], "id is a list, not text"),
        ("tenant_id", None, "tenant_id is missing or null"),
        ("environment_id", "", "environment_id is empty"),
        ("email", True, "email is true, not text"),
        ("name", "\udfff", "name is no valid Unicode"),
        ("metadata", [], "metadata is a list, not an object"),
        ("metadata", {"a": None}, "metadata under 'a' is missing or null, not text"),
        ("metadata", {"a": "\ud800"}, "metadata under 'a' is no valid Unicode"),
        ("created_at", "now", "created_at is the text 'now', not an RFC 3339 time"),
    ],
)
def test_a_bad_field_rejects_the_customer(name: str, value: object, reason: str) -> None:
    raw = customer("2026-08") | {name: value}
    result = parse_customer(raw)
    assert isinstance(result, Rejection)
    assert (result.resource, result.field_group, result.wallet_id) == ("customer", "record", None)
    assert reason in result.reason
    assert result.customer_id == (None if name == "id" else raw["id"])
    assert result.raw_record == json_text.encode(raw)


def test_what_is_no_object_is_rejected() -> None:
    result = parse_customer([])
    assert isinstance(result, Rejection)
    assert (result.reason, result.customer_id) == ("the customer is a list, not an object", None)
