"""What the load knows of fetching."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from flexprice_wallets.extract.calls import Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import FeedEvent, LedgerEvent


class Feed(Protocol):
    """Lists customers and fetches their wallets in the background, from the moment it is made.

    The other methods are called one after another, once `customers` has ended.
    """

    @property
    def counts(self) -> RequestCounts:
        """Requests sent so far."""

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """Everything up to the last answer for a customer: found customers, replies, and one ListingDone.

        Raises:
            AccessRefused, ListingFailed: as `listed_customers`.
        """

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """The answers for wallets (id, customer id) asked for by their id.

        Raises:
            AccessRefused: the API refuses the key.
        """

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """Those of these ended wallets that the API still knows, each once, for a handful of requests.

        A reply with `is_missing` says that the API does not offer this, or not to this key; one with a failure that
        some could not be read.

        Raises:
            AccessRefused: the API refuses the key (401).
        """

    def transactions(
        self, after: datetime | None, wallet_ids: list[str] | None
    ) -> Iterator[LedgerEvent]:
        """Pages of the transactions that changed at `after` or later, each version once, in no order of pages.

        Args:
            after: aware; None for the whole ledger.
            wallet_ids: whose transactions; None for everybody's.

        Raises:
            AccessRefused: the API refuses the key (401). Any other failure is a `LedgerUnread`, the last event.
        """

    def stop(self) -> None:
        """End the fetching; requests under way are dropped."""
