"""A transaction is taken whole, every field exactly, or rejected whole."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from flexprice_wallets.records import json_text
from flexprice_wallets.records.fingerprints import Fingerprint, transaction_fingerprints
from flexprice_wallets.records.records import Rejection, Row, Transactions
from flexprice_wallets.records.transaction_tables import WALLET_TRANSACTIONS
from flexprice_wallets.records.transactions import parse_transaction, parse_transactions

BODY = b"""{
    "id": "wtxn_1", "wallet_id": "wallet_1", "customer_id": "cust_1", "type": "debit",
    "amount": "6.250000001", "credit_amount": "12.500000002", "credit_balance_before": "40", "credit_balance_after":
    "27.499999998", "transaction_status": "completed", "reference_type": "INVOICE", "reference_id": "inv_1",
    "description": "Usage of May", "metadata": {"b": "2", "a": "1"}, "expiry_date": "2026-09-01T00:00:00Z",
    "credits_available": 0, "transaction_reason": "INVOICE_PAYMENT", "priority": 3, "currency": "usd",
    "conversion_rate": "0.5", "topup_conversion_rate": "0.25", "parent_transaction_id": "wtxn_0",
    "idempotency_key": "key_1", "environment_id": "env_1", "tenant_id": "tenant_1", "status": "published",
    "created_at": "2026-05-01T10:00:00.123456Z", "updated_at": "2026-05-02T10:00:00.654321Z",
    "created_by": "system", "updated_by": "somebody"
}"""
_OURS = {
    "snapshot_id",
    "snapshot_at",
    "observed_at",
    "version_hash",
}


def raw(**changes: Any) -> dict[str, Any]:
    record = json_text.decode(BODY)
    assert isinstance(record, dict)
    return {**record, **changes}


def taken(**changes: Any) -> Row:
    result = parse_transaction(raw(**changes))
    assert isinstance(result, dict), result
    return result


def fingerprint(row: Row) -> bytes:
    [result] = transaction_fingerprints(by_column([row]))
    return result


def by_column(rows: list[Row]) -> Transactions:
    return Transactions({name: [row[name] for row in rows] for name in rows[0]})


def test_every_field_stands_exactly_in_its_column() -> None:
    row = taken()
    assert row == {
        "transaction_id": "wtxn_1",
        "wallet_id": "wallet_1",
        "customer_id": "cust_1",
        "transaction_type": "debit",
        "transaction_status": "completed",
        "transaction_reason": "INVOICE_PAYMENT",
        "record_status": "published",
        "currency": "usd",
        "credit_amount": Decimal("12.500000002"),
        "amount": Decimal("6.250000001"),
        "credit_balance_before": Decimal(40),
        "credit_balance_after": Decimal("27.499999998"),
        "credits_available": Decimal(0),
        "conversion_rate": Decimal("0.5"),
        "topup_conversion_rate": Decimal("0.25"),
        "expires_at": datetime(2026, 9, 1, tzinfo=UTC),
        "priority": 3,
        "reference_type": "INVOICE",
        "reference_id": "inv_1",
        "parent_transaction_id": "wtxn_0",
        "idempotency_key": "key_1",
        "description": "Usage of May",
        "metadata": '{"a":"1","b":"2"}',
        "source_created_at": datetime(2026, 5, 1, 10, 0, 0, 123456, UTC),
        "source_updated_at": datetime(2026, 5, 2, 10, 0, 0, 654321, UTC),
        "tenant_id": "tenant_1",
        "environment_id": "env_1",
        "created_by": "system",
        "updated_by": "somebody",
        "unrecognized_fields": None,
    }
    assert {*row} | _OURS == {*WALLET_TRANSACTIONS.column_names}


@pytest.mark.parametrize(
    "name",
    [
        "expiry_date",
        "priority",
        "conversion_rate",
        "topup_conversion_rate",
        "parent_transaction_id",
    ],
)
def test_what_a_transaction_can_lack_is_null(name: str) -> None:
    record = raw()
    del record[name]
    assert parse_transaction(record) == taken(**{name: None})


def test_unknown_fields_are_kept() -> None:
    assert taken(colour="blue")["unrecognized_fields"] == '{"colour":"blue"}'


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("id", "", "id is empty"),
        ("wallet_id", None, "wallet_id is missing or null"),
        ("customer_id", Decimal(7), "customer_id is the number 7, not text"),
        ("type", None, "type is missing or null, not text"),
        ("transaction_status", "", "transaction_status is empty"),
        ("currency", None, "currency is missing or null"),
        ("amount", None, "amount is missing or null"),
        ("credit_amount", "1.0000000001", "does not fit DECIMAL(28,9) exactly"),
        ("credit_balance_before", "1,5", "not a plain decimal number"),
        ("credit_balance_after", True, "credit_balance_after is true, not a number"),
        ("credits_available", None, "credits_available is missing or null"),
        ("conversion_rate", "0.000001", "does not fit DECIMAL(10,5) exactly"),
        ("expiry_date", "tomorrow", "expiry_date is the text 'tomorrow', not an RFC 3339 time"),
        ("created_at", None, "created_at is missing or null"),
        ("updated_at", None, "updated_at is missing or null"),
        ("metadata", [], "metadata is a list, not an object"),
        ("tenant_id", None, "tenant_id is missing or null"),
    ],
)
def test_one_bad_field_costs_the_transaction(name: str, value: object, reason: str) -> None:
    result = parse_transaction(raw(**{name: value}))
    assert isinstance(result, Rejection)
    assert reason in result.reason
    assert (result.resource, result.field_group) == ("transaction", "record")
    expected: dict[str, str | None] = {
        "transaction_id": "wtxn_1",
        "wallet_id": "wallet_1",
        "customer_id": "cust_1",
    }
    expected |= {"transaction_id" if name == "id" else name: None} if name.endswith("id") else {}
    for column in ("transaction_id", "wallet_id", "customer_id"):
        assert getattr(result, column) == expected[column]
    assert '"INVOICE_PAYMENT"' in result.raw_record


@pytest.mark.parametrize("value", [None, "wtxn_1", ["wtxn_1"]])
def test_what_is_no_object_is_rejected(value: object) -> None:
    result = parse_transaction(value)
    assert isinstance(result, Rejection)
    assert "not an object" in result.reason


@pytest.mark.parametrize("name", sorted(raw()))
@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "x", "1", "1.50", "-0", "1e2", "NaN", "1_0", " 1", "\ud800", "é", "y" * 256),
        *("2026-05-01T10:00:00.123456789+02:00", "2026-02-30T00:00:00Z"),
        *(True, False, Decimal(1), Decimal("0.1"), ["1"], {}, {"a": "1"}, {"a": Decimal(1)}),
    ],
)
def test_a_page_is_read_as_its_records_one_by_one(name: str, value: Any) -> None:
    page: list[object] = [raw(), raw(**{name: value}), raw(colour="blue"), *[raw()] * 5]
    assert_read_as_one_by_one(page)


def test_a_page_of_readable_records_is_read_as_they_are_one_by_one() -> None:
    values: dict[str, Any] = {
        "amount": Decimal("1.5"),
        "credits_available": "-0.000",
        "metadata": {"é": "\n", "a": '"'},
        "expiry_date": "2026-05-01T10:00:00.123456789+02:00",
        "description": "",
        "priority": "7",
    }
    page: list[object] = [raw(), *(raw(**{name: value}) for name, value in values.items())]
    assert_read_as_one_by_one(page)
    assert_read_as_one_by_one([*page, raw(colour={"deep": Decimal("1.0")})])
    transactions, rejected = parse_transactions(page)
    assert (len(transactions), rejected) == (len(page), [])


def test_a_page_with_something_that_is_no_object_keeps_the_rest() -> None:
    assert_read_as_one_by_one([raw(), None, raw(id="wtxn_2"), "wtxn_3"])
    assert_read_as_one_by_one([None])
    assert_read_as_one_by_one([])


def assert_read_as_one_by_one(page: list[object]) -> None:
    """What a page gives, its fingerprints too, is what its records give; told by text, unlike equality, 1 from 1.0."""
    transactions, rejected = parse_transactions(page)
    each = [parse_transaction(record) for record in page]
    rows = [row for row in each if not isinstance(row, Rejection)]
    columns = {name: [row[name] for row in rows] for name in transactions.columns}
    assert repr(transactions.columns) == repr(columns)
    assert [*map(repr, rejected)] == [repr(row) for row in each if isinstance(row, Rejection)]
    if rows:
        assert {*transactions.columns} == {*rows[0]}
    whole = Fingerprint(WALLET_TRANSACTIONS, "unrecognized_fields", size=8)
    assert transaction_fingerprints(transactions) == [
        whole.of(f"{row['customer_id']} {row['wallet_id']}", row) for row in rows
    ]


def test_some_of_them_by_their_place() -> None:
    rows = [taken(id=f"wtxn_{number}") for number in range(4)]
    assert by_column(rows).chosen([0, 2]) == by_column([rows[0], rows[2]])


#: Another value of every field that makes a difference.
_OTHER_VALUES = {
    "type": "credit",
    "transaction_status": "pending",
    "transaction_reason": "MANUAL_BALANCE_DEBIT",
    "status": "deleted",
    "currency": "eur",
    "credit_amount": "12.5",
    "amount": "6.25",
    "credit_balance_before": "41",
    "credit_balance_after": "27",
    "credits_available": "1",
    "conversion_rate": None,
    "topup_conversion_rate": None,
    "expiry_date": None,
    "priority": None,
    "reference_type": "PAYMENT",
    "reference_id": "inv_2",
    "parent_transaction_id": None,
    "idempotency_key": None,
    "description": None,
    "metadata": None,
    "created_at": "2026-05-01T10:00:00.123457Z",
    "tenant_id": "tenant_2",
    "environment_id": "env_2",
    "created_by": "another",
    "colour": "blue",
    "wallet_id": "wallet_2",
    "customer_id": "cust_2",
}


@pytest.mark.parametrize("name", _OTHER_VALUES)
def test_every_field_makes_a_difference(name: str) -> None:
    other = fingerprint(taken(**{name: _OTHER_VALUES[name]}))
    assert other != fingerprint(taken())


def test_all_fields_are_tried() -> None:
    paths = {path for field in WALLET_TRANSACTIONS.fields for path in field.paths}
    assert paths - {*_OTHER_VALUES} == {"updated_at", "updated_by"}


def test_when_and_by_whom_it_was_changed_makes_none() -> None:
    other = taken(updated_at="2026-07-01T00:00:00Z", updated_by="another")
    assert fingerprint(other) == fingerprint(taken())
    numbers = taken(
        amount=Decimal("6.250000001"), credit_balance_before="40.000", metadata={"a": "1", "b": "2"}
    )
    assert fingerprint(numbers) == fingerprint(taken())
