"""Reads the ledger: pages of transactions by key, several stretches of time at once where there is much to read."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from flexprice_wallets.extract.asking.api import Answered, Api, access_refused
from flexprice_wallets.extract.asking.outcomes import Failed, Missing, Refused, Taken
from flexprice_wallets.extract.calls import Failure, transactions
from flexprice_wallets.extract.events import LedgerEvent, LedgerUnread, TransactionsPage
from flexprice_wallets.extract.keyset import KeyWalk, Unconfirmed
from flexprice_wallets.extract.pages import ListCut, ListShifts
from flexprice_wallets.records.answers import Page, page_of_answer
from flexprice_wallets.records.transactions import parse_transactions
from flexprice_wallets.records.values import Unreadable, timestamp

#: Pages that are asked for, or wait to be taken, at once: a page takes some 5 MB.
_AT_ONCE: Final = 8
_PAGE: Final = 1000
#: Rows that are worth another walk.
_MANY: Final = 5000


class _Unread(Exception):
    """The ledger cannot be read to its end."""

    def __init__(self, answered: Answered, failure: Failure, *, is_refused: bool = False) -> None:
        super().__init__(failure.message)
        self.event = LedgerUnread(
            failure,
            is_refused,
            answered.call.resource_id,
            answered.attempts,
            answered.observed_at,
        )


def read_transactions(
    api: Api, since: datetime | None, wallet_ids: list[str] | None
) -> Iterator[LedgerEvent]:
    """Every transaction that changed at `since` or later, of these wallets or of all; what changes meanwhile as well.

    Pages come in no order. A failure is the last event.

    Raises:
        AccessRefused: the API refuses the key (401).
    """
    owners: list[str | None] = [None] if wallet_ids is None else [*wallet_ids]
    walks = [KeyWalk(since, wallet_id=each, limit=_PAGE) for each in owners]
    try:
        yield from _read(api, walks)
        if len(walks) > len(owners):
            # Rows that changed before their stretch of time was read have moved to the end.
            ends = [walk for walk in walks if walk.before is None]
            for walk in ends:
                walk.is_done = False
            yield from _read(api, ends)
    except _Unread as unread:
        yield unread.event


def _read(api: Api, walks: list[KeyWalk]) -> Iterator[TransactionsPage]:
    """Read these walks and what is split from them, which is added to the list."""
    done: queue.SimpleQueue[tuple[KeyWalk, Answered]] = queue.SimpleQueue()
    waiting = deque(walks)
    under_way = 0
    newest: datetime | None = None
    while waiting or under_way:
        while waiting and under_way < _AT_ONCE:
            _ask(api, waiting.popleft(), done)
            under_way += 1
        walk, answered = done.get()
        under_way -= 1
        page = _page(answered)
        try:
            new = walk.take(page)
        except (Unconfirmed, ListCut, ListShifts) as error:
            message = f"The pages of transactions cannot be relied on: {error}"
            raise _Unread(answered, Failure("unexpected_answer", message, 200)) from error
        if new:
            yield TransactionsPage(*parse_transactions(new), answered.observed_at)
        if walk.is_done:
            continue
        waiting.appendleft(walk)
        if (page.total or 0) > _MANY and under_way + len(waiting) < _AT_ONCE:
            newest = newest or _newest(api)
            half = walk.split(newest) if newest else None
            if half is not None:
                walks.append(half)
                waiting.append(half)


def _ask(api: Api, walk: KeyWalk, done: queue.SimpleQueue[tuple[KeyWalk, Answered]]) -> None:
    api.submit(
        transactions(walk.query()), page_of_answer, lambda answered: done.put((walk, answered))
    )


def _page(answered: Answered) -> Page:
    match answered.outcome:
        case Taken(records) if isinstance(records, Page):
            return records
        case Missing():
            failure = Failure("http_404", "The API has no ledger", 404)
            raise _Unread(answered, failure, is_refused=True)
        case Refused(failure) if failure.http_status == 401:
            raise access_refused(Refused(failure))
        case Refused(failure):
            raise _Unread(answered, failure, is_refused=True)
        case Failed(failure):
            raise _Unread(answered, failure)
        case Exception() as mistake:
            raise mistake
    raise AssertionError("a page is what the decoder gives")


def _newest(api: Api) -> datetime | None:
    """When the row that changed last did so."""
    query = {"limit": 1, "sort": [{"field": "updated_at", "direction": "desc"}]}
    [answered] = api.answers([transactions(query)], page_of_answer)
    page = _page(answered)
    row = page[0] if page else None
    try:
        return timestamp(row.get("updated_at")) if isinstance(row, dict) else None
    except Unreadable:
        return None
