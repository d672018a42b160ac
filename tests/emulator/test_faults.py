"""Every fault as a client meets it."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from flexprice_emulator import Emulator, Fault
from tests.emulator.emulator_client import Client


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("rate_limited", 429),
        ("server_error", 500),
        ("bad_gateway", 502),
        ("unavailable", 503),
        ("unauthorized", 401),
        ("forbidden", 403),
        ("not_found", 404),
        ("redirect", 302),
        ("html", 200),
        ("wrong_shape", 200),
        ("not_json", 200),
        ("empty_body", 200),
    ],
)
def test_faults_that_are_answers(august: Client, kind: Any, status: int) -> None:
    good = august.search(limit=1)
    august.emulator.faults.add(Fault(kind, times=1))
    answer = august.search(limit=1)
    assert answer.status_code == status
    assert answer.content != good.content
    assert august.search(limit=1).status_code == 200
    assert august.emulator.faults.counts == {kind: 1}


@pytest.mark.parametrize("kind", ["reset", "close", "truncated"])
def test_faults_that_break_the_connection(august: Client, kind: Any) -> None:
    august.emulator.faults.add(Fault(kind, times=1))
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        august.search(limit=1)
    assert august.search(limit=1).status_code == 200
    assert august.emulator.requests.by_status == {kind: 1, "200": 1}


def test_silence_times_out_and_stopping_does_not_wait() -> None:
    with Emulator(customers=5) as emulator:
        client = Client(emulator)
        emulator.faults.add(Fault("silence"))
        answer = client.call("POST", "/customers/search", json={}, stream=True)
        assert answer.status_code == 200
        with pytest.raises(requests.ConnectionError):
            client.call("POST", "/customers/search", json={}, timeout=0.1)
        begin = time.monotonic()
    assert time.monotonic() - begin < 1
    # The hanging answer ends with the server, long before the client's timeout.
    with pytest.raises(requests.RequestException):
        answer.content  # noqa: B018
    assert time.monotonic() - begin < 1
    client.session.close()


def test_endless_answer_goes_on(august: Client) -> None:
    august.emulator.faults.add(Fault("endless", pause=0.001))
    with august.call("GET", "/wallets", stream=True) as answer:
        received = 0
        for part in answer.iter_content(8192):
            received += len(part)
            if received > 300_000:
                break
    assert received > 300_000


def test_dribble_is_slow_but_true(august: Client) -> None:
    path = "/wallets/wallet_unknown"
    true = august.get(path)
    august.emulator.faults.add(Fault("dribble", pause=0.002, times=1))
    begin = time.monotonic()
    slow = august.get(path, timeout=5)
    assert time.monotonic() - begin > 0.2
    assert (slow.status_code, slow.content) == (true.status_code, true.content)


def test_retry_after_in_seconds_and_as_date(august: Client) -> None:
    faults = august.emulator.faults
    faults.add(Fault("rate_limited", retry_after=7, times=1))
    assert august.search().headers["Retry-After"] == "7"
    faults.add(Fault("unavailable", retry_after=60, retry_after_as_date=True, times=1))
    moment = parsedate_to_datetime(august.search().headers["Retry-After"])
    assert 50 < moment.timestamp() - time.time() < 70
    faults.add(Fault("rate_limited", times=1))
    assert "Retry-After" not in august.search().headers


def test_faults_by_path_key_and_number(august: Client) -> None:
    first, second = august.emulator.world.published_customer_ids()[:2]
    august.emulator.faults.add(
        Fault("server_error", path="/v1/customers/wallets", key=first, nth=2, times=1)
    )

    def status(key: str) -> int:
        return int(august.get("/customers/wallets", params={"id": key}).status_code)

    assert august.search().status_code == 200
    assert [status(second) for _ in range(3)] == [200, 200, 200]
    assert [status(first) for _ in range(4)] == [200, 500, 200, 200]


def test_rates_are_deterministic_and_about_right() -> None:
    def outcomes() -> list[int]:
        with Emulator(customers=1, seed=9) as emulator:
            emulator.faults.add(Fault("server_error", rate=0.3))
            client = Client(emulator)
            statuses = [client.search().status_code for _ in range(200)]
            client.session.close()
        return statuses

    first = outcomes()
    assert first == outcomes()
    assert 40 <= first.count(500) <= 80


def test_mix_concerns_its_share_and_never_the_control() -> None:
    with Emulator(customers=1, fault_rate=1) as emulator:
        client = Client(emulator)
        for _ in range(30):
            try:
                answer = client.search()
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                continue
            assert answer.status_code != 200 or "json" not in answer.headers["Content-Type"]
        assert emulator.faults.counts.total() == 30
        assert len(emulator.faults.counts) >= 5
        assert client.control("GET", "/requests").json()["total"] == 30
        client.session.close()


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        Fault("gremlins")  # type: ignore[arg-type]
