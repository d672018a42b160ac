"""Compares transactions of the ledger with what is known of them, and writes the versions that differ. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from flexprice_wallets.records.fingerprints import transaction_fingerprints
from flexprice_wallets.records.records import Rejection, Transactions
from flexprice_wallets.snapshot.known import KnownRejection
from flexprice_wallets.snapshot.ownership import Ownership
from flexprice_wallets.snapshot.rejections import Rejections

#: Takes a table's name, lists of values by column, and values that are the same in all rows.
WriteColumns = Callable[[str, Mapping[str, list[Any]], Mapping[str, Any]], None]
#: Takes transactions; gives the hash of the last version of each that is known, by transaction id.
LastHashes = Callable[[list[Transactions]], dict[str, bytes]]

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
    write: WriteColumns
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
    _waiting: list[tuple[Transactions, datetime]] = field(default_factory=list)
    #: Hashes of the ids of known transactions that were written: of an earlier version, none may be missing.
    _rewritten: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rejected_before = {
            known.transaction_id
            for known in self.rejections.known.values()
            if known.transaction_id is not None
        }

    def take(
        self,
        taken: Transactions,
        rejected: list[Rejection],
        observed_at: datetime,
        before: datetime | None = None,
    ) -> None:
        """Take a page, or those of it that were last changed before a moment.

        Raises:
            ForeignAnswer: a transaction is another tenant's or environment's.
        """
        for rejection in rejected:
            self.rejections.take(rejection, observed_at)
        self.rejected += len(rejected)
        if self._rejected_before:
            ids = {rejection.transaction_id for rejection in rejected}
            ids.update(taken.columns["transaction_id"])
            self._met_again |= self._rejected_before & ids
        columns = taken.columns
        for owner in dict.fromkeys(
            zip(columns["tenant_id"], columns["environment_id"], strict=True)
        ):
            self.ownership.check(*owner)
        if before is not None:
            updated = columns["source_updated_at"]
            taken = taken.chosen([n for n, moment in enumerate(updated) if moment < before])
        if taken:
            self._note(taken)
            self._waiting.append((taken, observed_at))
        if self.last_hashes is None or sum(len(each) for each, _ in self._waiting) >= _BATCH:
            self.compare_waiting()

    def _note(self, taken: Transactions) -> None:
        self.observed += len(taken)
        self.ended_wallets_met |= self.ended_wallets.intersection(taken.columns["wallet_id"])
        newest = max(taken.columns["source_updated_at"])
        self.newest = newest if self.newest is None else max(self.newest, newest)

    def compare_waiting(self) -> None:
        """Compare what was taken and not compared yet: to be called after the last page."""
        known: dict[str, bytes] = {}
        if self.last_hashes is not None and self._waiting:
            known = self.last_hashes([taken for taken, _ in self._waiting])
        for taken, observed_at in self._waiting:
            self._compare(taken, known, observed_at)
        self._waiting.clear()

    def _compare(
        self, taken: Transactions, known: Mapping[str, bytes], observed_at: datetime
    ) -> None:
        fingerprints = transaction_fingerprints(taken)
        if not known:
            self._write(taken, fingerprints, observed_at)
            return
        ids = taken.columns["transaction_id"]
        changed = [
            number
            for number, (transaction_id, fingerprint) in enumerate(
                zip(ids, fingerprints, strict=True)
            )
            if self._is_changed(transaction_id, fingerprint, known.get(transaction_id))
        ]
        if changed:
            kept = [fingerprints[number] for number in changed]
            self._write(taken.chosen(changed), kept, observed_at)

    def _is_changed(self, transaction_id: str, fingerprint: bytes, last: bytes | None) -> bool:
        if last is None:
            return True
        number = hash(transaction_id)
        if last == fingerprint and number not in self._rewritten:
            return False
        self._rewritten.add(number)
        return True

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

    def _write(self, taken: Transactions, fingerprints: list[bytes], observed_at: datetime) -> None:
        self.changed += len(taken)
        hashes = [fingerprint.hex() for fingerprint in fingerprints]
        self.write(
            "wallet_transactions",
            {**taken.columns, "version_hash": hashes},
            {
                "snapshot_id": self.snapshot_id,
                "snapshot_at": self.snapshot_at,
                "observed_at": observed_at,
            },
        )
