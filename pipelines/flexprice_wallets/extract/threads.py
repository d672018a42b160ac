"""A feed in threads of this process: each customer's wallets are asked for once it is listed, the missing ones later.

Starts at once and needs nothing heavy, so that the first answers are there before the rest of the program is.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from flexprice_wallets.extract.asking.api import ENDING, Answered, Api, Decoder, join
from flexprice_wallets.extract.calls import (
    Call,
    Figures,
    Reply,
    customer_wallets,
    lookup_key_wallets,
    wallet,
)
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.ended import read_ended_wallets
from flexprice_wallets.extract.events import (
    FeedEvent,
    LedgerEvent,
    ListingDone,
    text_field,
)
from flexprice_wallets.extract.ledger import read_transactions
from flexprice_wallets.extract.listing import listed_customers
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.records.answers import wallet_of_answer, wallets_of_answer

#: Customers that are in line, under way, or wait to be taken: a second's worth of a fast API, as long as the program
#: that takes them may need to start.
_MOST_AHEAD: Final = 2000
#: Seconds in which answers gather before they are taken together: taking each by itself would hold up the workers.
_GATHERING: Final = 0.01


class ThreadFeed:
    """Lists customers and fetches their wallets in the background, from the moment it is made.

    `wallets_of` gives the records of a customer's answer, as they are handed on.
    """

    def __init__(
        self,
        api: Api,
        selection: Selection,
        figures: Figures,
        wallets_of: Decoder = wallets_of_answer,
    ) -> None:
        self._api = api
        self._wallets_of = wallets_of
        self._selection = selection
        self._figures = figures
        self._room = threading.Semaphore(_MOST_AHEAD)
        self._done: queue.SimpleQueue[Answered | FeedEvent | BaseException] = queue.SimpleQueue()
        self._is_stopped = False
        self._stopped_until = 0.0
        self._listing = threading.Thread(target=self._list_customers, name="listing", daemon=True)
        self._listing.start()

    @property
    def counts(self) -> RequestCounts:
        """Requests sent so far."""
        return self._api.counts

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """As `Feed.customers`."""
        expected: int | None = None
        taken = 0
        while taken != expected:
            gathered = [self._done.get()]
            time.sleep(_GATHERING)
            gathered += [self._done.get() for _ in range(self._done.qsize())]
            for event in gathered:
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, Answered):
                    taken += 1
                    self._room.release()
                    yield event.reply()
                    continue
                if isinstance(event, ListingDone):
                    expected = event.calls
                yield event

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """As `Feed.wallets`."""
        calls = (wallet(wallet_id, customer_id) for wallet_id, customer_id in wallets)
        for answered in self._api.answers(calls, lambda body: [wallet_of_answer(body)]):
            yield answered.reply()

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """As `Feed.ended_wallets`."""
        return read_ended_wallets(self._api, wallet_ids)

    def transactions(
        self, after: datetime | None, wallet_ids: list[str] | None
    ) -> Iterator[LedgerEvent]:
        """As `Feed.transactions`."""
        return read_transactions(self._api, after, wallet_ids)

    def stop(self) -> None:
        """End the threads and close their connections; as `Api.stop`. Again, it waits no longer than the first time."""
        if not self._is_stopped:
            self._is_stopped = True
            self._stopped_until = time.monotonic() + ENDING
            self._room.release()
        self._api.stop(self._stopped_until)
        join([self._listing], self._stopped_until)

    def _list_customers(self) -> None:
        try:
            self._done.put(self._ask_for_all())
        except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
            self._done.put(error)

    def _ask_for_all(self) -> ListingDone:
        """Ask for the wallets of each customer of the selection once it is listed, then for those named only."""
        ids, keys = set(self._selection.customer_ids), set(self._selection.lookup_keys)
        ids_found: set[str] = set()
        keys_found: set[str] = set()
        calls = 0
        for page in listed_customers(self._api):
            chosen = []
            for record in page.records:
                customer_id, key = text_field(record, "id"), text_field(record, "external_id")
                if self._selection.is_all or customer_id in ids or (customer_id and key in keys):
                    ids_found |= ids & {customer_id}
                    keys_found |= keys & {key}
                    chosen.append(record)
            if chosen:
                self._done.put(page._replace(records=chosen))
            found = filter(None, (text_field(record, "id") for record in chosen))
            calls += self._submit(customer_wallets(each, self._figures) for each in found)
        not_listed = sorted(ids - ids_found)
        calls += self._submit(customer_wallets(each, self._figures) for each in not_listed)
        not_found = sorted(keys - keys_found)
        calls += self._submit(lookup_key_wallets(each, self._figures) for each in not_found)
        return ListingDone(calls, not_listed)

    def _submit(self, calls: Iterable[Call]) -> int:
        count = 0
        for call in calls:
            self._room.acquire()
            if self._is_stopped:  # nobody takes what comes, or makes room
                self._room.release()
                break
            self._api.submit(call, self._wallets_of, self._done.put)
            count += 1
        return count
