from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.errors import AccessRefused
from flexprice_wallets.extract.attempts import Api
from flexprice_wallets.extract.backoff import RetryPolicy
from flexprice_wallets.extract.calls import (
    Figures,
    Reply,
    customer_wallets,
    lookup_key_wallets,
    wallet,
)
from flexprice_wallets.extract.client import ApiClient
from flexprice_wallets.extract.pace import Pace
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.workers import Workers
from flexprice_wallets.records.answers import wallets_of_answer

_IMPATIENT = RetryPolicy(attempts=3, first_delay=0.01)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(customers=30, seed=2) as running:
        yield running


@contextmanager
def workers_on(
    emulator: Emulator,
    key: str | None = None,
    pace: Pace | None = None,
    policy: RetryPolicy = _IMPATIENT,
) -> Iterator[Workers[str]]:
    client = ApiClient(emulator.base_url, Secret(key or emulator.api_key))
    workers = Workers[str](Api(client, pace or Pace(4), policy), 4)
    try:
        yield workers
    finally:
        workers.stop()


def read(workers: Workers[str], count: int) -> dict[str, Reply]:
    taken = [workers.take() for _ in range(count)]
    replies = [each for each in taken if isinstance(each, Reply)]
    return {each.call.resource_id: each for each in replies}


def test_every_call_gives_one_reading(emulator: Emulator) -> None:
    customers = emulator.world.published_customer_ids()
    with workers_on(emulator) as workers:
        for customer_id in customers:
            workers.submit(customer_wallets(customer_id, Figures()))
        replies = read(workers, len(customers))
    assert set(replies) == set(customers)
    found = {
        str(record["id"])
        for reply in replies.values()
        for record in reply.records or ()
        if type(record) is dict
    }
    assert found == set(emulator.world.listed_wallet_ids())


def test_lookup_keys_and_wallets_can_be_asked_for(emulator: Emulator) -> None:
    wallet_id = emulator.world.listed_wallet_ids()[0]
    customer_id = emulator.world.wallet(wallet_id).customer_id
    key = emulator.world.customer(customer_id).external_id
    with workers_on(emulator) as workers:
        workers.submit(lookup_key_wallets(key, Figures()))
        workers.submit(wallet(wallet_id, customer_id))
        workers.submit(wallet("wallet_gone", customer_id))
        replies = read(workers, 3)
    assert wallet_id in str(replies[key].records)
    assert wallet_id in str(replies[wallet_id].records)
    assert replies["wallet_gone"].is_missing


def test_waiting_for_the_pace_does_not_use_up_the_time_of_a_call(emulator: Emulator) -> None:
    customer_id = emulator.world.published_customer_ids()[0]
    emulator.faults.add(Fault("server_error", key=customer_id, times=2))
    # The third attempt starts after four seconds of waiting for a turn.
    pace, policy = Pace(4, requests_per_second=1 / 2), RetryPolicy(total_time=1.8, first_delay=0.01)
    with workers_on(emulator, pace=pace, policy=policy) as workers:
        workers.submit(customer_wallets(customer_id, Figures()))
        reply = read(workers, 1)[customer_id]
    assert reply.failure is None
    assert reply.attempts == 3


def test_a_call_is_tried_again_while_others_go_on(emulator: Emulator) -> None:
    customers = emulator.world.published_customer_ids()
    emulator.faults.add(Fault("server_error", key=customers[0], times=2))
    emulator.faults.add(Fault("server_error", key=customers[1]))
    emulator.faults.add(Fault("redirect", key=customers[2]))
    with workers_on(emulator) as workers:
        for customer_id in customers:
            workers.submit(customer_wallets(customer_id, Figures()))
        replies = read(workers, len(customers))
    assert [replies[key].attempts for key in customers[:4]] == [3, 3, 1, 1]
    assert [replies[key].failure is None for key in customers[:4]] == [True, False, False, True]
    failure = replies[customers[1]].failure
    assert failure is not None
    assert failure.http_status == 500


def test_a_refused_key_reaches_whoever_takes(emulator: Emulator) -> None:
    with workers_on(emulator, "another-key") as workers:
        workers.submit(customer_wallets("cust_1", Figures()))
        with pytest.raises(AccessRefused):
            workers.take()


def test_what_is_announced_is_taken_and_an_exception_raised(emulator: Emulator) -> None:
    with workers_on(emulator) as workers:
        workers.announce("event")
        workers.announce(KeyError("broken"))
        assert workers.take() == "event"
        with pytest.raises(KeyError):
            workers.take()


def test_who_waits_for_another_attempt_is_let_go_when_the_run_stops(emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", status=503))
    api = Api(
        ApiClient(emulator.base_url, Secret(emulator.api_key)),
        Pace(4),
        RetryPolicy(attempts=3, first_delay=60, longest_delay=60, total_time=600),
    )
    outcomes: list[object] = []
    call = customer_wallets("cust_1", Figures())
    asking = threading.Thread(target=lambda: outcomes.append(api.ask(call, wallets_of_answer)))
    asking.start()
    while not emulator.requests.total:
        time.sleep(0.01)
    time.sleep(0.1)
    api.stop()
    asking.join(5)
    assert not asking.is_alive()
    assert len(outcomes) == 1
    # Nobody sends anything after the end, whatever the limit of requests would allow.
    sent = emulator.requests.total
    api.ask(call, wallets_of_answer)
    assert emulator.requests.total == sent
