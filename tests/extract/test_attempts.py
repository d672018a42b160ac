from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flexprice_emulator import Emulator, Fault
from flexprice_wallets.errors import AccessRefused
from flexprice_wallets.extract.asking.api import Api
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.client import ApiClient
from flexprice_wallets.extract.asking.line import Line
from flexprice_wallets.extract.asking.outcomes import Failed, Missing, Taken
from flexprice_wallets.extract.calls import (
    Call,
    Figures,
    Reply,
    customer_wallets,
    lookup_key_wallets,
    wallet,
)
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.records.answers import wallet_of_answer, wallets_of_answer

_IMPATIENT = RetryPolicy(attempts=3, first_delay=0.01)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(customers=30, seed=2) as running:
        yield running


@contextmanager
def api_of(
    emulator: Emulator,
    key: str | None = None,
    line: Line | None = None,
    policy: RetryPolicy = _IMPATIENT,
) -> Iterator[Api]:
    client = ApiClient(emulator.base_url, Secret(key or emulator.api_key))
    api = Api(client, line or Line(4), policy, workers=4)
    try:
        yield api
    finally:
        api.stop()


def replies(api: Api, calls: Iterable[Call], decode: Any = wallets_of_answer) -> dict[str, Reply]:
    return {each.call.resource_id: each.reply() for each in api.answers(calls, decode)}


def test_every_call_gives_one_reading(emulator: Emulator) -> None:
    customers = emulator.world.published_customer_ids()
    with api_of(emulator) as api:
        read = replies(api, (customer_wallets(each, Figures()) for each in customers))
    assert set(read) == set(customers)
    found = {
        str(record["id"])
        for reply in read.values()
        for record in reply.records or ()
        if type(record) is dict
    }
    assert found == set(emulator.world.listed_wallet_ids())


def test_more_calls_than_fit_in_line_are_all_made(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexprice_wallets.extract.asking.api._MOST_AHEAD", 5)
    customers = emulator.world.published_customer_ids()
    with api_of(emulator) as api:
        read = replies(api, (customer_wallets(each, Figures()) for each in customers))
    assert set(read) == set(customers)


def test_lookup_keys_and_wallets_can_be_asked_for(emulator: Emulator) -> None:
    wallet_id = emulator.world.listed_wallet_ids()[0]
    customer_id = emulator.world.wallet(wallet_id).customer_id
    key = emulator.world.customer(customer_id).external_id
    with api_of(emulator) as api:
        by_key = replies(api, [lookup_key_wallets(key, Figures())])[key]
        by_id = replies(
            api,
            [wallet(wallet_id, customer_id), wallet("wallet_gone", customer_id)],
            lambda body: [wallet_of_answer(body)],
        )
    assert wallet_id in str(by_key.records)
    assert wallet_id in str(by_id[wallet_id].records)
    assert by_id["wallet_gone"].is_missing


def test_waiting_for_a_turn_does_not_use_up_the_time_of_a_call(emulator: Emulator) -> None:
    customer_id = emulator.world.published_customer_ids()[0]
    emulator.faults.add(Fault("server_error", key=customer_id, times=2))
    # The third attempt starts after four seconds of waiting for a turn.
    line, policy = Line(4, requests_per_second=1 / 2), RetryPolicy(total_time=1.8, first_delay=0.01)
    with api_of(emulator, line=line, policy=policy) as api:
        reply = replies(api, [customer_wallets(customer_id, Figures())])[customer_id]
    assert reply.failure is None
    assert reply.attempts == 3


def test_a_call_is_tried_again_while_others_go_on(emulator: Emulator) -> None:
    customers = emulator.world.published_customer_ids()
    emulator.faults.add(Fault("server_error", key=customers[0], times=2))
    emulator.faults.add(Fault("server_error", key=customers[1]))
    emulator.faults.add(Fault("redirect", key=customers[2]))
    with api_of(emulator) as api:
        read = replies(api, (customer_wallets(each, Figures()) for each in customers))
    assert [read[key].attempts for key in customers[:4]] == [3, 3, 1, 1]
    assert [read[key].failure is None for key in customers[:4]] == [True, False, False, True]
    failure = read[customers[1]].failure
    assert failure is not None
    assert failure.http_status == 500


def test_whoever_waits_for_another_attempt_holds_no_place(emulator: Emulator) -> None:
    customers = emulator.world.published_customer_ids()
    for customer_id in customers[:8]:
        emulator.faults.add(Fault("server_error", key=customer_id, times=1))
    line = Line(2)
    begun = time.monotonic()
    with api_of(emulator, line=line, policy=RetryPolicy(first_delay=0.8)) as api:
        read = replies(api, (customer_wallets(each, Figures()) for each in customers))
    assert all(reply.failure is None for reply in read.values())
    # Eight waits of 0.4 to 0.8 s, two at a time, would be 2.4 s.
    assert time.monotonic() - begun < 1.7


def test_a_refused_key_reaches_whoever_asks(emulator: Emulator) -> None:
    call = customer_wallets("cust_1", Figures())
    with api_of(emulator, "another-key") as api:
        with pytest.raises(AccessRefused):
            replies(api, [call])
        with pytest.raises(AccessRefused):
            api.ask(call, wallets_of_answer)


def test_one_call_is_asked_before_those_in_line(emulator: Emulator) -> None:
    emulator.latency_ms = 20
    customers = emulator.world.published_customer_ids()
    done: list[str] = []
    with api_of(emulator, line=Line(1)) as api:
        for customer_id in customers:
            api.submit(
                customer_wallets(customer_id, Figures()),
                wallets_of_answer,
                lambda answered: done.append(answered.call.resource_id),
            )
        assert isinstance(
            api.ask(customer_wallets(customers[-1], Figures()), wallets_of_answer), Taken
        )
        assert len(done) < 10
        assert api.ask(customer_wallets("cust_gone", Figures()), wallets_of_answer) == Missing()


def test_a_mistake_in_the_program_reaches_whoever_asks(emulator: Emulator) -> None:
    def decode(_: bytes) -> list[object]:
        raise KeyError("broken")

    call = customer_wallets(emulator.world.published_customer_ids()[0], Figures())
    with api_of(emulator) as api:
        for _ in range(10):  # more often than there are workers
            with pytest.raises(KeyError, match="broken"):
                api.ask(call, decode)


def test_who_waits_for_another_attempt_is_let_go_when_the_load_stops(emulator: Emulator) -> None:
    emulator.faults.add(Fault("status", status=503))
    outcomes: list[object] = []
    call = customer_wallets("cust_1", Figures())
    policy = RetryPolicy(attempts=3, first_delay=60, longest_delay=60, total_time=600)
    with api_of(emulator, policy=policy) as api:
        asking = threading.Thread(target=lambda: outcomes.append(api.ask(call, wallets_of_answer)))
        asking.start()
        while not emulator.requests.total:
            time.sleep(0.01)
        time.sleep(0.1)
        api.stop()
        asking.join(5)
        assert not asking.is_alive()
        assert isinstance(outcomes[0], Failed)
        # Nobody sends anything after the end, whatever the limit of requests would allow.
        sent = emulator.requests.total
        assert isinstance(api.ask(call, wallets_of_answer), Failed)
    assert emulator.requests.total == sent
