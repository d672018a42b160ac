"""The ledger's part of a run: what to read of it, and what becomes of the run where it cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from flexprice_wallets.extract.calls import Failure
from flexprice_wallets.extract.events import LedgerUnread
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.records.records import Row
from flexprice_wallets.snapshot.limits import Tolerance
from flexprice_wallets.snapshot.progress import Progress
from flexprice_wallets.snapshot.transactions import LastHashes, TransactionComparison

_logger = logging.getLogger(__name__)

#: How far back what was read is read again: a transaction can be written some time before it can be read.
READ_AGAIN: Final = timedelta(minutes=10)
#: Wallets whose whole ledger is read again because a transaction of theirs was rejected.
_MOST_WALLETS_AGAIN: Final = 50
#: Rejections after which a ledger most of which is rejected is not read on.
_MANY_REJECTIONS: Final = 1_000

LedgerState = Literal["complete", "failed", "refused", "not_asked"]


@dataclass(frozen=True, slots=True)
class LedgerBefore:
    """What a warehouse holds of the ledger.

    Attributes:
        is_known: some load of scope 'all' has read it to its end.
        read_to: the newest updated_at that such loads have read; None where they found no transaction.
        last_hashes: looks up the hashes of the last versions; None where no transaction is held.
        tells_ended_wallets: in the last load of scope 'all' the ledger was complete and ended wallets could be looked
            at, so that only transactions read since can have moved money in one.
    """

    is_known: bool = False
    read_to: datetime | None = None
    last_hashes: LastHashes | None = None
    tells_ended_wallets: bool = False

    @property
    def since(self) -> datetime | None:
        """From when on the next load reads; None for the whole ledger."""
        try:
            return None if self.read_to is None else self.read_to - READ_AGAIN
        except OverflowError:  # Go's zero time
            return None


@dataclass(slots=True)
class LedgerReading:
    """Reads the ledger of one run: `state` says how that went, `failure` why where it is not complete.

    `covered`: the ids of the customers that the run covers, or None for all. `tolerance`: how many transactions may be
    rejected, of all that are read.
    """

    before: LedgerBefore
    comparison: TransactionComparison
    tolerance: Tolerance
    covered: set[str] | None = None
    on_progress: Callable[[Progress], None] = lambda _: None
    state: LedgerState = "not_asked"
    failure: LedgerUnread | None = None

    def read(self, feed: Feed, wallet_ids: list[str] | None) -> Iterator[None]:
        """Read what is new, of these wallets or of all; yields after each page.

        Raises:
            AccessRefused: the API refuses the key (401).
            ForeignAnswer: transactions are another tenant's or environment's.
        """
        since = self.before.since
        yield from self._read(feed, since, None, wallet_ids)
        if self.failure is None and wallet_ids is None and since is not None:
            # What was rejected may be taken by now though it has not changed: this program may be a later version.
            again = self.comparison.wallets_with_rejections(_MOST_WALLETS_AGAIN)
            if again:
                yield from self._read(feed, None, since, again)
        if self.failure is None and self._are_too_many_rejected():
            self.failure = self._too_many_rejected()
        if self.failure is None:
            self.comparison.compare_waiting()
            self.comparison.clear_rejections()
            self.state = "complete"
        else:
            self._give_up(self.failure)
        yield

    def _read(
        self,
        feed: Feed,
        since: datetime | None,
        before: datetime | None,
        wallet_ids: list[str] | None,
    ) -> Iterator[None]:
        comparison = self.comparison
        for event in feed.transactions(since, wallet_ids):
            if isinstance(event, LedgerUnread):
                self.failure = event
                return
            comparison.take(*event, before=before)
            if comparison.rejected > _MANY_REJECTIONS and self._are_too_many_rejected():
                self.failure = self._too_many_rejected()
                return
            self.on_progress(Progress(transactions=comparison.observed))
            yield

    def _are_too_many_rejected(self) -> bool:
        rejected = self.comparison.rejected
        return self.tolerance.is_exceeded(rejected, rejected + self.comparison.observed)

    def _too_many_rejected(self) -> LedgerUnread:
        rejected, reason = self.comparison.rejected, self.comparison.rejections.last_reason
        message = (
            f"{rejected} of {rejected + self.comparison.observed} transactions could not be taken (such as: {reason}), "
            f"more than --max-rejected ({self.tolerance}) allows"
        )
        failure = Failure("too_many_rejected", message)
        return LedgerUnread(failure, False, "ledger", 1, datetime.now(UTC))

    def _give_up(self, unread: LedgerUnread) -> None:
        if unread.is_refused and not self.before.is_known:
            self.state = "refused"
            _logger.warning(
                "The API gives no ledger (%s): the snapshot is of wallets alone. --no-ledger does not ask for it.",
                unread.failure.message,
            )
        else:
            self.state = "failed"
            _logger.warning(
                "The ledger could not be read (%s): the snapshot is of wallets alone, and the next load reads the "
                "ledger from where the last complete one ended.",
                unread.failure.message,
            )

    def choose_ended(self, wallet_ids: list[str]) -> list[str]:
        """Those of these ended wallets to look at: all, or where that tells enough, those with transactions read."""
        if self.state != "complete" or not self.before.tells_ended_wallets:
            return wallet_ids
        moved = self.comparison.ended_wallets_met | self.comparison.wallets_rejected()
        return [wallet_id for wallet_id in wallet_ids if wallet_id in moved]

    @property
    def rejections_held(self) -> int:
        """How many rejections of transactions hold in the snapshot; 0 where it has no complete ledger."""
        return self.comparison.rejections_held(self.covered) if self.state == "complete" else 0

    def row(self) -> Row:
        """The ledger's columns in the snapshot's row."""
        is_complete = self.state == "complete"
        return {
            "ledger": self.state,
            "ledger_read_to": self._read_to(),
            "transactions_observed": self.comparison.observed if is_complete else None,
            "transactions_changed": self.comparison.changed if is_complete else None,
        }

    def failure_row(self) -> Row | None:
        """What `fetch_failures` says of the ledger, beside the snapshot's key; None where it did not fail."""
        if self.state != "failed" or self.failure is None:
            return None
        unread = self.failure
        return {
            "resource": "transactions",
            "resource_id": unread.resource_id,
            # No wallet is named: its balance was observed.
            "http_status": unread.failure.http_status,
            "error_code": unread.failure.error_code,
            "message": unread.failure.message,
            "attempts": unread.attempts,
            "failed_at": unread.observed_at,
        }

    def _read_to(self) -> datetime | None:
        newest = self.comparison.newest
        if self.state != "complete" or self.covered is not None or newest is None:
            return self.before.read_to
        # A time that is still to come would hide what is written until then.
        read_to = min(newest, datetime.now(UTC))
        return read_to if self.before.read_to is None else max(read_to, self.before.read_to)
