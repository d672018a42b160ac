"""Reads the list of customers, page by page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flexprice_wallets.errors import ListingFailed
from flexprice_wallets.extract import endpoints
from flexprice_wallets.extract.asking.api import Api
from flexprice_wallets.extract.asking.outcomes import Failed, Taken
from flexprice_wallets.extract.calls import customers_page
from flexprice_wallets.extract.events import CustomersFound
from flexprice_wallets.extract.pages import ListCut, ListShifts, PageWalk
from flexprice_wallets.records.answers import Page, page_of_answer


def listed_customers(
    api: Api, limit: int = endpoints.CUSTOMERS_PER_PAGE
) -> Iterator[CustomersFound]:
    """Every published customer, each once, in pages.

    Raises:
        AccessRefused: where the API refuses the key.
        ListingFailed: where a page cannot be read, or the pages cannot be joined to a whole.
    """
    walk = PageWalk(limit)
    while not walk.is_done:
        page, observed_at = _page(api, walk.offset, limit)
        try:
            new = walk.take([_id(record) for record in page], page.total)
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
            yield CustomersFound([page[position] for position in new], observed_at, page.total)


def _page(api: Api, offset: int, limit: int) -> tuple[Page, datetime]:
    outcome = api.ask(customers_page(offset, limit), page_of_answer)
    if isinstance(outcome, Taken):
        assert isinstance(outcome.records, Page), "what the decoder gives"
        return outcome.records, datetime.now(UTC)
    reason = outcome.failure.message if isinstance(outcome, Failed) else "not found (404)"
    raise ListingFailed(
        f"The customers could not be listed: {reason}. Nothing was loaded; check --base-url, or run again later."
    )


def _id(record: object) -> str:
    """The id that tells rows apart; a record without one is told apart by its text, and rejected when parsed."""
    if isinstance(record, dict) and isinstance(record.get("id"), str):
        return str(record["id"])
    return f"without id: {record!r}"
