"""Turns a transaction of the ledger, as the API sent it, into a `TransactionRecord`."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.page_reading import PageReader, read_column
from flexprice_wallets.records.reading import FieldReader, Record, Row, shape_of
from flexprice_wallets.records.records import Rejection, TransactionRecord
from flexprice_wallets.records.transaction_tables import WALLET_TRANSACTIONS
from flexprice_wallets.records.unrecognized import unrecognized_members
from flexprice_wallets.records.values import Unreadable, read

_FIELDS: Final = FieldReader(WALLET_TRANSACTIONS.fields)
_PAGE: Final = PageReader(WALLET_TRANSACTIONS.fields)
_SHAPE: Final = shape_of([WALLET_TRANSACTIONS], "id", "wallet_id", "customer_id")


def parse_transactions(raw: list[object]) -> list[TransactionRecord | Rejection]:
    """What `parse_transaction` gives for each item of a page; the time of it only where something cannot be read."""
    records = [record for record in raw if type(record) is dict]
    if len(records) == len(raw):
        try:
            return [*_parse_readable(records)]
        except Unreadable:
            pass
    return [parse_transaction(record) for record in raw]


def _parse_readable(records: list[Record]) -> list[TransactionRecord]:
    ids, wallet_ids, customer_ids = (
        read_column(records, name, values.required_id)
        for name in ("id", "wallet_id", "customer_id")
    )
    rows = _PAGE.read(records)
    for record, row in zip(records, rows, strict=True):
        _keep_unrecognized(record, row)
    return list(map(TransactionRecord, ids, wallet_ids, customer_ids, rows))


def parse_transaction(raw: object) -> TransactionRecord | Rejection:
    """The transaction that `raw`, an item of a decoded page, describes, or the `Rejection` of it.

    A transaction is taken whole or not at all: a book without one of its figures does not close.
    """
    if type(raw) is not dict:
        reason = f"the transaction is {values.shown(raw)}, not an object"
        return Rejection("transaction", "record", reason, None, None, json_text.raw_record(raw))
    try:
        transaction_id = read(raw, "id", values.required_id)
        wallet_id = read(raw, "wallet_id", values.required_id)
        customer_id = read(raw, "customer_id", values.required_id)
        row = _FIELDS.read(raw)
    except Unreadable as error:
        return Rejection(
            "transaction",
            "record",
            str(error),
            values.readable_id(raw.get("customer_id")),
            values.readable_id(raw.get("wallet_id")),
            json_text.raw_record(raw),
            values.readable_id(raw.get("id")),
        )
    _keep_unrecognized(raw, row)
    return TransactionRecord(transaction_id, wallet_id, customer_id, row)


def _keep_unrecognized(raw: Record, row: Row) -> None:
    unrecognized = unrecognized_members(raw, _SHAPE)
    row["unrecognized_fields"] = json_text.canonical(unrecognized) if unrecognized else None
