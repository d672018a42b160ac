"""A feed in threads of this process: each customer goes to the workers once it is listed, its missing wallets later.

Starts at once and needs nothing heavy, so that the first answers are there before the rest of the program is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

from flexprice_wallets.extract.attempts import Api
from flexprice_wallets.extract.calls import (
    ALL_CLOSED,
    Call,
    Failure,
    Figures,
    Reply,
    customer_wallets,
    ended_wallets,
    lookup_key_wallets,
    wallet,
    wallets_by_ids,
)
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import CustomersFound, FeedEvent, ListingDone, text_field
from flexprice_wallets.extract.listing import ListedCustomers, listed_customers
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.extract.workers import Workers


def _is_too_large(failure: Failure | None) -> bool:
    return failure is not None and failure.error_code == "endless_answer"


class ThreadFeed:
    """Lists customers and fetches their wallets in the background, from the moment it is made."""

    def __init__(self, api: Api, selection: Selection, figures: Figures, workers: int) -> None:
        self._api = api
        self._selection = selection
        self._figures = figures
        self._workers: Workers[FeedEvent] = Workers(api, workers)
        self._start(self._list_customers, "listing")

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """As `Feed.customers`."""
        expected: int | None = None
        taken = 0
        while expected is None or taken < expected:
            event = self._workers.take()
            if isinstance(event, Reply):
                taken += 1
            elif isinstance(event, ListingDone):
                expected = event.calls
            yield event

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """As `Feed.wallets`."""
        return self._replies([wallet(wallet_id, customer_id) for wallet_id, customer_id in wallets])

    def _replies(self, calls: list[Call]) -> Iterator[Reply]:
        self._start(lambda: self._submit(calls), "following")
        for _ in calls:
            reply = self._workers.take()
            assert isinstance(reply, Reply), "the listing is over before wallets are followed"
            yield reply

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """As `Feed.ended_wallets`."""
        for reply in self._replies(ended_wallets(wallet_ids)):
            if reply.call.resource_id == ALL_CLOSED and _is_too_large(reply.failure):
                yield from self._replies(wallets_by_ids(wallet_ids))
            else:
                yield reply

    @property
    def counts(self) -> RequestCounts:
        """Requests sent so far."""
        return self._api.counts

    def stop(self) -> None:
        """End the threads; requests under way are left to themselves."""
        self._workers.stop()

    def _start(self, target: Callable[[], object], name: str) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()

    def _submit(self, calls: Iterable[Call]) -> int:
        count = 0
        for call in calls:
            self._workers.submit(call)
            count += 1
        return count

    def _list_customers(self) -> None:
        try:
            done = self._list_all() if self._selection.is_all else self._list_selected()
            self._workers.announce(done)
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self._workers.announce(error)

    def _list_all(self) -> ListingDone:
        calls = 0
        for page in listed_customers(self._api):
            self._announce(page, page.records)
            calls += self._submit(
                customer_wallets(customer_id, self._figures)
                for record in page.records
                if (customer_id := text_field(record, "id"))
            )
        return ListingDone(calls)

    def _list_selected(self) -> ListingDone:
        ids, keys = set(self._selection.customer_ids), set(self._selection.lookup_keys)
        ids_found: set[str] = set()
        keys_found: set[str] = set()
        for page in listed_customers(self._api):
            chosen = []
            for record in page.records:
                customer_id, key = text_field(record, "id"), text_field(record, "external_id")
                if customer_id and (customer_id in ids or key in keys):
                    ids_found.add(customer_id)
                    keys_found.add(key)
                    chosen.append(record)
            self._announce(page, chosen)
        not_listed = sorted(ids - ids_found)
        calls = [customer_wallets(each, self._figures) for each in sorted(ids_found)]
        calls += [customer_wallets(each, self._figures) for each in not_listed]
        calls += [lookup_key_wallets(key, self._figures) for key in sorted(keys - keys_found)]
        return ListingDone(self._submit(calls), not_listed)

    def _announce(self, page: ListedCustomers, records: list[object]) -> None:
        if records:
            self._workers.announce(CustomersFound(records, page.observed_at, page.total))
