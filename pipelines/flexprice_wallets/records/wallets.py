"""Turns a wallet of the API into a `WalletRecord`: a bad group of fields costs that group only."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.records import (
    Balance,
    FieldGroup,
    RealTimeBalance,
    Rejection,
    WalletRecord,
)
from flexprice_wallets.records.values import Unreadable, read
from flexprice_wallets.records.wallet_settings import SettingsReader

_REQUIRED: Final = (
    "id",
    "customer_id",
    "currency",
    "wallet_status",
    "status",
    "tenant_id",
    "environment_id",
)
_OTHER_REAL_TIME_FIGURES: Final = (
    "real_time_credit_balance",
    "current_period_usage",
    "unpaid_invoices_amount",
)
# Room for the difference of any two figures of 38 digits, exactly.
_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])


def parse_wallet(raw: object, *, asked_customer_id: str | None) -> WalletRecord | Rejection:
    """The wallet that `raw`, an element of a decoded answer, describes.

    Args:
        raw: what `json_text.decode` gave for one wallet.
        asked_customer_id: Flexprice id of the customer whose wallets were asked for; None where
            the wallet was asked for by its own id, whoever owns it.

    Returns:
        The record, whose `rejections` say which groups of fields were set aside, or a `Rejection`
        of the whole record.
    """
    if type(raw) is not dict:
        reason = f"the wallet is {values.shown(raw)}, not an object"
        return rejected_wallet(raw, reason, asked_customer_id, None)
    try:
        required = {name: read(raw, name, values.required_id) for name in _REQUIRED}
        _check_owner(required["customer_id"], asked_customer_id)
    except Unreadable as error:
        customer_id = asked_customer_id or values.readable_id(raw.get("customer_id"))
        wallet_id = values.readable_id(raw.get("id"))
        return rejected_wallet(raw, str(error), customer_id, wallet_id)
    return _record_of(raw, required)


def _check_owner(customer_id: str, asked_customer_id: str | None) -> None:
    if asked_customer_id is not None and customer_id != asked_customer_id:
        raise Unreadable(
            f"the wallet belongs to customer {values.printable(customer_id)}, "
            f"asked for {values.printable(asked_customer_id)}"
        )


def _record_of(raw: dict[str, object], required: dict[str, str]) -> WalletRecord:
    reader = SettingsReader(raw)
    settings = reader.settings(required)
    balance_updated_at = reader.read("balance_updated_at", values.timestamp)
    settings.unreadable_fields = tuple(sorted(reader.problems))
    record = WalletRecord(required["id"], required["customer_id"], settings)
    if reader.problems:
        _reject(record, raw, "settings", "; ".join(dict.fromkeys(reader.problems.values())))

    currency = required["currency"]
    try:
        record.balance = Balance(
            currency=currency,
            conversion_rate=read(raw, "conversion_rate", values.required_rate),
            balance=read(raw, "balance", values.required_amount),
            credit_balance=read(raw, "credit_balance", values.required_amount),
            source_updated_at=settings.source_updated_at,
            source_balance_updated_at=balance_updated_at,
        )
    except Unreadable as error:
        # The other figures are stated against the balance, so they go with it.
        _reject(record, raw, "balance", f"{error}; no other figure is taken without the balance")
        return record
    try:
        record.real_time = _real_time(raw, currency, record.balance.balance)
    except Unreadable as error:
        _reject(record, raw, "real_time", str(error))
    try:
        record.credits_available = read(raw, "credits_available_breakdown", _credits_available)
    except Unreadable as error:
        _reject(record, raw, "credits_available", str(error))
    return record


def _reject(record: WalletRecord, raw: object, group: FieldGroup, reason: str) -> None:
    kept = record.rejections[0].raw_record if record.rejections else json_text.raw_record(raw)
    record.rejections.append(
        Rejection("wallet", group, reason, record.customer_id, record.wallet_id, kept)
    )


def _real_time(raw: dict[str, object], currency: str, balance: Decimal) -> RealTimeBalance | None:
    """The real-time figures; None where the answer has none of them."""
    if raw.get("real_time_balance") is None:
        given = [name for name in _OTHER_REAL_TIME_FIGURES if raw.get(name) is not None]
        if given:
            raise Unreadable(f"{', '.join(given)} came without real_time_balance")
        return None
    real_time_balance = read(raw, "real_time_balance", values.required_real_time)
    difference = _EXACT.subtract(balance, real_time_balance)
    return RealTimeBalance(
        currency=currency,
        real_time_balance=real_time_balance,
        real_time_credit_balance=read(raw, "real_time_credit_balance", values.real_time),
        pending_amount=read(
            {"pending_amount": difference}, "pending_amount", values.required_real_time
        ),
        current_period_usage=read(raw, "current_period_usage", values.real_time),
        unpaid_invoices_amount=read(raw, "unpaid_invoices_amount", values.real_time),
        is_cached_fallback=read(raw, "is_cached_fallback", values.boolean),
    )


def _credits_available(value: object) -> dict[str, Decimal] | None:
    """Credits by kind, sorted; None (unknown, not zero) where there is no kind at all."""
    kinds = values.members(value)
    credits_by_kind = {}
    for kind in sorted(kinds):
        try:
            credits_by_kind[values.required_id(kind)] = values.required_real_time(kinds[kind])
        except Unreadable as error:
            raise Unreadable(f"of kind {values.printable(kind)} {error}") from None
    return credits_by_kind or None


def rejected_wallet(
    raw: object, reason: str, customer_id: str | None, wallet_id: str | None
) -> Rejection:
    """The rejection of a whole wallet for a reason that its record alone does not show."""
    return Rejection("wallet", "record", reason, customer_id, wallet_id, json_text.raw_record(raw))
