"""Fingerprints: short hashes by which a version is found to differ from the last one.

Each is made of the canonical JSON text of the values that make a difference: amounts as text at their column's scale,
maps sorted by key, lists as sorted sets; what is recorded without making a difference (`source_updated_at`,
`updated_by`, `observed_at`, `is_cached_fallback`) is left out. In tables they are hexadecimal text.
`contract.tables.HASH_RECIPE` names this recipe.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from flexprice_wallets.records.records import (
    Balance,
    CustomerRecord,
    RealTimeBalance,
    WalletSettings,
)

_NOT_COMPARED = ("source_updated_at", "updated_by")


def settings_fingerprint(
    customer_id: str, settings: WalletSettings, is_listed: bool, ended: str | None
) -> bytes:
    """16 bytes for a `wallets` version with its thresholds, top-up, price types and metadata."""
    topup = settings.auto_topup
    return _hash(
        (
            customer_id,
            settings.name,
            settings.description,
            settings.currency,
            settings.wallet_type,
            settings.wallet_status,
            settings.record_status,
            settings.conversion_rate,
            settings.topup_conversion_rate,
            settings.alert_enabled,
            settings.alert_state,
            settings.tenant_id,
            settings.environment_id,
            settings.source_created_at,
            settings.created_by,
            settings.unrecognized_fields,
            [
                (level.level, level.threshold_type, level.threshold, level.condition)
                for level in settings.alert_thresholds
            ],
            topup
            and (
                topup.is_enabled,
                topup.threshold,
                topup.amount,
                topup.is_invoiced,
                topup.cooldown_value,
                topup.cooldown_unit,
            ),
            settings.allowed_price_types,
            settings.metadata,
            settings.unreadable_fields,
            is_listed,
            ended,
        )
    )


def balance_fingerprint(customer_id: str, balance: Balance) -> bytes:
    """16 bytes for a `wallet_balances` version."""
    return _hash(
        (
            customer_id,
            balance.currency,
            balance.conversion_rate,
            balance.balance,
            balance.credit_balance,
        )
    )


def real_time_fingerprint(
    customer_id: str, real_time: RealTimeBalance
) -> tuple[bytes, bytes, bytes]:
    """Three times 8 bytes for a `wallet_real_time_balances` version: the balance, and each part that may be left out.

    A part is b'' where the answer left it out: that is unknown, and no change.
    """
    return (
        _hash(
            (
                customer_id,
                real_time.currency,
                real_time.real_time_balance,
                real_time.real_time_credit_balance,
                real_time.pending_amount,
            ),
            size=8,
        ),
        _part(real_time.current_period_usage),
        _part(real_time.unpaid_invoices_amount),
    )


def credits_fingerprint(customer_id: str, currency: str, credits: Mapping[str, Decimal]) -> bytes:
    """16 bytes for a `wallet_credits_available` version."""
    return _hash((customer_id, currency, sorted(credits.items())))


def figures_given_fingerprint(is_real_time_given: bool, is_credits_given: bool) -> bytes:
    """16 bytes for a `wallet_figures_given` version."""
    return _hash((is_real_time_given, is_credits_given))


def customer_fingerprint(record: CustomerRecord, is_listed: bool) -> bytes:
    """16 bytes for a `customers` version."""
    compared: dict[str, Any] = {
        name: value for name, value in record.columns.items() if name not in _NOT_COMPARED
    }
    return _hash((record.customer_id, is_listed, sorted(compared.items())))


def _part(value: Decimal | None) -> bytes:
    return b"" if value is None else _hash((value,), size=8)


def _hash(values: tuple[Any, ...], size: int = 16) -> bytes:
    return blake2b(orjson.dumps(values, default=str), digest_size=size).digest()
