"""Says what every view must hold, from nothing but the truth at the times of the runs.

It reads no warehouse and knows no SQL: it keeps what each run could see, follows every wallet through that, and
answers each view anew from the beginning. Simple rather than fast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.history import (
    expected_answers,
    expected_balances,
    expected_days,
    expected_rows,
    expected_state,
)
from tests.history.expected_ledger import ExpectedLedger
from tests.history.expected_rates import in_reporting_currency
from tests.history.observed import Record, Snapshot
from tests.history.sights import Sight, sights_of


@dataclass
class Oracle:
    """Everything that was observed so far."""

    snapshots: list[Snapshot] = field(default_factory=list)
    sights: dict[str, list[Sight]] = field(default_factory=dict)
    customers: dict[str, list[expected_state.CustomerSight]] = field(default_factory=dict)
    counts: list[dict[str, int]] = field(default_factory=list)
    failed: list[set[str]] = field(default_factory=list)
    ledger: ExpectedLedger = field(default_factory=ExpectedLedger)

    def observe(self, snapshot: Snapshot) -> None:
        """Take note of one more run."""
        earlier = {wallet_id: every[-1] for wallet_id, every in self.sights.items()}
        self.snapshots.append(snapshot)
        self.sights = {
            wallet_id: sights
            for wallet_id in snapshot.truth["wallets"]
            if (sights := sights_of(wallet_id, self.snapshots))
        }
        self.customers = {
            customer_id: versions
            for customer_id in snapshot.truth["customers"]
            if (versions := expected_state.customer_sights(customer_id, self.snapshots))
        }
        owners = {key: every[-1].settled.customer_id for key, every in self.sights.items()}
        self.ledger.observe(snapshot, owners)
        counts = expected_rows.counts(snapshot, self.sights, earlier)
        counts["ledger_failures"] = int(self.ledger.rows[-1]["ledger"] == "failed")
        counts["records_rejected"] += self.ledger.rejections_held(snapshot)
        self.counts.append(counts)
        self.failed.append(expected_rows.customers_concerned(snapshot, earlier))

    @property
    def is_complete(self) -> bool:
        """Whether the last run read everything."""
        return expected_state.is_complete(self.counts[-1])

    def rows_written(self) -> dict[str, int]:
        """Rows that the last run wrote, by table."""
        rows = expected_rows.rows_written(
            self.snapshots[-1], self.sights, self.customers, self.counts[-1]
        )
        rows["wallet_transactions"] = self.ledger.rows[-1]["transactions_changed"] or 0
        rows["fetch_failures"] += self.counts[-1]["ledger_failures"]
        return rows

    def views(self) -> dict[str, list[Record]]:
        """The rows of every view after the last run."""
        last_day = self.snapshots[-1].day
        daily = [
            in_reporting_currency(row, {"reporting_closing_balance": "closing_balance"})
            for wallet_id, sights in self.sights.items()
            for row in expected_days.wallet_days(wallet_id, sights, last_day)
        ]
        customers = self._customers_now()
        wallets = expected_state.wallets(self.sights)
        currency_days = [
            in_reporting_currency(
                row,
                {
                    "reporting_outstanding_balance": "outstanding_balance",
                    "reporting_purchased_balance": "purchased_balance",
                },
            )
            for row in expected_days.currency_days(
                self.sights, [snapshot.at for snapshot in self.snapshots]
            )
        ]
        last = self.snapshots[-1].at
        first_load = next(each.at for each in self.snapshots if each.scope == "all")
        by_wallet = {
            "wallet_settings_history": expected_state.settings_history,
            "wallet_balance_history": expected_balances.balance_history,
            "wallet_balance_changes": expected_balances.balance_changes,
            "wallet_alerts": expected_state.alerts,
        }
        return {
            "snapshots": expected_state.snapshot_rows(
                self.snapshots, self.counts, self.ledger.rows
            ),
            "freshness": [
                expected_state.freshness(self.snapshots, self.counts, self.failed, self.ledger.rows)
            ],
            "customers": expected_state.customers(self.snapshots, self.customers, self.sights),
            "wallets": wallets,
            "wallet_balance_daily": daily,
            "customer_balance_daily": [
                in_reporting_currency(
                    row,
                    {
                        "reporting_closing_balance": "closing_balance",
                        "reporting_closing_outstanding_balance": "closing_outstanding_balance",
                    },
                )
                for row in expected_days.customer_days(daily, self.sights, customers)
            ],
            "currency_balance_daily": currency_days,
            **{
                view: [
                    row
                    for wallet_id, sights in self.sights.items()
                    for row in rows_of(wallet_id, sights)
                ]
                for view, rows_of in by_wallet.items()
            },
            "wallet_lifecycle": [
                row
                for wallet_id, sights in self.sights.items()
                for row in expected_state.lifecycle(wallet_id, sights, first_load)
            ],
            "outstanding_wallets": expected_answers.outstanding_wallets(wallets, customers),
            "month_end": expected_answers.month_end(
                currency_days, self.snapshots, self.ledger.rows
            ),
            "completeness_daily": expected_answers.completeness(self.snapshots, self.counts),
            "wallet_metadata_history": [
                row
                for wallet_id, sights in self.sights.items()
                for row in expected_answers.wallet_metadata(wallet_id, sights)
            ],
            "customer_metadata_history": [
                row
                for customer_id, versions in self.customers.items()
                for row in expected_answers.customer_metadata(customer_id, versions)
            ],
            "wallet_alert_history": [
                row
                for wallet_id, sights in self.sights.items()
                for row in expected_answers.alert_history(wallet_id, sights, last)
            ],
            "wallet_overview": expected_answers.overview(
                wallets,
                customers,
                (
                    row
                    for wallet_id, sights in self.sights.items()
                    for row in expected_state.alerts(wallet_id, sights)
                ),
                self.sights,
            ),
        }

    def _customers_now(self) -> dict[str, Record]:
        """The row of `customers` for each."""
        rows = expected_state.customers(self.snapshots, self.customers, self.sights)
        return {row["customer_id"]: row for row in rows}

    def balance_as_of(self, moment: datetime) -> list[Record]:
        """The rows of `wallet_balance_as_of` for a moment."""
        customers = self._customers_now()
        return [
            row
            for wallet_id, sights in self.sights.items()
            for row in expected_balances.balance_as_of(wallet_id, sights, moment, customers)
        ]
