"""A server that slows down under load: exactly in its model, and as clients meet it."""

import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from flexprice_emulator import Emulator
from flexprice_emulator.server_load import ServerLoad
from tests.emulator.emulator_client import Client


def latencies(load: ServerLoad, clients: int, seconds: float) -> tuple[float, float]:
    """Median latency and answers per second of so many clients that ask again at once."""
    arrivals = [0.0] * clients
    delays, answered = [], 0
    while (now := min(arrivals)) < seconds:
        place = arrivals.index(now)
        delay = load.delay(now)
        arrivals[place] = now + delay
        delays.append(delay)
        answered += 1
    return median(delays), answered / seconds


@pytest.mark.parametrize(
    ("clients", "latency", "per_second"),
    [(1, 0.02, 50), (4, 0.02, 200), (8, 0.02, 400), (16, 0.04, 400), (64, 0.16, 400)],
)
def test_latency_grows_with_load_and_throughput_saturates(
    clients: int, latency: float, per_second: float
) -> None:
    measured = latencies(ServerLoad(20, capacity=8), clients, seconds=10)
    assert measured == pytest.approx((latency, per_second), rel=0.02)


def test_without_a_capacity_load_makes_no_difference() -> None:
    assert latencies(ServerLoad(20), 64, seconds=5) == pytest.approx((0.02, 3200), rel=0.02)


def test_load_can_be_changed_while_requests_are_under_way() -> None:
    load = ServerLoad(100, capacity=4)
    assert [load.delay(0.0) for _ in range(5)] == pytest.approx([0.1] * 4 + [0.2])
    load.capacity = 1
    assert load.delay(0.0) == pytest.approx(0.3)
    load.capacity, load.latency_ms = None, 5
    assert load.delay(0.0) == pytest.approx(0.005)
    load.latency_ms = 0
    assert load.delay(0.0) == 0


def test_clients_wait_where_the_server_is_busy() -> None:
    with (
        Emulator(customers=1, latency_ms=60, capacity=2) as emulator,
        ThreadPoolExecutor(8) as pool,
    ):
        clients = [Client(emulator) for _ in range(8)]
        begin = time.monotonic()
        statuses = list(pool.map(lambda client: client.search().status_code, clients))
        elapsed = time.monotonic() - begin
        control = clients[0].control("POST", "/settings", {"capacity": None, "latency_ms": 5})
        after = emulator.capacity, emulator.latency_ms
        for client in clients:
            client.session.close()
    assert statuses == [200] * 8
    # Four rounds of two; without a capacity it would be one round of eight.
    assert elapsed >= 0.22
    assert max(seconds for _, seconds in emulator.requests.delays) >= 0.11
    assert max(under_way for under_way, _ in emulator.requests.delays) > 2
    assert (control.status_code, after) == (200, (None, 5))
