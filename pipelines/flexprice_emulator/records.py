"""The records of the emulated billing system, as its database would hold them.

Times are nanoseconds since 1970 (UTC), amounts are in the wallet's currency, credits in credits.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Contract = Literal["2026-01", "2026-08"]

ZERO = Decimal(0)


@dataclass(slots=True)
class Customer:
    """A customer; `status` is ``published``, ``archived`` or ``deleted``."""

    id: str
    external_id: str
    name: str
    email: str
    contact: str
    timezone: str
    address_line1: str
    address_city: str
    address_postal_code: str
    address_country: str
    metadata: dict[str, str] | None
    parent_customer_id: str | None
    status: str
    created_at: int
    updated_at: int
    created_by: str
    updated_by: str


@dataclass(slots=True, frozen=True)
class AlertThreshold:
    """One alert level: `type` is used by the January contract, `condition` by the August one."""

    threshold: Decimal
    type: str = "amount"
    condition: str = "below"


@dataclass(slots=True, frozen=True)
class AutoTopup:
    """The automatic top-up; each part may be null. `cooldown` is ``(value, unit)``, August only."""

    enabled: bool | None
    threshold: Decimal | None
    amount: Decimal | None
    invoicing: bool | None
    cooldown: tuple[int, str] | None = None


@dataclass(slots=True)
class Wallet:
    """A wallet with its settled balances; what is pending belongs to customer and currency.

    `alert_config` is what the January contract shows, `alert_settings` (level to threshold or
    None) what the August contract shows; both are kept so that a world can change contract.
    """

    id: str
    customer_id: str
    name: str
    description: str
    currency: str
    wallet_type: str
    wallet_status: str
    status: str
    credit_balance: Decimal
    balance: Decimal
    free_credits: Decimal
    purchased_credits: Decimal
    conversion_rate: Decimal
    topup_conversion_rate: Decimal
    alert_enabled: bool
    alert_config: AlertThreshold | None
    alert_settings: dict[str, AlertThreshold | None] | None
    alert_state: str
    auto_topup: AutoTopup | None
    allowed_price_types: tuple[str, ...] | None
    metadata: dict[str, str] | None
    created_at: int
    updated_at: int
    created_by: str
    updated_by: str
    #: What it usually holds, in credits: random operations move it in proportion to this.
    usual_credits: Decimal = Decimal(100)
    #: What is left of credits whose reason the breakdown does not know.
    other_credits: Decimal = ZERO
    #: Whether the breakdown fails, which is for good: see `reasons.BROKEN_DOWN_AS`.
    breakdown_fails: bool = False
    hard_deleted: bool = False

    @property
    def is_listed(self) -> bool:
        """Whether the list of its customer's wallets shows it."""
        return (
            self.wallet_status == "active" and self.status == "published" and not self.hard_deleted
        )


@dataclass(slots=True)
class Pending:
    """What is owed but not yet settled, per customer and currency, in the currency."""

    usage: Decimal = ZERO
    unpaid: Decimal = ZERO


@dataclass(slots=True, eq=False)
class Transaction:
    """One row of the ledger; the credits before and after are those of the whole wallet.

    `type` is ``credit`` or ``debit``, `credit_amount` is never negative. Of the two rates a debit
    has `conversion_rate` and a credit `topup_conversion_rate`. `completed_at` is no column of the
    server: only the truth tells it. Times are whole microseconds.
    """

    id: str
    wallet_id: str
    customer_id: str
    type: str
    transaction_reason: str
    transaction_status: str
    credit_amount: Decimal
    amount: Decimal
    credit_balance_before: Decimal
    credit_balance_after: Decimal
    currency: str
    created_at: int
    updated_at: int
    created_by: str
    updated_by: str
    credits_available: Decimal = ZERO
    conversion_rate: Decimal | None = None
    topup_conversion_rate: Decimal | None = None
    reference_type: str = "REQUEST"
    reference_id: str = ""
    description: str = ""
    expiry_date: int | None = None
    priority: int | None = None
    parent_transaction_id: str | None = None
    idempotency_key: str = ""
    status: str = "published"
    metadata: dict[str, str] = field(default_factory=dict)
    completed_at: int | None = None
