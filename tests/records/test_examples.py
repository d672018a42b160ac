"""The example records fill every field of their contract, and every one arrives."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from flexprice_wallets.records.reading import shape_of
from flexprice_wallets.records.records import Rejection, Settings, WalletRecord
from flexprice_wallets.records.wallet_tables import WALLET_TABLES
from flexprice_wallets.records.wallets import parse_wallet
from tests.records.example_records import CONTRACTS, wallet

KNOWN = shape_of(WALLET_TABLES, "id", "customer_id").known


def parsed(raw: dict[str, Any]) -> WalletRecord:
    result = parse_wallet(raw, asked_customer_id=raw["customer_id"])
    assert not isinstance(result, Rejection), result
    assert result.rejections == []
    return result


def test_the_examples_fill_every_known_field() -> None:
    assert set(wallet("2026-01")) | set(wallet("2026-08")) == KNOWN
    # What only one contract has.
    assert {"alert_enabled", "alert_config"} & set(wallet("2026-08")) == set()
    assert {"alert_settings", "is_cached_fallback"} & set(wallet("2026-01")) == set()


def test_no_part_of_the_examples_is_left_empty() -> None:
    records = [parsed(wallet(contract)) for contract in CONTRACTS]

    def empty(*rows: dict[str, Any] | None) -> set[str]:
        assert None not in rows
        return {name for name in rows[0] or () if all((row or {})[name] is None for row in rows)}

    assert [name for r in records for name, rows in r.settings.rows.items() if not rows] == []
    settings = empty(*(record.settings.values for record in records))
    assert settings == {"unrecognized_fields", "unreadable_fields"}
    assert empty(*(record.balance for record in records)) == set()
    assert empty(*(record.real_time for record in records)) == set()
    assert all(record.credits_available for record in records)


def test_the_january_wallet() -> None:
    updated = datetime(2026, 1, 15, 9, 30, 0, 123456, UTC)
    record = parsed(wallet("2026-01"))
    expected = WalletRecord(
        wallet_id="wallet_01JG0000000000000000000001",
        customer_id="cust_01JG0000000000000000000001",
        settings=Settings(
            {
                "name": "Prepaid Wallet - USD",
                "description": "Credits bought in January",
                "currency": "usd",
                "wallet_type": "PROMOTIONAL",
                "wallet_status": "active",
                "record_status": "published",
                "conversion_rate": Decimal("0.5"),
                "topup_conversion_rate": Decimal("0.45"),
                "alert_enabled": True,
                "alert_state": "ok",
                "tenant_id": "tenant_01JG0000000000000000000001",
                "environment_id": "env_01JG0000000000000000000001",
                "source_created_at": datetime(2026, 1, 1, tzinfo=UTC),
                "source_updated_at": updated,
                "created_by": "user_01JG0000000000000000000001",
                "updated_by": "user_01JG0000000000000000000002",
                "unrecognized_fields": None,
                "unreadable_fields": None,
            },
            {
                "wallet_alert_thresholds": [
                    {"level": "default", "threshold_type": "amount", "threshold": Decimal("100.5")}
                ],
                "wallet_auto_topups": [
                    {
                        "is_enabled": True,
                        "threshold": Decimal(50),
                        "amount": Decimal("200.25"),
                        "is_invoiced": False,
                        "cooldown_value": None,
                        "cooldown_unit": None,
                    }
                ],
                "wallet_allowed_price_types": [{"price_type": "FIXED"}, {"price_type": "USAGE"}],
                "wallet_metadata": [
                    {"key": "cost centre", "value": "R&D"},
                    {"key": "empty", "value": ""},
                    {"key": "team.name", "value": "büro 東京"},
                ],
            },
        ),
        balance={
            "currency": "usd",
            "conversion_rate": Decimal("0.5"),
            "balance": Decimal("1250.5"),
            "credit_balance": Decimal(2501),
            "source_updated_at": updated,
            "source_balance_updated_at": updated,
        },
        real_time={
            "currency": "usd",
            "real_time_balance": Decimal("1125.4370000001"),
            "real_time_credit_balance": Decimal("2250.8740000002"),
            "pending_amount": Decimal("125.0629999999"),
            "current_period_usage": Decimal("125.0629999999"),
            "unpaid_invoices_amount": Decimal("12.5"),
            "is_cached_fallback": None,
        },
        credits_available=[
            {"credit_type": "free", "credits_available": Decimal("501.0000000001")},
            {"credit_type": "purchased", "credits_available": Decimal("1749.8740000001")},
        ],
    )
    # What is declared beyond these is null in this record.
    values = record.settings.values
    assert all(values[name] is None for name in values.keys() - expected.settings.values.keys())
    record.settings.values = {name: values[name] for name in expected.settings.values}
    assert record == expected


def test_the_august_wallet() -> None:
    record = parsed(wallet("2026-08"))
    settings = record.settings
    assert settings.values["alert_enabled"] is True
    assert settings.values["alert_state"] == "in_alarm"
    assert settings.rows["wallet_alert_thresholds"] == [
        {"level": "critical", "threshold": Decimal(10), "condition": "below"},
        {"level": "info", "threshold": Decimal(1000), "condition": "above"},
        {"level": "warning", "threshold": Decimal("50.5"), "condition": "below"},
    ]
    [topup] = settings.rows["wallet_auto_topups"]
    assert tuple(topup.values()) == (True, Decimal(20), Decimal(100), True, 6, "hour")
    assert settings.rows["wallet_allowed_price_types"] == [{"price_type": "ALL"}]
    assert record.real_time == {
        "currency": "eur",
        "real_time_balance": Decimal("-10.1234567890123456"),
        "real_time_credit_balance": Decimal("-10.1234567890123456"),
        "pending_amount": Decimal("100.1234567900123456"),
        "current_period_usage": Decimal("100.1234567900123456"),
        "unpaid_invoices_amount": Decimal(0),
        "is_cached_fallback": True,
    }
    kinds = [tuple(row.values()) for row in record.credits_available or ()]
    assert kinds == [("free", Decimal(0)), ("purchased", Decimal(0))]


def test_every_amount_has_the_scale_of_its_column() -> None:
    record = parsed(wallet("2026-08"))
    assert str(record.settings.values["conversion_rate"]) == "1.00000"
    assert record.balance is not None
    assert str(record.balance["balance"]) == "90.000000001"
    assert record.real_time is not None
    assert str(record.real_time["unpaid_invoices_amount"]) == "0E-16"
    assert str(record.real_time["pending_amount"]) == "100.1234567900123456"
