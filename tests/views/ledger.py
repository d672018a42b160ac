"""Ledgers made by hand: what each load read of them, written into raw tables change-only, as a load would.

ledger = LedgerHistory()
ledger.snapshot("2026-03-01 08:00", [wallet("w1", 70)], [
    credit("t1", 100, at="2026-01-05 10:00"),
    debit("t2", 30, before=100, at="2026-02-03 12:00"),
])
connection = ledger.warehouse()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import duckdb

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots
from tests.views.history import ANSWER_DELAY, History, empty_warehouse, insert, moment
from tests.views.seen import Number, Seen

Row = dict[str, Any]


def credit(
    transaction_id: str,
    credits_: Number,
    *,
    at: str,
    before: Number = 0,
    reason: str | None = "PURCHASED_CREDIT_DIRECT",
    status: str = "completed",
    left: Number | None = None,
    updated: str | None = None,
    expires: str | None = None,
    wallet: str = "w1",
    rate: Number = 1,
    **others: Any,
) -> Row:
    """A credit as the API tells it. `left`: its credits_available, all of it unless given."""
    amount = Decimal(credits_)
    is_completed = status == "completed"
    return _transaction(transaction_id, wallet, at, updated, amount, rate, reason, status) | {
        "transaction_type": "credit",
        "credit_balance_before": Decimal(before),
        "credit_balance_after": Decimal(before) + (amount if is_completed else 0),
        "credits_available": (amount if left is None else Decimal(left)) if is_completed else 0,
        "topup_conversion_rate": Decimal(rate),
        "expires_at": None if expires is None else moment(expires),
        **others,
    }


def debit(
    transaction_id: str,
    credits_: Number,
    *,
    at: str,
    before: Number,
    reason: str | None = "INVOICE_PAYMENT",
    wallet: str = "w1",
    rate: Number = 1,
    **others: Any,
) -> Row:
    """A debit as the API tells it."""
    amount = Decimal(credits_)
    return _transaction(transaction_id, wallet, at, None, amount, rate, reason, "completed") | {
        "transaction_type": "debit",
        "credit_balance_before": Decimal(before),
        "credit_balance_after": Decimal(before) - amount,
        "credits_available": Decimal(0),
        "conversion_rate": Decimal(rate),
        **others,
    }


def _transaction(
    transaction_id: str,
    wallet: str,
    at: str,
    updated: str | None,
    amount: Decimal,
    rate: Number,
    reason: str | None,
    status: str,
) -> Row:
    return {
        "transaction_id": transaction_id,
        "wallet_id": wallet,
        "customer_id": "c1",
        "transaction_status": status,
        "transaction_reason": reason,
        "currency": "usd",
        "credit_amount": amount,
        "amount": amount * Decimal(rate),
        "source_created_at": moment(at),
        "source_updated_at": moment(updated or at),
    }


@dataclass
class LedgerHistory:
    """Snapshots in order of time, each with all transactions as they were then; None: without a ledger."""

    history: History = field(default_factory=History)
    ledgers: list[Sequence[Row] | None] = field(default_factory=list)

    def snapshot(
        self,
        at: str | datetime,
        seen: Sequence[Seen] = (),
        transactions: Sequence[Row] | None = (),
        **details: Any,
    ) -> LedgerHistory:
        self.history.snapshot(at, seen, **details)
        self.ledgers.append(transactions)
        return self

    def warehouse(self, *, transactions_per_batch: int | None = None) -> duckdb.DuckDBPyConnection:
        connection = empty_warehouse()
        connection.execute("set timezone = 'UTC'")
        self.load(connection)
        if transactions_per_batch is None:
            apply_snapshots(connection)
        else:
            apply_snapshots(connection, transactions_at_once=transactions_per_batch)
        create_views(connection)
        return connection

    def load(
        self, connection: duckdb.DuckDBPyConnection, start: int = 0, stop: int | None = None
    ) -> None:
        """Write the raw rows of the snapshots from `start` up to, not including, `stop`."""
        self.history.load(connection, start, stop)
        last: dict[str, Row] = {}
        chosen = range(len(self.ledgers))[start:stop]
        for number, (snapshot, rows) in enumerate(
            zip(self.history.snapshots, self.ledgers, strict=True)
        ):
            fresh = [row for row in rows or () if row != last.get(row["transaction_id"])]
            last |= {row["transaction_id"]: row for row in fresh}
            if number not in chosen:
                continue
            connection.execute(
                "update flexprice_raw.snapshots set ledger = ? where snapshot_id = ?",
                ["not_asked" if rows is None else "complete", snapshot.snapshot_id],
            )
            if fresh:
                insert(
                    connection,
                    "wallet_transactions",
                    [_version(row, snapshot.at, snapshot.snapshot_id) for row in fresh],
                )


def _version(row: Row, at: datetime, snapshot_id: str) -> Row:
    return {
        **row,
        "snapshot_id": snapshot_id,
        "snapshot_at": at,
        "observed_at": at + ANSWER_DELAY,
        "version_hash": "",
    }
