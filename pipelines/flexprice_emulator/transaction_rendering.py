"""Transactions as JSON text, field by field as the server sends them."""

import json

from flexprice_emulator.formats import RawJson, decimal_text, rfc3339
from flexprice_emulator.quirks import Quirks
from flexprice_emulator.records import Transaction
from flexprice_emulator.rendering import (
    Record,
    customer_json,
    wallet_json,
    wallet_record,
    with_quirks,
)
from flexprice_emulator.state import WorldState

#: Three times as fast as `json_text`, and the same for texts, whole numbers and null.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def transaction_json(
    state: WorldState, row: Transaction, quirks: Quirks, expand: tuple[str, ...] = ()
) -> str:
    """Return the JSON of a transaction after the quirks, with what `expand` adds to it.

    Of the two rates only the one that the transaction has is there, and `parent_transaction_id`
    only where there is one.
    """
    record: Record = {
        "id": row.id,
        "wallet_id": row.wallet_id,
        "customer_id": row.customer_id,
        "type": row.type,
        "amount": decimal_text(row.amount),
        "credit_amount": decimal_text(row.credit_amount),
        "credit_balance_before": decimal_text(row.credit_balance_before),
        "credit_balance_after": decimal_text(row.credit_balance_after),
        "transaction_status": row.transaction_status,
        "reference_type": row.reference_type,
        "reference_id": row.reference_id,
        "description": row.description,
        "metadata": row.metadata,
        "expiry_date": None if row.expiry_date is None else rfc3339(row.expiry_date),
        "credits_available": decimal_text(row.credits_available),
        "transaction_reason": row.transaction_reason,
        "priority": row.priority,
        "currency": row.currency,
        "idempotency_key": row.idempotency_key,
        "environment_id": state.environment_id,
        "tenant_id": state.tenant_id,
        "status": row.status,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "created_by": row.created_by,
        "updated_by": row.updated_by,
    }
    if row.conversion_rate is not None:
        record["conversion_rate"] = decimal_text(row.conversion_rate)
    if row.topup_conversion_rate is not None:
        record["topup_conversion_rate"] = decimal_text(row.topup_conversion_rate)
    if row.parent_transaction_id is not None:
        record["parent_transaction_id"] = row.parent_transaction_id
    if expand:
        record |= _expanded(state, row, quirks, expand)
    elif not quirks.concerns_transaction(row.id):
        return _encode(record)
    return with_quirks(
        record,
        quirks.extra_transaction_fields,
        quirks.transaction_fields.get(row.id),
        quirks.transaction_records.get(row.id),
    )


def _expanded(
    state: WorldState, row: Transaction, quirks: Quirks, expand: tuple[str, ...]
) -> Record:
    record: Record = {}
    if "customer" in expand and (customer := state.customers.get(row.customer_id)):
        record["customer"] = RawJson(customer_json(state, customer, quirks))
    if "wallet" in expand and (wallet := state.wallets.get(row.wallet_id)):
        text = wallet_json(wallet.id, wallet_record(state, wallet, quirks), quirks)
        record["wallet"] = RawJson(text)
    if "created_by_user" in expand:
        record["created_by_user"] = {"id": row.created_by}
    return record
