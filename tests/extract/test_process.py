from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.errors import ConfigurationError, RunFailed
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures, Reading
from flexprice_wallets.extract.events import ListingDone
from flexprice_wallets.extract.process import ProcessFeed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(customers=30, seed=2) as running:
        yield running


@pytest.fixture
def feed(emulator: Emulator) -> Iterator[ProcessFeed]:
    feed = ProcessFeed(options(emulator), Selection(), Figures())
    yield feed
    feed.stop()


def options(emulator: Emulator) -> ApiOptions:
    return ApiOptions(Secret(emulator.api_key), emulator.base_url)


def test_events_and_counts_come_over_from_the_other_process(
    emulator: Emulator, feed: ProcessFeed
) -> None:
    events = list(feed.customers())
    customers = emulator.world.published_customer_ids()
    read = {event.call.resource_id for event in events if isinstance(event, Reading)}
    assert read == set(customers)
    assert ListingDone(len(customers)) in events
    wallet_id = emulator.world.listed_wallet_ids()[0]
    customer_id = emulator.world.wallet(wallet_id).customer_id
    (followed,) = feed.wallets([(wallet_id, customer_id)])
    assert wallet_id in str(followed.records)
    assert feed.counts.requests == emulator.requests.total


def test_an_error_of_the_other_process_is_raised_here() -> None:
    nowhere = ApiOptions(Secret("key"), "ftp://nowhere")
    feed = ProcessFeed(nowhere, Selection(), Figures())
    try:
        with pytest.raises(ConfigurationError):
            list(feed.customers())
    finally:
        feed.stop()


def test_the_other_process_going_is_an_error(emulator: Emulator, feed: ProcessFeed) -> None:
    emulator.latency_ms = 300
    events = feed.customers()
    next(events)
    feed._child.kill()
    with pytest.raises(RunFailed, match="ended unexpectedly"):
        list(events)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to a core")
def test_only_the_other_process_stays_on_one_core(feed: ProcessFeed) -> None:
    ours = os.sched_getaffinity(0)
    next(feed.customers())
    assert len(os.sched_getaffinity(feed._child.pid)) == 1
    assert os.sched_getaffinity(0) == ours
