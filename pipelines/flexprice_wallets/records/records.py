"""What reading gives: records whose every value is exact, typed and within range.

Amounts are `decimal.Decimal` at the scale of their column (AMOUNT 9, RATE 5, REAL_TIME 16 decimals) and zero has no
sign, so equal numbers have equal text; times are aware `datetime` in UTC, to the microsecond.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from flexprice_wallets.records.columns import FieldGroup

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that was read and could not be taken: all of a record, or one group of its fields."""

    resource: Literal["customer", "wallet", "transaction"]
    field_group: FieldGroup
    reason: str
    customer_id: str | None
    wallet_id: str | None
    raw_record: str
    transaction_id: str | None = None


@dataclass(slots=True)
class Settings:
    """What is configured for a wallet: the values of its `wallets` row, and the rows that belong to it by table.

    `unreadable_fields` names the API's fields that could not be read, sorted: what they would have set is None or
    empty here and means unknown.
    """

    values: Row
    rows: dict[str, list[Row]]
    unreadable_fields: tuple[str, ...] = ()


@dataclass(slots=True)
class WalletRecord:
    """One wallet of one answer; a group of figures that was left out, or rejected, is None.

    `balance` and `real_time` hold values by column, `credits_available` one row for each kind of credit.
    """

    wallet_id: str
    customer_id: str
    settings: Settings
    balance: Row | None = None
    real_time: Row | None = None
    credits_available: list[Row] | None = None
    rejections: list[Rejection] = field(default_factory=list)


@dataclass(slots=True)
class CustomerRecord:
    """One customer of the listing: the values of its `customers` row."""

    customer_id: str
    values: Row


@dataclass(slots=True)
class Transactions:
    """Transactions of the ledger by column of `wallet_transactions`, in lists of the same length."""

    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.columns["transaction_id"])

    def chosen(self, indices: list[int]) -> Transactions:
        """Those that stand at these places."""
        columns = {
            name: [column[each] for each in indices] for name, column in self.columns.items()
        }
        return Transactions(columns)
