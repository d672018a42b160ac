"""Reads the list of customers, page by page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flexprice_wallets.errors import ListingFailed
from flexprice_wallets.extract import endpoints
from flexprice_wallets.extract.attempts import Api
from flexprice_wallets.extract.calls import Call
from flexprice_wallets.extract.outcomes import Failed, Taken
from flexprice_wallets.extract.pages import ListCut, ListShifts, PageWalk
from flexprice_wallets.records.answers import customers_page


@dataclass(slots=True)
class ListedCustomers:
    """Customers of one page that were not on an earlier one: records as the API sent them.

    `total` is how many customers the API says there are, for showing progress only.
    """

    records: list[object]
    observed_at: datetime
    total: int | None


def listed_customers(
    api: Api, limit: int = endpoints.CUSTOMERS_PER_PAGE
) -> Iterator[ListedCustomers]:
    """Every published customer, each once, in pages.

    Raises:
        AccessRefused: where the API refuses the key.
        ListingFailed: where a page cannot be read, or the pages cannot be joined to a whole.
    """
    walk = PageWalk(limit)
    while not walk.is_done:
        records, total, observed_at = _page(api, walk.offset, limit)
        try:
            new = walk.take([_id(record) for record in records], total)
        except ListCut as error:
            raise ListingFailed(
                f"The customers could not be listed completely: {error}. Nothing was loaded; run again, and report it "
                "to Flexprice if it stays."
            ) from error
        except ListShifts as error:
            raise ListingFailed(
                f"The customers could not be listed completely: {error}. Run again when fewer are being archived."
            ) from error
        if new:
            yield ListedCustomers([records[position] for position in new], observed_at, total)


def _page(api: Api, offset: int, limit: int) -> tuple[list[object], int | None, datetime]:
    body = {
        "limit": limit,
        "offset": offset,
        "sort": [{"field": "id", "direction": "asc"}],
    }
    call = Call(
        "customers", str(offset), endpoints.SEARCH_CUSTOMERS, body=json.dumps(body).encode()
    )
    totals: list[int | None] = [None]

    def decode(content: bytes) -> list[object]:
        records, totals[0] = customers_page(content)
        return records

    outcome = api.ask(call, decode)
    if isinstance(outcome, Taken):
        return outcome.records, totals[0], datetime.now(UTC)
    reason = outcome.failure.message if isinstance(outcome, Failed) else "not found (404)"
    raise ListingFailed(
        f"The customers could not be listed: {reason}. Nothing was loaded; check --base-url, or run again later."
    )


def _id(record: object) -> str:
    """The id that tells rows apart; a record without one is told apart by its text, and rejected when parsed."""
    if isinstance(record, dict) and isinstance(record.get("id"), str):
        return str(record["id"])
    return f"without id: {record!r}"
