"""Every fault as a client meets it."""

import http.client
import socket
import time
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from flexprice_emulator import Emulator, Fault, nested_json
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


@pytest.mark.parametrize("status", [507, 508, *range(520, 531), 598, 599, 418])
def test_any_status(august: Client, status: int) -> None:
    august.emulator.faults.add(Fault("status", status=status, times=1, retry_after=3))
    answer = august.search(limit=1)
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "3")
    assert ("html" in answer.headers["Content-Type"]) == (520 <= status <= 530)
    assert august.search(limit=1).status_code == 200


@pytest.mark.parametrize(
    "text", ["Fri, 31 Dec 99999 23:59:59 GMT", "1e400", "99999999999999999999", "-1"]
)
def test_retry_after_can_be_any_text(august: Client, text: str) -> None:
    august.emulator.faults.add(Fault("rate_limited", retry_after_text=text, retry_after=1))
    assert august.search().headers["Retry-After"] == text


def test_short_page_keeps_its_total(august: Client) -> None:
    total = len(august.emulator.world.published_customer_ids())
    august.emulator.faults.add(Fault("short_page", path="/v1/customers/search", keep=7))
    answer = august.search(limit=50, offset=3).json()
    assert len(answer["items"]) == 7
    assert answer["pagination"] == {"total": total, "limit": 50, "offset": 53}
    ordered = [{"field": "id", "direction": "asc"}]
    found: list[str] = []
    while len(found) < total:
        rows = august.search(limit=50, offset=len(found), sort=ordered).json()["items"]
        found += [row["id"] for row in rows]
    assert found == august.emulator.world.published_customer_ids()


def test_faults_of_pages_leave_other_answers_alone(august: Client) -> None:
    key = august.emulator.world.published_customer_ids()[0]
    plain = august.get("/wallets/wallet_unknown").content
    for kind in ("short_page", "larger_total"):
        august.emulator.faults.clear()
        august.emulator.faults.add(Fault(kind))
        assert august.get("/wallets/wallet_unknown").content == plain
        assert isinstance(august.wallets(key), list)


def test_fault_of_one_endpoint_alone(august: Client) -> None:
    (wallet_id, *_) = august.emulator.world.listed_wallet_ids()
    august.emulator.faults.add(Fault("forbidden", endpoint="GET /v1/wallets"))
    assert august.get("/wallets", params={"status": "closed"}).status_code == 403
    assert august.get(f"/wallets/{wallet_id}").status_code == 200
    assert august.call("POST", "/wallets/search", json={}).status_code == 200
    assert august.call("POST", "/wallets/transactions/search", json={}).status_code == 200


def test_total_can_say_more_than_there_is(august: Client) -> None:
    total = len(august.emulator.world.published_customer_ids())
    august.emulator.faults.add(Fault("larger_total", surplus=5))
    answer = august.search(limit=1000).json()
    assert (len(answer["items"]), answer["pagination"]["total"]) == (total, total + 5)


def test_stuck_page_brings_nothing_new(august: Client) -> None:
    order = [{"field": "id", "direction": "asc"}]
    august.emulator.faults.add(Fault("stuck_page", path="/v1/customers/search"))
    first = august.search(limit=10, sort=order).content
    assert {august.search(limit=10, offset=n, sort=order).content for n in (10, 20, 500)} == {first}
    august.emulator.faults.clear()
    august.emulator.faults.add(Fault("stuck_page", path="/v1/customers/search"))
    assert august.search(limit=10, offset=10, sort=order).content != first


@pytest.mark.parametrize("pause", [0.0, 0.05])
@pytest.mark.parametrize("status", [100, 102, 103])
def test_informational_answer_comes_before_the_true_one(
    august: Client, status: int, pause: float
) -> None:
    fault = Fault("informational", status=status, pause=pause, times=1)
    august.emulator.faults.add(fault)
    port = int(august.emulator.base_url.split(":")[2].split("/")[0])
    request = (
        "GET /v1/wallets/wallet_unknown HTTP/1.1\r\nHost: x\r\n"
        f"x-api-key: {august.emulator.api_key}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(request)
        data = b""
        while not data.endswith(b"}"):
            data += connection.recv(65536)
        first, second = data.split(b"\r\n\r\n")[:2]
        assert first.startswith(f"HTTP/1.1 {status} ".encode())
        assert second.startswith(b"HTTP/1.1 404 ")
        # The connection is of use afterwards.
        connection.sendall(request)
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
    assert august.emulator.requests.by_status == {"informational": 1, "404": 1}


def test_extra_bytes_follow_an_answer_on_a_kept_connection(august: Client) -> None:
    key = august.emulator.world.published_customer_ids()[0]
    august.emulator.faults.add(Fault("extra_bytes", times=1, pause=0.01))
    port = int(august.emulator.base_url.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    headers = {"x-api-key": august.emulator.api_key}
    connection.request("GET", "/v1/wallets/wallet_unknown", headers=headers)
    assert connection.getresponse().read() != b"[]"
    time.sleep(0.2)
    # A client that goes on with the connection takes the extra bytes for its answer.
    connection.request("GET", f"/v1/customers/wallets?id={key}", headers=headers)
    assert connection.getresponse().read() == b"[]"
    connection.close()
    august.emulator.faults.add(Fault("extra_bytes", times=1, text="\0junk"))
    assert august.search().status_code == 200


def test_large_answer_is_the_true_one_and_more(august: Client) -> None:
    customer_id = next(
        key
        for key in august.emulator.world.published_customer_ids()
        if any(wallet.is_listed for wallet in august.emulator.world.wallets_of(key))
    )
    true = august.wallets(customer_id)
    august.emulator.faults.add(Fault("large", size=3_000_000))
    packed = august.get("/customers/wallets", params={"id": customer_id}, timeout=10)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) < 100_000
    assert len(packed.content) > 3_000_000
    records = packed.json()
    assert sum(len(record.pop("padding", ())) for record in records) == 1_500_001
    assert sorted(each["id"] for each in records) == sorted(each["id"] for each in true)
    plain = august.get(
        "/customers/wallets",
        params={"id": customer_id},
        headers={"Accept-Encoding": "identity"},
        timeout=10,
    )
    assert "Content-Encoding" not in plain.headers
    assert len(plain.content) > 3_000_000


def test_field_can_be_nested_deeply_and_an_id_a_lone_surrogate(august: Client) -> None:
    world, quirks = august.emulator.world, august.emulator.quirks
    key = world.published_customer_ids()[0]
    quirks.extra_wallet_fields = {"deep": nested_json(500)}
    text = august.get("/wallets", params={"wallet_ids": world.listed_wallet_ids()[0]}).text
    assert '"deep":' + "[" * 500 + "]" * 500 in text
    quirks.customer_fields[key] = {"id": r'"cust_\ud800"'}
    ids = [row["id"] for row in august.search(limit=1000).json()["items"]]
    assert "cust_\ud800" in ids
    assert key not in ids


@pytest.mark.parametrize(
    "wrong", [{"kind": "status"}, {"kind": "status", "status": 100}, {"kind": "informational"}]
)
def test_faults_that_need_a_status(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="status"):
        Fault.from_mapping(wrong)
