"""Records to compare: wallets as the API sends them, and a comparison that keeps what it writes."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from flexprice_wallets.extract import calls
from flexprice_wallets.extract.calls import Failure, Figures, Reply, customer_wallets
from flexprice_wallets.records.records import Row
from flexprice_wallets.snapshot.comparison import Comparison
from flexprice_wallets.snapshot.known import Known
from flexprice_wallets.snapshot.snapshot_time import snapshot_id
from tests.records import example_records

FIRST = datetime(2026, 8, 20, 12, tzinfo=UTC)
CUSTOMER_ID = "cust_01K200000000000000000000001"
WALLET_ID = "wallet_01K200000000000000000000001"
_REAL_TIME_FIELDS = (
    "real_time_balance",
    "real_time_credit_balance",
    "current_period_usage",
    "unpaid_invoices_amount",
    "is_cached_fallback",
)


def raw_wallet(**changes: Any) -> dict[str, Any]:
    """The August example, with some fields changed; one that is None is left out."""
    record = {**example_records.wallet("2026-08"), **changes}
    return {name: value for name, value in record.items() if value is not None}


def settled_only(**changes: Any) -> dict[str, Any]:
    """The same as an answer for one wallet has it: without the optional figures."""
    left_out = dict.fromkeys((*_REAL_TIME_FIELDS, "credits_available_breakdown"))
    return raw_wallet(**left_out, **changes)


class Observer:
    """Takes one snapshot after another of a few customers, each compared with what the ones before left."""

    comparison: Comparison
    rows: dict[str, list[Row]]

    def __init__(self) -> None:
        self.known = Known()
        self.number = 0
        self.begin()

    def begin(self, figures: Figures | None = None, covered: set[str] | None = None) -> None:
        """Begin the next snapshot."""
        if self.number:
            ownership = self.comparison.ownership
            self.known.tenant_id = ownership.tenant_id
            self.known.environment_id = ownership.environment_id
        at = FIRST + timedelta(hours=self.number)
        self.number += 1
        for wallet in self.known.wallets.values():
            wallet.is_seen = False
        for customer in self.known.customers.values():
            customer.is_seen = False
        for rejection in self.known.rejections.values():
            rejection.is_seen = False
        self.rows = {}
        self.comparison = Comparison(
            self.known, snapshot_id(at), at, figures or Figures(), self._write, covered
        )

    def _write(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)

    @property
    def written(self) -> Counter[str]:
        """Rows of this snapshot by table."""
        return Counter({table: len(rows) for table, rows in self.rows.items()})

    @property
    def reasons(self) -> list[str]:
        return [row["reason"] for row in self.rows.get("rejected_records", [])]

    def take(self, *records: Any, customer_id: str = CUSTOMER_ID) -> None:
        """Take a customer's wallets."""
        self.comparison.take_customer_wallets(listed(customer_id, *records))

    def take_again(self, *records: Any) -> None:
        """Begin the next snapshot and take a customer's wallets."""
        self.begin()
        self.take(*records)

    def follow(self, record: Any, wallet_id: str = WALLET_ID) -> None:
        """Take the answer for one wallet."""
        call = calls.wallet(wallet_id, self.known.wallets[wallet_id].customer_id)
        self.comparison.take_followed_wallet(Reply(call, FIRST, 1, records=[record]))


def listed(customer_id: str, *records: Any) -> Reply:
    return Reply(customer_wallets(customer_id, Figures()), FIRST, 1, records=list(records))


def failed(customer_id: str) -> Reply:
    failure = Failure("http_500", "broken", 500)
    return Reply(customer_wallets(customer_id, Figures()), FIRST, 3, failure=failure)
