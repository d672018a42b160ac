"""What parsing gives: records whose every value is exact, typed and within range.

Amounts are `decimal.Decimal` at the scale of their column (AMOUNT 9, RATE 5, REAL_TIME 16 decimals)
and zero has no sign, so equal numbers have equal text; times are aware `datetime` in UTC, to the
microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

#: What a rejection sets aside: all of a record, or one group of its fields.
FieldGroup = Literal["record", "settings", "balance", "real_time", "credits_available"]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was read and could not be taken."""

    resource: Literal["customer", "wallet"]
    field_group: FieldGroup
    reason: str
    customer_id: str | None
    wallet_id: str | None
    raw_record: str


@dataclass(slots=True)
class AlertThreshold:
    """When an alert of one level is raised; `threshold` is in the wallet's currency."""

    level: str
    threshold_type: str | None
    threshold: Decimal | None
    condition: str | None


@dataclass(slots=True)
class AutoTopup:
    """How a wallet is topped up by itself; a part that is not set is None."""

    is_enabled: bool | None
    threshold: Decimal | None
    amount: Decimal | None
    is_invoiced: bool | None
    cooldown_value: int | None
    cooldown_unit: str | None


@dataclass(slots=True)
class WalletSettings:
    """What is configured for a wallet.

    `unreadable_fields` names the API's fields that broke the contract: what they would have set
    (see `wallet_settings.ATTRIBUTE_OF_FIELD`) is None or empty here and means unknown.
    """

    name: str | None
    description: str | None
    currency: str
    wallet_type: str | None
    wallet_status: str
    record_status: str
    conversion_rate: Decimal | None
    topup_conversion_rate: Decimal | None
    alert_enabled: bool | None
    alert_state: str | None
    tenant_id: str
    environment_id: str
    source_created_at: datetime | None
    source_updated_at: datetime | None
    created_by: str | None
    updated_by: str | None
    unrecognized_fields: str | None  # canonical JSON text: keys sorted, numbers' digits kept
    alert_thresholds: tuple[AlertThreshold, ...] = ()  # sorted by level
    auto_topup: AutoTopup | None = None
    allowed_price_types: tuple[str, ...] = ()  # sorted, each once
    metadata: tuple[tuple[str, str], ...] = ()  # sorted by key
    unreadable_fields: tuple[str, ...] = ()  # sorted


@dataclass(slots=True)
class Balance:
    """The settled balance, in `currency` and in credits, with the rate that ties them."""

    currency: str
    conversion_rate: Decimal
    balance: Decimal
    credit_balance: Decimal
    source_updated_at: datetime | None
    source_balance_updated_at: datetime | None


@dataclass(slots=True)
class RealTimeBalance:
    """The real-time figures, in `currency`; a part that the answer left out is None."""

    currency: str
    real_time_balance: Decimal
    real_time_credit_balance: Decimal | None
    pending_amount: Decimal
    current_period_usage: Decimal | None
    unpaid_invoices_amount: Decimal | None
    is_cached_fallback: bool | None


@dataclass(slots=True)
class WalletRecord:
    """One wallet of one answer; a group that was left out, or that was set aside, is None."""

    wallet_id: str
    customer_id: str
    settings: WalletSettings
    balance: Balance | None = None
    real_time: RealTimeBalance | None = None
    credits_available: dict[str, Decimal] | None = None
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(slots=True)
class CustomerRecord:
    """One customer of the listing.

    `columns` holds every column of the `customers` table from `external_id` on.
    """

    customer_id: str
    columns: dict[str, Any]
