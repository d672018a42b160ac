"""What a load has read so far, counted. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True)
class Tally:
    """Counts of one load."""

    customers_expected: int = 0
    customers_observed: int = 0
    customers_failed: int = 0
    wallets_observed: int = 0
    wallets_changed: int = 0
    wallets_new: int = 0
    wallets_failed: int = 0
    wallets_rejected: int = 0
    customers_rejected: int = 0
    records_rejected: int = 0
    has_ledger_failed: bool = False
    newly_unlisted: int = 0
    newly_ended: int = 0

    @property
    def completeness(self) -> Literal["complete", "partial"]:
        is_whole = not (self.customers_failed or self.wallets_failed or self.records_rejected)
        return "complete" if is_whole and not self.has_ledger_failed else "partial"
