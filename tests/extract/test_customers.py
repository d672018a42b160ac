from __future__ import annotations

import json

import pytest

from flexprice_emulator import Emulator, Fault, Request, World
from flexprice_wallets.errors import AccessRefused, ListingFailed
from flexprice_wallets.extract.asking.api import Api
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.client import ApiClient
from flexprice_wallets.extract.asking.line import Line
from flexprice_wallets.extract.events import CustomersFound
from flexprice_wallets.extract.listing import listed_customers
from flexprice_wallets.extract.secret import Secret

_IMPATIENT = RetryPolicy(attempts=3, first_delay=0.01)


def api_of(emulator: Emulator, key: str | None = None) -> Api:
    client = ApiClient(emulator.base_url, Secret(key or emulator.api_key))
    return Api(client, Line(4), _IMPATIENT)


def ids(pages: list[CustomersFound]) -> list[str]:
    return [str(record["id"]) for page in pages for record in page.records if type(record) is dict]


def test_every_published_customer_is_listed_once() -> None:
    with Emulator(customers=57) as emulator:
        pages = list(listed_customers(api_of(emulator), limit=10))
        assert ids(pages) == emulator.world.published_customer_ids()
        assert {page.total for page in pages} == {len(ids(pages))}
        bodies = [json.loads(entry.body) for entry in emulator.requests.entries]
    assert all(body["sort"] == [{"field": "id", "direction": "asc"}] for body in bodies)


def test_customers_that_are_archived_meanwhile_hide_no_other() -> None:
    def archive_two(world: World, request: Request) -> None:
        if request.number == 4:
            for customer_id in world.published_customer_ids()[:2]:
                world.archive_customer(customer_id, force=True)

    with Emulator(customers=57, on_request=archive_two) as emulator:
        before = emulator.world.published_customer_ids()
        assert ids(list(listed_customers(api_of(emulator), limit=10))) == before


def test_a_page_that_cannot_be_read_at_first_is_asked_for_again() -> None:
    with Emulator(customers=57) as emulator:
        emulator.faults.add(Fault("server_error", nth=3, times=2))
        api = api_of(emulator)
        assert ids(list(listed_customers(api, limit=10))) == emulator.world.published_customer_ids()
    assert api.counts.retries == 2


@pytest.mark.parametrize("kind", ["server_error", "html", "wrong_shape", "redirect", "reset"])
def test_a_listing_that_cannot_be_completed_fails(kind: str) -> None:
    with Emulator(customers=57) as emulator:
        emulator.faults.add(Fault.from_mapping({"kind": kind, "nth": 3}))
        with pytest.raises(ListingFailed):
            list(listed_customers(api_of(emulator), limit=10))


def test_a_refused_key_ends_the_listing() -> None:
    with Emulator(customers=1) as emulator, pytest.raises(AccessRefused):
        list(listed_customers(api_of(emulator, "another-key")))


def test_a_customer_without_an_id_is_handed_on_to_be_rejected() -> None:
    with Emulator(customers=5) as emulator:
        first = emulator.world.published_customer_ids()[0]
        emulator.quirks.customer_fields[first] = {"id": None}
        pages = list(listed_customers(api_of(emulator), limit=3))
        records = [record for page in pages for record in page.records]
        assert len(records) == len(emulator.world.published_customer_ids())
