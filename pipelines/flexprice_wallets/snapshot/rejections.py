"""What could not be taken, change-only: a rejection is written once, and once more when it no longer holds. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flexprice_wallets.records.fingerprints import rejection_hash
from flexprice_wallets.records.records import Rejection
from flexprice_wallets.snapshot.known import KnownRejection
from flexprice_wallets.snapshot.versions import Write


@dataclass(slots=True)
class Rejections:
    """Takes the rejections of one snapshot, and writes those that were not known."""

    known: dict[str, KnownRejection]
    snapshot_id: str
    snapshot_at: datetime
    write: Write
    last_reason: str = ""
    _written: int = field(default=0)

    def take(self, rejection: Rejection, observed_at: datetime) -> None:
        """Note a rejection of this snapshot."""
        self.last_reason = rejection.reason
        key = rejection_hash(rejection)
        if key in self.known:
            self.known[key].is_seen = True
            return
        self.known[key] = KnownRejection(
            rejection.resource,
            rejection.customer_id,
            rejection.wallet_id,
            rejection.transaction_id,
            is_seen=True,
            is_new=True,
        )
        self._written += 1
        self.write(
            "rejected_records",
            {
                "snapshot_id": self.snapshot_id,
                "snapshot_at": self.snapshot_at,
                "record_number": self._written,
                "resource": rejection.resource,
                "field_group": rejection.field_group,
                "reason": rejection.reason,
                "customer_id": rejection.customer_id,
                "wallet_id": rejection.wallet_id,
                "transaction_id": rejection.transaction_id,
                "raw_record": rejection.raw_record,
                "observed_at": observed_at,
                "rejection_hash": key,
            },
        )

    def clear(self, is_over: Callable[[KnownRejection], bool]) -> None:
        """Write which known rejections no longer hold: this snapshot has not met them, and `is_over` says so."""
        for key in [
            key for key, known in self.known.items() if not known.is_seen and is_over(known)
        ]:
            del self.known[key]
            self.write(
                "rejections_cleared",
                {
                    "snapshot_id": self.snapshot_id,
                    "snapshot_at": self.snapshot_at,
                    "rejection_hash": key,
                },
            )
