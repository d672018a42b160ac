"""What the load knows of fetching."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from flexprice_wallets.extract.calls import Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import FeedEvent


class Feed(Protocol):
    """Lists customers and fetches their wallets in the background, from the moment it is made."""

    @property
    def counts(self) -> RequestCounts:
        """Requests sent so far."""

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """Everything up to the last answer for a customer: found customers, replies, and one ListingDone.

        Raises:
            AccessRefused, ListingFailed: as `listed_customers`.
        """

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """The answers for wallets (id, customer id) asked for by their id, once `customers` has ended."""

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """The answers of a handful of calls that look at ended wallets again, once `customers` has ended.

        A reply holds those that the API still knows, and others beside them where there are many. `is_missing`: the
        API does not offer this.
        """

    def stop(self) -> None:
        """End the fetching; requests under way are left to themselves."""
