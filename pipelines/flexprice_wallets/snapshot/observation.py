"""One run's observation: drives the feed through the comparison and decides when to give up."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from flexprice_wallets.errors import ApiUnavailable, TooManyRejected, TooManyVanished
from flexprice_wallets.extract.calls import Failure, Reply
from flexprice_wallets.extract.events import CustomersFound, ListingDone, text_field
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.records.records import CustomerRecord, Settings
from flexprice_wallets.snapshot.comparison import Comparison
from flexprice_wallets.snapshot.limits import Limits
from flexprice_wallets.snapshot.progress import Progress

_logger = logging.getLogger(__name__)

#: So many customers in a row that could not be read are a sign that none can.
_CLEAR_RUN_OF_FAILURES = 40


class LastVersions(Protocol):
    """Reads whole records that the warehouse last holds."""

    def settings(self, wallet_ids: list[str]) -> dict[str, Settings]: ...

    def customers(self, customer_ids: list[str]) -> list[CustomerRecord]: ...


class Observation:
    """Observes every customer that the run covers, then every wallet that its list no longer holds.

    To be called in this order: `observe`, which yields after each event so that the caller can pass on the rows written
    so far; `look_at_ended_wallets`; `finish`.
    """

    def __init__(
        self,
        feed: Feed,
        comparison: Comparison,
        last_versions: LastVersions | None,
        limits: Limits,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._feed = feed
        self._comparison = comparison
        self._last_versions = last_versions
        self._limits = limits
        self._on_progress = on_progress
        self._progress = Progress()
        self._failures_in_a_row = 0

    def observe(self) -> Iterator[None]:
        """Read everything.

        Raises:
            AccessRefused, ListingFailed: as the feed.
            ApiUnavailable: where too many customers could not be read.
            ForeignAnswer: where records are another tenant's or environment's.
            TooManyVanished: where more wallets ended or left their lists than is plausible.
            TooManyRejected: where more records could not be taken than is plausible.
        """
        yield from self._observe_customers()
        yield from self._follow_wallets()
        self._refuse_if_too_many_rejected()

    def _observe_customers(self) -> Iterator[None]:
        comparison, tally = self._comparison, self._comparison.tally
        last_failure: Failure | None = None
        for event in self._feed.customers():
            match event:
                case CustomersFound():
                    self._take_found(event)
                case ListingDone():
                    tally.customers_expected = self._progress.expected = event.calls
                    if comparison.covered is not None:
                        comparison.covered.update(event.named_only)
                case Reply():
                    failed_before = tally.customers_failed
                    comparison.take_customer_wallets(event)
                    if tally.customers_failed > failed_before:
                        last_failure = event.failure or last_failure
                        self._failures_in_a_row += 1
                        self._give_up_if_hopeless(last_failure)
                    else:
                        self._failures_in_a_row = 0
                    self._progress.done += 1
                    self._on_progress(self._progress)
            yield
        if tally.customers_failed:
            self._give_up_if_too_many_failed(last_failure)

    def _take_found(self, found: CustomersFound) -> None:
        comparison = self._comparison
        for record in found.records:
            customer_id = comparison.take_listed_customer(record, found.observed_at)
            if comparison.covered is not None:
                comparison.covered.add(customer_id or text_field(record, "id"))
        if comparison.covered is None and found.total is not None:
            self._progress.expected = found.total

    def _give_up_if_hopeless(self, failure: Failure | None) -> None:
        tally = self._comparison.tally
        expected = max(self._progress.expected or 0, tally.customers_expected)
        if self._failures_in_a_row >= _CLEAR_RUN_OF_FAILURES:
            raise ApiUnavailable(
                f"{self._failures_in_a_row} customers in a row could not be read ({_said(failure)}); "
                "nothing was loaded. Run again when the API is well."
            )
        if expected and self._limits.failures.is_exceeded(tally.customers_failed, expected):
            self._raise_too_many(expected, failure)

    def _give_up_if_too_many_failed(self, failure: Failure | None) -> None:
        tally = self._comparison.tally
        if self._limits.failures.is_exceeded(tally.customers_failed, tally.customers_expected):
            self._raise_too_many(tally.customers_expected, failure)
        if not tally.customers_observed:
            raise ApiUnavailable(
                f"None of {tally.customers_expected} customers could be read ({_said(failure)}); "
                "nothing was loaded."
            )

    def _raise_too_many(self, expected: int, failure: Failure | None) -> None:
        raise ApiUnavailable(
            f"{self._comparison.tally.customers_failed} of {expected} customers could not be read "
            f"({_said(failure)}), more than --max-failures ({self._limits.failures}) allows; nothing was loaded. "
            "Run again when the API is well."
        )

    def _follow_wallets(self) -> Iterator[None]:
        comparison = self._comparison
        known_before = comparison.wallets_known_before()
        followed = comparison.wallets_to_follow()
        self._refuse_if_implausible(comparison.lost_from_lists(followed), known_before)
        for reply in self._feed.wallets(followed):
            comparison.take_followed_wallet(reply)
            yield
        tally = comparison.tally
        self._refuse_if_implausible(tally.newly_unlisted + tally.newly_ended, known_before)

    def _refuse_if_implausible(self, vanished: int, known_before: int) -> None:
        if self._limits.vanished.is_exceeded(vanished, known_before):
            raise TooManyVanished(
                f"{vanished} of {known_before} wallets ended or are no longer listed, more than --max-vanished "
                f"({self._limits.vanished}) allows; nothing was loaded. If that is so, run again with a higher "
                "--max-vanished, such as 100%."
            )

    def look_at_ended_wallets(self, wallet_ids: list[str]) -> None:
        """Compare the balances of ended wallets, which can still get money, like all others."""
        for reply in self._feed.ended_wallets(wallet_ids):
            if reply.is_missing:
                _logger.warning(
                    "The API does not list wallets by their ids: money that ended wallets may get is not seen."
                )
                return
            self._comparison.take_ended_wallets(reply)

    def _refuse_if_too_many_rejected(self) -> None:
        tally, allowed = self._comparison.tally, self._limits.rejected
        read = {
            "wallets": (tally.wallets_rejected, tally.wallets_observed + tally.wallets_rejected),
            "customers": (tally.customers_rejected, tally.customers_expected),
        }
        for what, (rejected, whole) in read.items():
            # Of a handful all may be broken, but then the API is likelier to have changed than each of them.
            if allowed.is_exceeded(rejected, whole) or (
                rejected == whole > 1 and not allowed.is_any
            ):
                reason = self._comparison.rejections.last_reason
                raise TooManyRejected(
                    f"The records of {rejected} of {whole} {what} could not be taken (such as: {reason}), more than "
                    f"--max-rejected ({allowed}) allows; nothing was loaded. Update flexprice-wallets if the API has "
                    "changed, or run again with a higher --max-rejected, such as 100%."
                )

    def finish(self) -> None:
        """Write the versions whose settings come from the last ones: of wallets and customers that have gone."""
        comparison = self._comparison
        if comparison.carried:
            settings = self._last().settings([each.wallet_id for each in comparison.carried])
            for carried in comparison.carried:
                comparison.take_carried_wallet(carried, settings[carried.wallet_id])
        if gone := comparison.customers_gone():
            now = datetime.now(UTC)
            for record in self._last().customers(gone):
                comparison.take_customer(record, now, is_listed=False)
        comparison.clear_rejections()

    def _last(self) -> LastVersions:
        """Asked for only where something was known before."""
        assert self._last_versions is not None, "nothing is carried on where nothing was known"
        return self._last_versions


def _said(failure: Failure | None) -> str:
    return failure.message if failure else "no such customer"
