"""The example records fill every field of their contract, and every one arrives."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from flexprice_wallets.records.records import (
    AlertThreshold,
    AutoTopup,
    Balance,
    RealTimeBalance,
    Rejection,
    WalletRecord,
    WalletSettings,
)
from flexprice_wallets.records.wallet_settings import ATTRIBUTE_OF_FIELD, WALLET_SHAPE
from flexprice_wallets.records.wallets import parse_wallet
from tests.records.example_records import CONTRACTS, wallet

ONLY_IN_JANUARY = {"alert_enabled", "alert_config"}
ONLY_IN_AUGUST = {"alert_settings", "is_cached_fallback"}


def parsed(raw: dict[str, Any]) -> WalletRecord:
    result = parse_wallet(raw, asked_customer_id=raw["customer_id"])
    assert not isinstance(result, Rejection), result
    assert result.rejections == []
    return result


def test_the_examples_fill_every_known_field() -> None:
    assert set(wallet("2026-01")) == WALLET_SHAPE.known - ONLY_IN_AUGUST
    assert set(wallet("2026-08")) == WALLET_SHAPE.known - ONLY_IN_JANUARY


@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_part_of_an_example_is_left_empty(contract: str) -> None:
    record = parsed(wallet(contract))
    empty = {name for name, value in asdict(record.settings).items() if value in (None, ())}
    assert empty == {"unrecognized_fields", "unreadable_fields"}
    assert record.balance is not None
    assert record.real_time is not None
    assert record.credits_available is not None
    assert None not in asdict(record.balance).values()
    missing = {name for name, value in asdict(record.real_time).items() if value is None}
    assert missing == (ONLY_IN_AUGUST & {"is_cached_fallback"} if contract == "2026-01" else set())


def test_the_january_wallet() -> None:
    updated = datetime(2026, 1, 15, 9, 30, 0, 123456, UTC)
    assert parsed(wallet("2026-01")) == WalletRecord(
        wallet_id="wallet_01JG0000000000000000000001",
        customer_id="cust_01JG0000000000000000000001",
        settings=WalletSettings(
            name="Prepaid Wallet - USD",
            description="Credits bought in January",
            currency="usd",
            wallet_type="PROMOTIONAL",
            wallet_status="active",
            record_status="published",
            conversion_rate=Decimal("0.5"),
            topup_conversion_rate=Decimal("0.45"),
            alert_enabled=True,
            alert_state="ok",
            tenant_id="tenant_01JG0000000000000000000001",
            environment_id="env_01JG0000000000000000000001",
            source_created_at=datetime(2026, 1, 1, tzinfo=UTC),
            source_updated_at=updated,
            created_by="user_01JG0000000000000000000001",
            updated_by="user_01JG0000000000000000000002",
            unrecognized_fields=None,
            alert_thresholds=(AlertThreshold("default", "amount", Decimal("100.5"), None),),
            auto_topup=AutoTopup(True, Decimal(50), Decimal("200.25"), False, None, None),
            allowed_price_types=("FIXED", "USAGE"),
            metadata=(("cost centre", "R&D"), ("empty", ""), ("team.name", "büro 東京")),
        ),
        balance=Balance("usd", Decimal("0.5"), Decimal("1250.5"), Decimal(2501), updated, updated),
        real_time=RealTimeBalance(
            currency="usd",
            real_time_balance=Decimal("1125.4370000001"),
            real_time_credit_balance=Decimal("2250.8740000002"),
            pending_amount=Decimal("125.0629999999"),
            current_period_usage=Decimal("125.0629999999"),
            unpaid_invoices_amount=Decimal("12.5"),
            is_cached_fallback=None,
        ),
        credits_available={
            "free": Decimal("501.0000000001"),
            "purchased": Decimal("1749.8740000001"),
        },
    )


def test_the_august_wallet() -> None:
    record = parsed(wallet("2026-08"))
    settings = record.settings
    assert settings.alert_enabled is True
    assert settings.alert_state == "in_alarm"
    assert settings.alert_thresholds == (
        AlertThreshold("critical", None, Decimal(10), "below"),
        AlertThreshold("info", None, Decimal(1000), "above"),
        AlertThreshold("warning", None, Decimal("50.5"), "below"),
    )
    assert settings.auto_topup == AutoTopup(True, Decimal(20), Decimal(100), True, 6, "hour")
    assert settings.allowed_price_types == ("ALL",)
    assert record.real_time == RealTimeBalance(
        currency="eur",
        real_time_balance=Decimal("-10.1234567890123456"),
        real_time_credit_balance=Decimal("-10.1234567890123456"),
        pending_amount=Decimal("100.1234567900123456"),
        current_period_usage=Decimal("100.1234567900123456"),
        unpaid_invoices_amount=Decimal(0),
        is_cached_fallback=True,
    )
    assert record.credits_available == {"free": Decimal(0), "purchased": Decimal(0)}


def test_every_amount_has_the_scale_of_its_column() -> None:
    record = parsed(wallet("2026-08"))
    assert str(record.settings.conversion_rate) == "1.00000"
    assert record.balance is not None
    assert str(record.balance.balance) == "90.000000001"
    assert record.real_time is not None
    assert str(record.real_time.unpaid_invoices_amount) == "0E-16"
    assert str(record.real_time.pending_amount) == "100.1234567900123456"


def test_the_attributes_of_unreadable_fields_exist() -> None:
    attributes = {f.name for f in fields(WalletSettings)} | {f.name for f in fields(Balance)}
    assert set(ATTRIBUTE_OF_FIELD.values()) <= attributes
    assert {name.split(".")[0] for name in ATTRIBUTE_OF_FIELD} <= WALLET_SHAPE.known
