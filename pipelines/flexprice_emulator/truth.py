"""The whole state of a world as plain data: the oracle for tests of a reader.

It shares no code with the rendering of answers: real-time figures are computed here from
fractions and there from decimals, so that a mistake in one of them shows.
"""

from datetime import datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from flexprice_emulator.records import AlertThreshold, Customer, Pending, Transaction, Wallet
from flexprice_emulator.state import WorldState

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_NOTHING = Pending()
_CONTEXT = Context(prec=100)


def truth_of(
    state: WorldState, *, ledger: bool = False, transactions: bool = True
) -> dict[str, Any]:
    """Return every customer, wallet and transaction, in any status, as plain data.

    Values are Decimal and datetime (UTC), cut to whole microseconds. See `wallet_truth`,
    `customer_truth` and `transaction_truth` for the records. `ledger` adds the completed
    transactions in the order of completion, in short; `transactions` can be left out where
    there are very many.
    """
    truth: dict[str, Any] = {
        "now": _time(state.now_ns),
        "contract": state.contract,
        "tenant_id": state.tenant_id,
        "environment_id": state.environment_id,
        "customers": {key: customer_truth(state, row) for key, row in state.customers.items()},
        "wallets": {key: wallet_truth(state, row) for key, row in state.wallets.items()},
    }
    if transactions:
        truth["transactions"] = {row.id: transaction_truth(state, row) for row in state.ledger}
    if ledger:
        truth["ledger"] = [_ledger_line(row) for row in state.ledger.completed]
    return truth


def customer_truth(state: WorldState, customer: Customer) -> dict[str, Any]:
    """Return one customer; the pending amounts are by currency."""
    pending = {
        currency: {"current_period_usage": row.usage, "unpaid_invoices_amount": row.unpaid}
        for currency, row in state.pending.get(customer.id, {}).items()
    }
    return {
        "id": customer.id,
        "external_id": customer.external_id,
        "name": customer.name,
        "email": customer.email,
        "contact": customer.contact,
        "timezone": customer.timezone,
        "address_line1": customer.address_line1,
        "address_city": customer.address_city,
        "address_postal_code": customer.address_postal_code,
        "address_country": customer.address_country,
        "metadata": _copy(customer.metadata),
        "parent_customer_id": customer.parent_customer_id,
        "tenant_id": state.tenant_id,
        "environment_id": state.environment_id,
        "status": customer.status,
        "created_at": _time(customer.created_at),
        "updated_at": _time(customer.updated_at),
        "created_by": customer.created_by,
        "updated_by": customer.updated_by,
        "is_listed": customer.status == "published",
        "pending": pending,
    }


def wallet_truth(state: WorldState, wallet: Wallet) -> dict[str, Any]:
    """Return one wallet with what the contract of the world would show at best.

    Amounts are in `currency`, credits in credits, alert levels those of the world's contract;
    `name` is None where it is left out, `cooldown` is None in the January contract, and the
    breakdown is None where the server fails to compute it for good.
    """
    usage, unpaid = Fraction(0), Fraction(0)
    if wallet.wallet_type == "PRE_PAID":
        owed = state.pending.get(wallet.customer_id, {}).get(wallet.currency, _NOTHING)
        usage, unpaid = Fraction(owed.usage), Fraction(owed.unpaid)
    real_time = Fraction(wallet.credit_balance) * Fraction(wallet.conversion_rate) - usage - unpaid
    return {
        "id": wallet.id,
        "customer_id": wallet.customer_id,
        "tenant_id": state.tenant_id,
        "environment_id": state.environment_id,
        "name": wallet.name or None,
        "description": wallet.description,
        "currency": wallet.currency,
        "wallet_type": wallet.wallet_type,
        "wallet_status": wallet.wallet_status,
        "status": wallet.status,
        "balance": _decimal(Fraction(wallet.credit_balance) * Fraction(wallet.conversion_rate)),
        "credit_balance": wallet.credit_balance,
        "conversion_rate": wallet.conversion_rate,
        "topup_conversion_rate": wallet.topup_conversion_rate,
        "real_time_balance": _decimal(real_time),
        "real_time_credit_balance": _decimal(real_time / Fraction(wallet.conversion_rate)),
        "current_period_usage": _decimal(usage + unpaid),
        "unpaid_invoices_amount": _decimal(unpaid),
        "credits_available_breakdown": None
        if wallet.breakdown_fails
        else {"free": wallet.free_credits, "purchased": wallet.purchased_credits},
        "alert_enabled": _alert_enabled(state, wallet),
        "alert_thresholds": _alert_thresholds(state, wallet),
        "alert_state": wallet.alert_state,
        "auto_topup": _auto_topup(state, wallet),
        "allowed_price_types": (
            None if wallet.allowed_price_types is None else sorted(wallet.allowed_price_types)
        ),
        "metadata": _copy(wallet.metadata),
        "created_at": _time(wallet.created_at),
        "updated_at": _time(wallet.updated_at),
        "created_by": wallet.created_by,
        "updated_by": wallet.updated_by,
        "is_listed": (wallet.hard_deleted, wallet.status, wallet.wallet_status)
        == (False, "published", "active"),
        "is_hard_deleted": wallet.hard_deleted,
    }


