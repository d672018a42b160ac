"""Rows of the version tables, made of records. Pure: a row is a dict of column values."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from flexprice_wallets.records.records import (
    Balance,
    CustomerRecord,
    RealTimeBalance,
    WalletSettings,
)

Row = dict[str, Any]
#: Takes a table's name and a row for it.
Write = Callable[[str, Row], None]


@dataclass(frozen=True, slots=True)
class VersionKey:
    """What every row of one version has in common."""

    wallet_id: str
    customer_id: str
    snapshot_id: str
    snapshot_at: datetime
    observed_at: datetime

    def row(self, version_hash: bytes, **values: Any) -> Row:
        return {
            "wallet_id": self.wallet_id,
            "customer_id": self.customer_id,
            "snapshot_id": self.snapshot_id,
            "snapshot_at": self.snapshot_at,
            "observed_at": self.observed_at,
            "version_hash": version_hash.hex(),
            **values,
        }


def write_settings(
    write: Write,
    key: VersionKey,
    settings: WalletSettings,
    version_hash: bytes,
    *,
    is_listed: bool,
    ended: str | None,
) -> None:
    """One row of `wallets`, with its rows of the four tables that belong to it."""
    write(
        "wallets",
        key.row(
            version_hash,
            name=settings.name,
            description=settings.description,
            currency=settings.currency,
            wallet_type=settings.wallet_type,
            wallet_status=settings.wallet_status,
            record_status=settings.record_status,
            conversion_rate=settings.conversion_rate,
            topup_conversion_rate=settings.topup_conversion_rate,
            alert_enabled=settings.alert_enabled,
            alert_state=settings.alert_state,
            is_listed=is_listed,
            ended=ended,
            tenant_id=settings.tenant_id,
            environment_id=settings.environment_id,
            source_created_at=settings.source_created_at,
            source_updated_at=settings.source_updated_at,
            created_by=settings.created_by,
            updated_by=settings.updated_by,
            unrecognized_fields=settings.unrecognized_fields,
            unreadable_fields=(
                json.dumps(settings.unreadable_fields) if settings.unreadable_fields else None
            ),
        ),
    )
    for level in settings.alert_thresholds:
        write(
            "wallet_alert_thresholds",
            key.row(
                version_hash,
                level=level.level,
                threshold_type=level.threshold_type,
                threshold=level.threshold,
                condition=level.condition,
                currency=settings.currency,
            ),
        )
    if (topup := settings.auto_topup) is not None:
        write(
            "wallet_auto_topups",
            key.row(
                version_hash,
                is_enabled=topup.is_enabled,
                threshold=topup.threshold,
                amount=topup.amount,
                is_invoiced=topup.is_invoiced,
                cooldown_value=topup.cooldown_value,
                cooldown_unit=topup.cooldown_unit,
                currency=settings.currency,
            ),
        )
    for price_type in settings.allowed_price_types:
        write("wallet_allowed_price_types", key.row(version_hash, price_type=price_type))
    for name, value in settings.metadata:
        write("wallet_metadata", key.row(version_hash, key=name, value=value))


def balance_row(key: VersionKey, balance: Balance, version_hash: bytes) -> Row:
    """A row of `wallet_balances`."""
    return key.row(
        version_hash,
        currency=balance.currency,
        conversion_rate=balance.conversion_rate,
        balance=balance.balance,
        credit_balance=balance.credit_balance,
        source_updated_at=balance.source_updated_at,
        source_balance_updated_at=balance.source_balance_updated_at,
    )


def real_time_row(key: VersionKey, real_time: RealTimeBalance, version_hash: bytes) -> Row:
    """A row of `wallet_real_time_balances`."""
    return key.row(
        version_hash,
        currency=real_time.currency,
        real_time_balance=real_time.real_time_balance,
        real_time_credit_balance=real_time.real_time_credit_balance,
        pending_amount=real_time.pending_amount,
        current_period_usage=real_time.current_period_usage,
        unpaid_invoices_amount=real_time.unpaid_invoices_amount,
        is_cached_fallback=real_time.is_cached_fallback,
    )


def credits_rows(
    key: VersionKey, currency: str, credits: dict[str, Decimal], version_hash: bytes
) -> list[Row]:
    """The rows of `wallet_credits_available` for one version: the whole set."""
    return [
        key.row(version_hash, credit_type=kind, credits_available=amount, currency=currency)
        for kind, amount in sorted(credits.items())
    ]


def customer_row(
    record: CustomerRecord,
    version_hash: bytes,
    snapshot_id: str,
    snapshot_at: datetime,
    observed_at: datetime,
    *,
    is_listed: bool,
) -> Row:
    """A row of `customers`."""
    return {
        "customer_id": record.customer_id,
        "snapshot_id": snapshot_id,
        "snapshot_at": snapshot_at,
        "observed_at": observed_at,
        "version_hash": version_hash.hex(),
        "is_listed": is_listed,
        **record.columns,
    }
