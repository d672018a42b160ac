"""Records as JSON text, field by field as the Flexprice API reference of each contract has them."""

from collections.abc import Mapping
from decimal import Decimal

from flexprice_emulator.formats import EXACT, JsonNumber, RawJson, decimal_text, json_text, rfc3339
from flexprice_emulator.quirks import Quirks, chance
from flexprice_emulator.records import AlertThreshold, Customer, Pending, Wallet
from flexprice_emulator.state import WorldState

_SIXTEEN_DECIMALS = Decimal(1).scaleb(-16)
_NOTHING = Pending()

Record = dict[str, object]


def wallet_record(state: WorldState, wallet: Wallet, quirks: Quirks) -> Record:
    """Return the settled fields of a wallet in the world's contract."""
    record: Record = {
        "id": wallet.id,
        "customer_id": wallet.customer_id,
        "name": wallet.name,
        "currency": wallet.currency,
        "description": wallet.description,
        "metadata": wallet.metadata,
        "balance": decimal_text(wallet.balance),
        "credit_balance": decimal_text(wallet.credit_balance),
        "wallet_status": wallet.wallet_status,
        "wallet_type": wallet.wallet_type,
        "auto_topup": _auto_topup(state, wallet, quirks),
        "config": _config(wallet),
        "conversion_rate": decimal_text(wallet.conversion_rate),
        "topup_conversion_rate": decimal_text(wallet.topup_conversion_rate),
        "alert_state": wallet.alert_state,
        "environment_id": state.environment_id,
        "tenant_id": state.tenant_id,
        "status": wallet.status,
        "created_at": rfc3339(wallet.created_at),
        "updated_at": rfc3339(wallet.updated_at),
        "created_by": wallet.created_by,
        "updated_by": wallet.updated_by,
    }
    if not wallet.name:
        del record["name"]
    if state.contract == "2026-01":
        record["alert_enabled"] = wallet.alert_enabled
        record["alert_config"] = _alert_config(wallet, quirks)
    else:
        record["alert_settings"] = _alert_settings(wallet, quirks)
    return record


def real_time_fields(
    state: WorldState, wallet: Wallet, quirks: Quirks, pending: Pending, *, cached: bool
) -> Record:
    """Return the real-time fields: the settled balance less what is pending.

    What is pending is subtracted from each prepaid wallet of the customer and currency, and
    `current_period_usage` is all that was subtracted. The credit figure is a division that
    the server rounds at 16 decimals.
    """
    owed = pending if wallet.wallet_type == "PRE_PAID" else _NOTHING
    subtracted = EXACT.add(owed.usage, owed.unpaid)
    balance = EXACT.subtract(wallet.balance, subtracted)
    credits_ = EXACT.divide(balance, wallet.conversion_rate)
    record: Record = {
        "real_time_balance": decimal_text(balance),
        "real_time_credit_balance": decimal_text(
            credits_.quantize(_SIXTEEN_DECIMALS, context=EXACT)
        ),
        "balance_updated_at": rfc3339(wallet.updated_at),
    }
    version = state.version
    if not quirks.omits(wallet.id, quirks.omit_usage, quirks.omit_usage_rate, "usage", version):
        record["current_period_usage"] = decimal_text(subtracted)
    if not quirks.omits(wallet.id, quirks.omit_unpaid, quirks.omit_unpaid_rate, "owed", version):
        record["unpaid_invoices_amount"] = decimal_text(owed.unpaid)
    if state.contract == "2026-08":
        record["is_cached_fallback"] = cached or (
            quirks.cached_fallback_rate > 0
            and chance(wallet.id, "cached", version) < quirks.cached_fallback_rate
        )
    return record


def breakdown_fields(state: WorldState, wallet: Wallet, quirks: Quirks) -> Record:
    """Return `credits_available_breakdown`, or nothing where the server leaves it out."""
    if wallet.breakdown_fails:
        return {}
    rate = quirks.omit_breakdown_rate
    if quirks.omits(wallet.id, quirks.omit_breakdown, rate, "breakdown", state.version):
        return {}
    free, purchased = decimal_text(wallet.free_credits), decimal_text(wallet.purchased_credits)
    return {"credits_available_breakdown": {"free": free, "purchased": purchased}}


