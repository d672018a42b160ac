"""Fingerprints: short hashes by which a version is found to differ from the previous one.

Each is made of the values that are present, by name: amounts as text at their column's scale, times in UTC, rows sorted
by their key. What is absent is left out, so a column that comes later changes no hash while it is null; what is
recorded without making a difference is left out, too. In tables the hashes are hexadecimal text, and
`HASH_RECIPE` names this recipe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Final

import orjson

from flexprice_wallets.records.columns import Compared, Table
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.records import (
    CustomerRecord,
    Rejection,
    Row,
    Settings,
    Transactions,
)
from flexprice_wallets.records.transaction_tables import WALLET_TRANSACTIONS
from flexprice_wallets.records.wallet_tables import (
    WALLET_BALANCES,
    WALLET_REAL_TIME_BALANCES,
    WALLETS,
)

HASH_RECIPE: Final = "blake2b-64/128 of the present values by name as JSON in UTF-8, version 2"

SIZE: Final = 16
PART_SIZE: Final = 8


class Fingerprint:
    """Hashes the versions of one table.

    `besides`: compared columns that no field of the API fills. `size`: bytes of a hash that has no parts.
    """

    def __init__(self, table: Table, *besides: str, size: int = SIZE) -> None:
        fields = table.fields
        compared = [field.name for field in fields if field.compared is Compared.ALWAYS]
        self._names = sorted({*compared, *besides})
        self.parts = tuple(field.name for field in fields if field.compared is Compared.WHERE_GIVEN)
        #: Bytes of a fingerprint, its parts included.
        self.size = PART_SIZE * (1 + len(self.parts)) if self.parts else size
        self._whole_size = PART_SIZE if self.parts else size

    def of(
        self, customer_id: str, values: Row, rows: Mapping[str, list[Row]] | None = None
    ) -> bytes:
        """The fingerprint of a version that a customer's record gave.

        Args:
            customer_id: Flexprice id of the customer.
            values: the version's values by column.
            rows: rows of other tables that belong to it.
        """
        present: list[Any] = [
            (name, value) for name in self._names if (value := values.get(name)) is not None
        ]
        if rows:
            present += [(name, *map(_present, rows[name])) for name in sorted(rows) if rows[name]]
        whole = _hash((customer_id, present), self._whole_size)
        if not self.parts:
            return whole
        return whole + b"".join(self._part(values.get(name)) for name in self.parts)

    def of_columns(self, owners: list[str], columns: Mapping[str, list[Any]]) -> list[bytes]:
        """What `of` gives for each version that has no parts and no rows besides, given by column, with its owner."""
        pairs = zip(*(_pairs(name, columns[name]) for name in self._names), strict=True)
        return [
            _hash((owner, list(filter(None, present))), self._whole_size)
            for owner, present in zip(owners, pairs, strict=True)
        ]

    @staticmethod
    def _part(value: object) -> bytes:
        return _NOT_GIVEN if value is None else _hash((value,), PART_SIZE)


#: Of a part that the answer left out.
_NOT_GIVEN: Final = bytes(PART_SIZE)

_SETTINGS: Final = Fingerprint(
    WALLETS, "is_listed", "ended", "unrecognized_fields", "unreadable_fields"
)
_BALANCE: Final = Fingerprint(WALLET_BALANCES, "currency")
_REAL_TIME: Final = Fingerprint(WALLET_REAL_TIME_BALANCES, "currency", "pending_amount")
_CUSTOMER: Final = Fingerprint(CUSTOMERS, "is_listed", "unrecognized_fields")
_TRANSACTION: Final = Fingerprint(WALLET_TRANSACTIONS, "unrecognized_fields", size=PART_SIZE)


#: Bytes of a wallet's fingerprints: settings, balance, real-time figures, credits available.
WALLET_SIZES: Final = (_SETTINGS.size, _BALANCE.size, _REAL_TIME.size, SIZE)


def settings_fingerprint(customer_id: str, settings: Settings) -> bytes:
    """16 bytes for a `wallets` version with the rows that belong to it."""
    return _SETTINGS.of(customer_id, settings.values, settings.rows)


def balance_fingerprint(customer_id: str, balance: Row) -> bytes:
    """16 bytes for a `wallet_balances` version."""
    return _BALANCE.of(customer_id, balance)


def real_time_fingerprint(customer_id: str, real_time: Row) -> bytes:
    """8 bytes for the figures of a `wallet_real_time_balances` version, then 8 for each part that may be left out."""
    return _REAL_TIME.of(customer_id, real_time)


def credits_fingerprint(customer_id: str, currency: str, credits: Iterable[Row]) -> bytes:
    """16 bytes for a `wallet_credits_available` version: all its rows, sorted by their kind."""
    return _hash((customer_id, ("currency", currency), *map(_present, credits)), SIZE)


def figures_given_fingerprint(is_real_time_given: bool, is_credits_given: bool) -> bytes:
    """16 bytes for a `wallet_figures_given` version."""
    return _hash((is_real_time_given, is_credits_given), SIZE)


def customer_fingerprint(record: CustomerRecord) -> bytes:
    """16 bytes for a `customers` version."""
    return _CUSTOMER.of(record.customer_id, record.values)


def transaction_fingerprints(transactions: Transactions) -> list[bytes]:
    """8 bytes for each `wallet_transactions` version: only those of one transaction are compared."""
    columns = transactions.columns
    owners = map("{} {}".format, columns["customer_id"], columns["wallet_id"])
    return _TRANSACTION.of_columns(list(owners), columns)


def rejection_hash(rejection: Rejection) -> str:
    """16 hexadecimal digits by which the same rejection is recognised again.

    Of a record that was rejected as a whole every digit counts, since nothing else tells of it. Where only a group of
    fields was rejected the rest of the record is loaded, and may move without making another rejection.
    """
    raw = rejection.raw_record if rejection.field_group == "record" else None
    values = (
        rejection.resource,
        rejection.customer_id,
        rejection.wallet_id,
        rejection.field_group,
        rejection.reason,
        raw,
    )
    return _hash(values, PART_SIZE).hex()


def _present(row: Row) -> list[tuple[str, Any]]:
    return [pair for pair in sorted(row.items()) if pair[1] is not None]


def _hash(values: object, size: int) -> bytes:
    return blake2b(orjson.dumps(values, default=str), digest_size=size).digest()


def _pairs(name: str, column: list[Any]) -> list[Any]:
    """Each value of a column with its name, as text where it comes often; None where it is null."""
    distinct = set(column)
    if 2 * len(distinct) > len(column):
        return [None if value is None else (name, value) for value in column]
    # Equal values of one column have the same text: each has the type and the scale of its column.
    texts = {
        value: orjson.Fragment(orjson.dumps((name, value), default=str))
        for value in distinct
        if value is not None
    }
    return list(map(texts.get, column))


def same_where_given(known: bytes, fingerprint: bytes) -> bool:
    """Whether a fingerprint with parts is the known one; a part that was left out now makes no difference."""
    if known == fingerprint:
        return True
    if known[:PART_SIZE] != fingerprint[:PART_SIZE]:
        return False
    for start in range(PART_SIZE, len(fingerprint), PART_SIZE):
        part = fingerprint[start : start + PART_SIZE]
        if part not in (_NOT_GIVEN, known[start : start + PART_SIZE]):
            return False
    return True
