"""Odd wallets, most of them from one table: what each costs, and that it costs nothing else."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from flexprice_wallets.records import json_text
from flexprice_wallets.records.records import Rejection, WalletRecord
from flexprice_wallets.records.wallets import parse_wallet, unreadable_fields_text
from tests.records.example_records import wallet
from tests.records.wallet_cases import CASES, MISSING, Case


def changed(case: Case) -> dict[str, Any]:
    record = wallet(case.contract)
    *parents, last = case.at.split(".")
    target = record
    for name in parents:
        target = target[name]
    if case.to == MISSING:
        target.pop(last)
    else:
        target[last] = json_text.decode(case.to.encode())
    return record


def parsed(record: object, contract: str) -> WalletRecord | Rejection:
    return parse_wallet(record, asked_customer_id=wallet(contract)["customer_id"])


def replaced(record: WalletRecord, path: str, value: Any) -> Any:
    """Put a value where a case says that it differs; returns what was there."""
    group, _, name = path.partition(".")
    if not name:
        before = getattr(record, group)
        setattr(record, group, value)
        return before
    part: Any = getattr(record, group)
    if name == "unreadable_fields":
        before, part.unreadable_fields = part.unreadable_fields, value
        part.values[name] = unreadable_fields_text(value)
        return before
    place = part if isinstance(part, dict) else part.rows if name in part.rows else part.values
    before, place[name] = place[name], value
    return before


def test_the_table_is_large_and_its_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_odd_wallet_costs_what_is_odd_and_nothing_else(case: Case) -> None:
    record = changed(case)
    result = parsed(record, case.contract)
    rejections = [result] if isinstance(result, Rejection) else result.rejections

    assert {rejection.field_group for rejection in rejections} == case.rejected.keys()
    assert len(rejections) == len(case.rejected)
    for rejection in rejections:
        assert case.rejected[rejection.field_group] in rejection.reason
        assert rejection.reason.isascii()
        assert len(rejection.reason) < 500
        assert rejection.customer_id == wallet(case.contract)["customer_id"]
        if case.at != "id":
            assert rejection.wallet_id == record["id"]
        assert rejection.raw_record == json_text.raw_record(record)

    if isinstance(result, WalletRecord):
        expected = parsed(wallet(case.contract), case.contract)
        assert isinstance(expected, WalletRecord)
        for path, value in case.differs.items():
            assert replaced(expected, path, value) != value, f"{path} does not differ"
        expected.rejections = result.rejections
        # As text, since equal decimals may still differ in scale or in the sign of zero.
        assert repr(result) == repr(expected)
    else:
        assert case.rejected.keys() == {"record"}


@pytest.mark.parametrize("raw", ["null", "[]", '"wallet"', "1", "true", "NaN"])
def test_what_is_no_object_is_rejected(raw: str) -> None:
    result = parse_wallet(json_text.decode(raw.encode()), asked_customer_id="cust_1")
    assert isinstance(result, Rejection)
    assert (result.resource, result.field_group, result.customer_id, result.wallet_id) == (
        "wallet",
        "record",
        "cust_1",
        None,
    )
    assert "not an object" in result.reason


def test_without_a_customer_asked_for_any_owner_is_taken_and_named() -> None:
    record = wallet("2026-08")
    taken_record = parse_wallet(record, asked_customer_id=None)
    assert isinstance(taken_record, WalletRecord)
    assert taken_record.customer_id == record["customer_id"]

    del record["currency"]
    rejection = parse_wallet(record, asked_customer_id=None)
    assert isinstance(rejection, Rejection)
    assert rejection.customer_id == record["customer_id"]
    assert rejection.wallet_id == record["id"]


def test_all_bad_settings_are_in_one_rejection() -> None:
    record = wallet("2026-08") | {"name": True, "metadata": "x", "created_at": ""}
    result = parsed(record, "2026-08")
    assert isinstance(result, WalletRecord)
    assert result.settings.unreadable_fields == ("created_at", "metadata", "name")
    (rejection,) = result.rejections
    assert all(f"{name} is " in rejection.reason for name in ("name", "metadata", "created_at"))


def test_every_bad_group_is_rejected_by_itself() -> None:
    record = wallet("2026-08") | {"name": True, "real_time_balance": "x"}
    record["credits_available_breakdown"] = {"free": None}
    result = parsed(record, "2026-08")
    assert isinstance(result, WalletRecord)
    groups = [rejection.field_group for rejection in result.rejections]
    assert groups == ["settings", "real_time", "credits_available"]
    assert result.balance is not None


def test_without_real_time_fields_there_are_no_real_time_figures() -> None:
    record = wallet("2026-08")
    for name in ("real_time_balance", "real_time_credit_balance", "current_period_usage"):
        del record[name]
    del record["unpaid_invoices_amount"], record["credits_available_breakdown"]
    result = parsed(record, "2026-08")
    assert isinstance(result, WalletRecord)
    assert result.rejections == []
    assert (result.real_time, result.credits_available) == (None, None)


def test_a_field_given_twice_with_different_values_is_bad_and_kept() -> None:
    text = json_text.encode(wallet("2026-08"))
    record = json_text.decode(text.replace('{"id"', '{"balance":"1","id"', 1).encode())
    result = parsed(record, "2026-08")
    assert isinstance(result, WalletRecord)
    assert result.balance is None
    (rejection,) = result.rejections
    assert "balance is given twice with different values" in rejection.reason
    assert '"balance":["1","90.000000001"]' in rejection.raw_record


def test_the_order_of_price_types_and_of_members_makes_no_difference() -> None:
    good = parsed(wallet("2026-01"), "2026-01")
    record = wallet("2026-01")
    record["config"]["allowed_price_types"].reverse()
    for order in itertools.islice(itertools.permutations(record["metadata"].items()), 3):
        record["metadata"] = dict(order)
        shuffled = dict(reversed(record.items()))
        assert repr(parsed(shuffled, "2026-01")) == repr(good)


@pytest.mark.parametrize("contract", ["2026-01", "2026-08"])
def test_parsing_leaves_the_record_as_it_was(contract: str) -> None:
    record = wallet(contract)
    before = copy.deepcopy(record)
    parsed(record, contract)
    assert record == before