def _alert_enabled(state: WorldState, wallet: Wallet) -> bool | None:
    if state.contract == "2026-08" and wallet.alert_settings is None:
        return None
    return wallet.alert_enabled


def _alert_thresholds(state: WorldState, wallet: Wallet) -> list[dict[str, Any]]:
    """Return the levels with a threshold: ``default`` in January, up to three in August."""
    levels: dict[str, AlertThreshold | None] = {"default": wallet.alert_config}
    january = state.contract == "2026-01"
    if not january:
        levels = wallet.alert_settings or {}
    return [
        {
            "level": level,
            "threshold_type": entry.type if january else None,
            "threshold": entry.threshold,
            "condition": None if january else entry.condition,
        }
        for level, entry in levels.items()
        if entry is not None
    ]


def _auto_topup(state: WorldState, wallet: Wallet) -> dict[str, Any] | None:
    settings = wallet.auto_topup
    if settings is None:
        return None
    cooldown = settings.cooldown if state.contract == "2026-08" else None
    return {
        "enabled": settings.enabled,
        "threshold": settings.threshold,
        "amount": settings.amount,
        "invoicing": settings.invoicing,
        "cooldown": None if cooldown is None else {"value": cooldown[0], "unit": cooldown[1]},
    }


def transaction_truth(state: WorldState, row: Transaction) -> dict[str, Any]:
    """Return one transaction with every column, and `completed_at`, which the API does not tell."""
    times = ("created_at", "updated_at", "expiry_date", "completed_at")
    record = {name: getattr(row, name) for name in row.__slots__ if name not in times}
    record |= {
        "tenant_id": state.tenant_id,
        "environment_id": state.environment_id,
        "metadata": dict(row.metadata),
    }
    for name in times:
        nanos = getattr(row, name)
        record[name] = None if nanos is None else _time(nanos)
    return record


def ledger_balance_at(state: WorldState, wallet_id: str, moment: datetime) -> dict[str, Any]:
    """Return what the ledger says that a wallet held at a moment, at the rate of that moment.

    A transaction counts from the instant of its completion on. The keys are `credit_balance`,
    `balance`, `currency` and `conversion_rate`; before the first transaction the balances are 0.
    Raises OperationError for an unknown wallet.
    """
    wallet = state.wallet(wallet_id)
    microseconds = (moment - _EPOCH) // timedelta(microseconds=1)
    credits_ = Decimal(0)
    for row in reversed(state.ledger.completed_of(wallet_id)):
        if row.completed_at is not None and row.completed_at // 1000 <= microseconds:
            credits_ = row.credit_balance_after
            break
    currency, rate = wallet.currency, wallet.conversion_rate
    for until, earlier_currency, earlier_rate in state.earlier_rates.get(wallet_id, ()):
        if microseconds < until // 1000:
            currency, rate = earlier_currency, earlier_rate
            break
    return {
        "credit_balance": credits_,
        "balance": _CONTEXT.multiply(credits_, rate),
        "currency": currency,
        "conversion_rate": rate,
    }


def _ledger_line(row: Transaction) -> dict[str, Any]:
    rates = (row.conversion_rate, row.topup_conversion_rate)
    return {
        "id": row.id,
        "wallet_id": row.wallet_id,
        "customer_id": row.customer_id,
        "type": row.type,
        "transaction_reason": row.transaction_reason,
        "transaction_status": row.transaction_status,
        "credit_amount": row.credit_amount,
        "amount": row.amount,
        "credit_balance_before": row.credit_balance_before,
        "credit_balance_after": row.credit_balance_after,
        "currency": row.currency,
        "conversion_rate": next(rate for rate in rates if rate is not None),
        "expiry_date": None if row.expiry_date is None else _time(row.expiry_date),
        "created_at": _time(row.created_at),
    }


def _decimal(value: Fraction) -> Decimal:
    """Return `value` rounded half away from zero at 16 decimals."""
    scaled = abs(value) * 10**16
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(-units if value < 0 else units).scaleb(-16, _CONTEXT)


def _time(nanos: int) -> datetime:
    return _EPOCH + timedelta(microseconds=nanos // 1000)


def _copy(metadata: dict[str, str] | None) -> dict[str, str] | None:
    return None if metadata is None else dict(metadata)
