"""What a run could see of a world: the truth of that moment, and what was asked, left out or failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True)
class Within:
    """Equal to every value from `low` to `high`: how the real clock stood is known only roughly."""

    low: Any
    high: Any

    def __eq__(self, other: Any) -> bool:
        return type(other) is type(self.low) and bool(self.low <= other <= self.high)

    def __hash__(self) -> int:
        return hash((self.low, self.high))


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One run: its logical and its real time, what it asked for and of whom, and the truth then.

    `named`: ids of the customers that a selected run named, None for a run over all.
    `ledger`: whether it was asked for; `ledger_fault`: how the API failed to give it.
    `failed_customers`, `failed_wallets`: ids whose calls failed. `rejected_wallets`: ids of wallets whose record
    nobody can read; `rejected_transactions`: the same of transactions. `no_breakdown`, `no_usage`, `no_unpaid`: ids of
    wallets whose figure the API left out.
    """

    at: datetime
    clock: Within
    truth: Record
    real_time: bool = True
    breakdown: bool = True
    named: frozenset[str] | None = None
    unknown_keys: frozenset[str] = frozenset()
    failed_customers: frozenset[str] = frozenset()
    failed_wallets: frozenset[str] = frozenset()
    rejected_wallets: frozenset[str] = frozenset()
    rejected_transactions: frozenset[str] = frozenset()
    ledger: bool = True
    ledger_fault: str | None = None
    no_breakdown: frozenset[str] = frozenset()
    no_usage: frozenset[str] = frozenset()
    no_unpaid: frozenset[str] = frozenset()
    extra_fields: Mapping[str, object] = field(default_factory=dict)
    requests: int = 0

    @property
    def day(self) -> date:
        return self.at.date()

    @property
    def id(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def scope(self) -> str:
        return "all" if self.named is None else "selected"

    @property
    def customers_asked(self) -> set[str]:
        """Customers whose wallets were asked for."""
        if self.named is not None:
            return set(self.named)
        return {key for key, row in self.truth["customers"].items() if row["is_listed"]}

    def covers(self, customer_id: str) -> bool:
        return self.named is None or customer_id in self.named

    def could_read(self, customer_id: str) -> bool:
        """Whether nothing stood in the way of this customer's wallets."""
        return self.covers(customer_id) and customer_id not in self.failed_customers

    def lists(self, wallet: Record) -> bool:
        """Whether the list of the wallet's customer was read and holds it."""
        customer_id = wallet["customer_id"]
        return (
            wallet["is_listed"]
            and customer_id in self.customers_asked
            and customer_id not in self.failed_customers
        )
