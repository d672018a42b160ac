"""What the warehouse must hold of the ledger after each run: every transaction as the truth had it when last read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from tests.history.observed import Record, Snapshot

_READ_AGAIN: Final = timedelta(minutes=10)
#: What alone makes no version, and what the API does not tell.
_NOT_COMPARED: Final = ("updated_at", "updated_by", "completed_at")


@dataclass
class ExpectedLedger:
    """Follows the ledger from run to run. `known`: the truth of each transaction when its last version was written."""

    known: dict[str, Record] = field(default_factory=dict)
    rows: list[Record] = field(default_factory=list)
    rejected: dict[str, str] = field(default_factory=dict)
    read_to: datetime | None = None
    is_known: bool = False

    def observe(self, snapshot: Snapshot, owners: Mapping[str, str]) -> None:
        """Take note of a run. `owners`: the customer of each wallet that was ever seen, as the run left it."""
        state = self._state(snapshot)
        row: Record = {
            "ledger": state,
            "transactions_observed": None,
            "transactions_changed": None,
        }
        if state == "complete":
            row |= self._read(snapshot, owners)
        self.rows.append({**row, "ledger_read_to": self.read_to})

    def rejections_held(self, snapshot: Snapshot) -> int:
        """Rejections of transactions that the last run counts."""
        if self.rows[-1]["ledger"] != "complete":
            return 0
        return sum(
            snapshot.named is None or customer_id in snapshot.named
            for customer_id in self.rejected.values()
        )

    def _state(self, snapshot: Snapshot) -> str:
        if not snapshot.ledger:
            return "not_asked"
        if snapshot.ledger_fault is None:
            return "complete"
        refusals = {"forbidden", "not_found"}
        is_refused = snapshot.ledger_fault in refusals and not self.is_known
        return "refused" if is_refused else "failed"

    def _read(self, snapshot: Snapshot, owners: Mapping[str, str]) -> Record:
        since = None if self.read_to is None else self.read_to - _READ_AGAIN
        truth: dict[str, Record] = snapshot.truth["transactions"]
        found = [
            key
            for key, transaction in truth.items()
            if (since is None or transaction["updated_at"] >= since)
            and (snapshot.named is None or owners.get(transaction["wallet_id"]) in snapshot.named)
        ]
        if snapshot.named is None and since is not None:
            wallets = {truth[key]["wallet_id"] for key in self.rejected.keys() - {*found}}
            found += [
                key
                for key, row in truth.items()
                if row["wallet_id"] in wallets and row["updated_at"] < since
            ]
        taken = [key for key in found if key not in snapshot.rejected_transactions]
        self._take_rejections(snapshot.rejected_transactions, found, truth)
        changed = {key for key in taken if self._differs(truth[key])}
        self.known |= {key: truth[key] for key in changed}
        if snapshot.named is None:
            self.is_known = True
            times = [truth[key]["updated_at"] for key in taken]
            self.read_to = max([*times, *([self.read_to] if self.read_to else [])], default=None)
        return {"transactions_observed": len(taken), "transactions_changed": len(changed)}

    def _take_rejections(
        self, rejected: Collection[str], found: Collection[str], truth: Mapping[str, Record]
    ) -> None:
        for key in found:
            if key in rejected:
                self.rejected[key] = truth[key]["customer_id"]
            else:
                self.rejected.pop(key, None)

    def _differs(self, transaction: Record) -> bool:
        last = self.known.get(transaction["id"])
        return last is None or _compared(last) != _compared(transaction)


def _compared(transaction: Record) -> Record:
    return {name: value for name, value in transaction.items() if name not in _NOT_COMPARED}
