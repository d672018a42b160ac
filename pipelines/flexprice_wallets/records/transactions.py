"""Turns transactions of the ledger, as the API sent them, into the values of their columns."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.page_reading import PageReader, read_column
from flexprice_wallets.records.reading import FieldReader, Record, Row, shape_of
from flexprice_wallets.records.records import Rejection, Transactions
from flexprice_wallets.records.transaction_tables import WALLET_TRANSACTIONS
from flexprice_wallets.records.unrecognized import unrecognized_members
from flexprice_wallets.records.values import Unreadable, read

_FIELDS: Final = FieldReader(WALLET_TRANSACTIONS.fields)
_PAGE: Final = PageReader(WALLET_TRANSACTIONS.fields)
#: What identifies a transaction, by column: where it stands in a record.
_IDS: Final = {"transaction_id": "id", "wallet_id": "wallet_id", "customer_id": "customer_id"}
_SHAPE: Final = shape_of([WALLET_TRANSACTIONS], *_IDS.values())
_COLUMNS: Final = (
    *_IDS,
    *(field.name for field in WALLET_TRANSACTIONS.fields),
    "unrecognized_fields",
)


def parse_transactions(raw: list[object]) -> tuple[Transactions, list[Rejection]]:
    """What `parse_transaction` gives for the items of a page; the time of it only where something cannot be read."""
    records = [record for record in raw if type(record) is dict]
    if len(records) == len(raw):
        try:
            return _parse_readable(records), []
        except Unreadable:
            pass
    parsed = list(map(parse_transaction, raw))
    rows = [each for each in parsed if not isinstance(each, Rejection)]
    columns = {name: [row[name] for row in rows] for name in _COLUMNS}
    return Transactions(columns), [each for each in parsed if isinstance(each, Rejection)]


def _parse_readable(records: list[Record]) -> Transactions:
    columns = {
        column: read_column(records, path, values.required_id) for column, path in _IDS.items()
    }
    columns |= _PAGE.read(records)
    if _SHAPE.known.issuperset(set().union(*records)):
        columns["unrecognized_fields"] = [None] * len(records)
    else:
        columns["unrecognized_fields"] = list(map(_unrecognized, records))
    return Transactions(columns)


def parse_transaction(raw: object) -> Row | Rejection:
    """The transaction that `raw`, an item of a decoded page, describes, by column; or the `Rejection` of it.

    A transaction is taken whole or not at all: a book without one of its figures does not close.
    """
    if type(raw) is not dict:
        reason = f"the transaction is {values.shown(raw)}, not an object"
        return Rejection("transaction", "record", reason, None, None, json_text.raw_record(raw))
    try:
        ids = {column: read(raw, path, values.required_id) for column, path in _IDS.items()}
        return {**ids, **_FIELDS.read(raw), "unrecognized_fields": _unrecognized(raw)}
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


def _unrecognized(raw: Record) -> str | None:
    unrecognized = unrecognized_members(raw, _SHAPE)
    return json_text.canonical(unrecognized) if unrecognized else None
