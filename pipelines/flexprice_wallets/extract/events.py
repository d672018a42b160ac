"""What a feed tells beside replies. Records of customers are as they came: nothing in them is checked yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from flexprice_wallets.extract.calls import Failure
from flexprice_wallets.records.records import Rejection, Transactions
from flexprice_wallets.records.values import readable_id


class CustomersFound(NamedTuple):
    """Records of the listing that the run covers. `total` is what the API says there are in all."""

    records: list[object]
    observed_at: datetime
    total: int | None


@dataclass(slots=True)
class ListingDone:
    """The listing is complete. `calls`: customers whose wallets were asked for; `named_only`: ids named, not listed."""

    calls: int
    named_only: list[str] = field(default_factory=list)


class TransactionsPage(NamedTuple):
    """Transactions, read where they were asked for: columns are sent from process to process more quickly than records.

    `rejected`: what could not be read. `observed_at` is in UTC.
    """

    records: Transactions
    rejected: list[Rejection]
    observed_at: datetime


class LedgerUnread(NamedTuple):
    """The ledger could not be read to its end. `is_refused`: the API does not offer it, or not to this key.

    `resource_id`: the wallet that was asked for, or "ledger"; `attempts`, `observed_at` (UTC): of the last request.
    """

    failure: Failure
    is_refused: bool
    resource_id: str
    attempts: int
    observed_at: datetime


FeedEvent = CustomersFound | ListingDone
LedgerEvent = TransactionsPage | LedgerUnread


def text_field(record: object, name: str) -> str:
    """A text of a record that is not checked yet; '' where there is none that could be asked for."""
    value = record.get(name) if isinstance(record, dict) else None
    return readable_id(value) or ""