def wallet_json(wallet_id: str, record: Record, quirks: Quirks) -> str:
    """Return the JSON of a wallet record after the quirks that were asked for."""
    return with_quirks(
        record,
        quirks.extra_wallet_fields,
        quirks.wallet_fields.get(wallet_id),
        quirks.wallet_records.get(wallet_id),
    )


def customer_json(state: WorldState, customer: Customer, quirks: Quirks) -> str:
    """Return the JSON of a customer record in the world's contract."""
    record: Record = {
        "id": customer.id,
        "external_id": customer.external_id,
        "name": customer.name,
        "email": customer.email,
        "address_line1": customer.address_line1,
        "address_line2": "",
        "address_city": customer.address_city,
        "address_state": "",
        "address_postal_code": customer.address_postal_code,
        "address_country": customer.address_country,
        "metadata": customer.metadata,
        "environment_id": state.environment_id,
        "tenant_id": state.tenant_id,
        "status": customer.status,
        "created_at": rfc3339(customer.created_at),
        "updated_at": rfc3339(customer.updated_at),
        "created_by": customer.created_by,
        "updated_by": customer.updated_by,
    }
    if state.contract == "2026-08":
        record["contact"], record["timezone"] = customer.contact, customer.timezone
    elif customer.parent_customer_id is not None:
        record["parent_customer_id"] = customer.parent_customer_id
    return with_quirks(
        record,
        quirks.extra_customer_fields,
        quirks.customer_fields.get(customer.id),
        quirks.customer_records.get(customer.id),
    )


def with_quirks(
    record: Record,
    extra: Mapping[str, object],
    raw_fields: Mapping[str, str | None] | None,
    raw_record: str | None,
) -> str:
    """Return the JSON of a record with fields added and replaced, or another text altogether."""
    if raw_record is not None:
        return raw_record
    if extra:
        record = {**record, **extra}
    if raw_fields:
        for name, text in raw_fields.items():
            record.pop(name, None)
            if text is not None:
                record[name] = RawJson(text)
    return json_text(record)


def _config(wallet: Wallet) -> Record:
    if wallet.allowed_price_types is None:
        return {}
    return {"allowed_price_types": wallet.allowed_price_types}


def _alert_config(wallet: Wallet, quirks: Quirks) -> Record | None:
    entry = wallet.alert_config
    if entry is None:
        return None
    value = _number(entry.threshold, quirks, wallet.id, "alert")
    return {"threshold": {"type": entry.type, "value": value}}


def _alert_settings(wallet: Wallet, quirks: Quirks) -> Record | None:
    settings = wallet.alert_settings
    if settings is None:
        return None

    def level(name: str, entry: AlertThreshold | None) -> Record | None:
        if entry is None:
            return None
        threshold = _number(entry.threshold, quirks, wallet.id, name)
        return {"threshold": threshold, "condition": entry.condition}

    record: Record = {name: level(name, entry) for name, entry in settings.items()}
    record["alert_enabled"] = wallet.alert_enabled
    return record


def _auto_topup(state: WorldState, wallet: Wallet, quirks: Quirks) -> Record | None:
    settings = wallet.auto_topup
    if settings is None:
        return None
    record: Record = {
        "enabled": settings.enabled,
        "threshold": _number(settings.threshold, quirks, wallet.id, "topup"),
        "amount": _number(settings.amount, quirks, wallet.id, "amount"),
        "invoicing": settings.invoicing,
    }
    if state.contract == "2026-08" and settings.cooldown is not None:
        record["cooldown"] = {"value": settings.cooldown[0], "unit": settings.cooldown[1]}
    return record


def _number(value: Decimal | None, quirks: Quirks, *key: str) -> str | None:
    """Return a decimal as the server sends it (a string) or as the reference writes it."""
    if value is None:
        return None
    text = decimal_text(value)
    if quirks.numbers_as == "strings" or chance(*key) < 0.3:
        return text
    # 10 as 10 or as 10.0: both are JSON numbers, and a reader must take both for ten.
    if "." not in text and chance(*key, "integer") < 0.5:
        return JsonNumber(text + ".0")
    return JsonNumber(text)
