"""Compares transactions of the ledger with what is known of them, and writes the versions that differ. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from flexprice_wallets.records.fingerprints import transaction_fingerprint
from flexprice_wallets.records.records import Rejection, TransactionRecord
from flexprice_wallets.records.transactions import parse_transactions
from flexprice_wallets.snapshot.known import KnownRejection
from flexprice_wallets.snapshot.ownership import Ownership
from flexprice_wallets.snapshot.rejections import Rejections
from flexprice_wallets.snapshot.versions import Write

#: Takes transactions; gives the hash of the last version of each that is known, by transaction id.
LastHashes = Callable[[list[TransactionRecord]], dict[str, bytes]]

#: Transactions that are compared at once: looking up many costs little more than looking up one.
_BATCH: Final = 10_000


@dataclass(slots=True)
class TransactionComparison:
    """Takes the pages of a ledger; gives rows to `write`. `last_hashes`: None where no transaction is known.

    `newest`: the latest updated_at of the transactions taken. `ended_wallets_met`: those of `ended_wallets` that any of
    them belongs to.

    A transaction that changes while the ledger is read may come twice: then both versions are written, and the
    earlier one is to be removed.
    """

    snapshot_id: str
    snapshot_at: datetime
    write: Write
    ownership: Ownership
    rejections: Rejections
    last_hashes: LastHashes | None
    ended_wallets: frozenset[str] = frozenset()
    observed: int = 0
    changed: int = 0
    rejected: int = 0
    newest: datetime | None = None
    ended_wallets_met: set[str] = field(default_factory=set)
    _rejected_before: set[str] = field(init=False)
    _met_again: set[str] = field(default_factory=set)
    _waiting: list[tuple[TransactionRecord, datetime]] = field(default_factory=list)
    #: Hashes of the ids of known transactions that were written: of an earlier version, none may be missing.
    _rewritten: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rejected_before = {
            known.transaction_id
            for known in self.rejections.known.values()
            if known.transaction_id is not None
        }

    def take(
        self, records: list[object], observed_at: datetime, before: datetime | None = None
    ) -> None:
        """Take a page, or those of it that were last changed before a moment.

        Raises:
            ForeignAnswer: a transaction is another tenant's or environment's.
        """
        for parsed in parse_transactions(records):
            if parsed.transaction_id in self._rejected_before:
                self._met_again.add(str(parsed.transaction_id))
            if isinstance(parsed, Rejection):
                self.rejected += 1
                self.rejections.take(parsed, observed_at)
                continue
            self.ownership.check(parsed.values["tenant_id"], parsed.values["environment_id"])
            updated_at = parsed.values["source_updated_at"]
            if before is not None and updated_at >= before:
                continue
            self.observed += 1
            if parsed.wallet_id in self.ended_wallets:
                self.ended_wallets_met.add(parsed.wallet_id)
            if self.newest is None or updated_at > self.newest:
                self.newest = updated_at
            self._waiting.append((parsed, observed_at))
        if self.last_hashes is None or len(self._waiting) >= _BATCH:
            self.compare_waiting()

    def compare_waiting(self) -> None:
        """Compare what was taken and not compared yet: to be called after the last page."""
        known: dict[str, bytes] = {}
        if self.last_hashes is not None and self._waiting:
            known = self.last_hashes([record for record, _ in self._waiting])
        for record, observed_at in self._waiting:
            fingerprint = transaction_fingerprint(record)
            last = known.get(record.transaction_id)
            if last is not None:
                number = hash(record.transaction_id)
                if last == fingerprint and number not in self._rewritten:
                    continue
                self._rewritten.add(number)
            self.changed += 1
            self._write(record, fingerprint, observed_at)
        self._waiting.clear()

    def wallets_with_rejections(self, most: int) -> list[str]:
        """Wallets of transactions that were rejected before and not met again, as far as they are known."""
        wallets = {
            known.wallet_id
            for known in self.rejections.known.values()
            if known.resource == "transaction"
            and known.wallet_id is not None
            and not known.is_seen
            and known.transaction_id not in self._met_again
        }
        return sorted(wallets)[:most]

    def wallets_rejected(self) -> set[str]:
        """Wallets of which any record is rejected."""
        return {known.wallet_id for known in self.rejections.known.values() if known.wallet_id}

    def clear_rejections(self) -> None:
        """Write which rejections of transactions no longer hold: those of transactions that came without that fault."""
        self.rejections.clear(lambda known: known.transaction_id in self._met_again)

    def rejections_held(self, covered: set[str] | None) -> int:
        """How many rejections of transactions hold, of these customers or of all, with those of this snapshot."""
        return sum(self._is_held(known, covered) for known in self.rejections.known.values())

    def _is_held(self, known: KnownRejection, covered: set[str] | None) -> bool:
        if known.resource != "transaction":
            return False
        return covered is None or known.is_new or known.customer_id in covered

    def _write(self, record: TransactionRecord, fingerprint: bytes, observed_at: datetime) -> None:
        self.write(
            "wallet_transactions",
            {
                "transaction_id": record.transaction_id,
                "wallet_id": record.wallet_id,
                "customer_id": record.customer_id,
                "snapshot_id": self.snapshot_id,
                "snapshot_at": self.snapshot_at,
                "observed_at": observed_at,
                "version_hash": fingerprint.hex(),
                **record.values,
            },
        )
