"""The server itself: control, quirks, the log of requests, and the command."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import requests

from flexprice_emulator import Emulator, Quirks, Request, World
from tests.emulator.emulator_client import EVERYTHING, Client

SOURCES = Path(__file__).parents[2] / "pipelines"


def a_wallet(client: Client) -> tuple[str, str]:
    wallet = client.emulator.world.wallet(client.emulator.world.listed_wallet_ids()[0])
    return wallet.id, wallet.customer_id


def test_control_moves_the_world_and_tells_the_truth(august: Client) -> None:
    wallet_id, _ = a_wallet(august)
    august.control("POST", "/time", {"now": "2026-09-01T00:00:00Z"})
    arguments = {"wallet_id": wallet_id, "credits_": "1.25"}
    assert august.control("POST", "/operations", {"operation": "top_up", "arguments": arguments}).ok
    done = august.control("POST", "/advance", {"seconds": 60, "steps": 2, "rates": {"debit": 0.5}})
    assert set(done.json()["done"]) == {"debit"}
    truth = august.control("GET", "/truth?ledger=true").json()
    assert truth["now"] == "2026-09-01T00:02:00Z"
    ours = august.emulator.world.truth()["wallets"][wallet_id]
    theirs = truth["wallets"][wallet_id]
    assert Decimal(theirs["balance"]) == ours["balance"]
    assert any(line["credit_amount"] == "1.25" for line in truth["ledger"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/operations", {"operation": "truth"}),
        ("/operations", {"operation": "freeze", "arguments": {"wallet": "x"}}),
        ("/operations", {"operation": "freeze", "arguments": {"wallet_id": "unknown"}}),
        ("/operations", {"operation": "top_up", "arguments": {"wallet_id": "x", "credits_": "a"}}),
        ("/advance", {"rates": {"dance": 1}}),
        ("/time", {"now": "2026-09-01T00:00:00"}),
        ("/faults", {"kind": "gremlins"}),
        ("/settings", {"contract": "1999-01"}),
        ("/settings", {"quirks": {"moon": 1}}),
    ],
)
def test_control_refuses_nonsense(august: Client, path: str, body: object) -> None:
    answer = august.control("POST", path, body)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_control_of_faults_and_settings(august: Client) -> None:
    august.control("POST", "/faults", {"kind": "dribble", "pause": 0.001, "times": 1})
    assert august.get("/wallets/wallet_x", timeout=5).status_code == 404
    assert august.control("GET", "/faults").json()["counts"] == {"dribble": 1}
    assert august.control("DELETE", "/faults").json()["active"] == []
    wallet_id, customer_id = a_wallet(august)
    august.control(
        "POST",
        "/settings",
        {"contract": "2026-01", "quirks": {"omit_breakdown": [wallet_id], "omit_usage_rate": 1.0}},
    )
    record = next(r for r in august.wallets(customer_id, **EVERYTHING) if r["id"] == wallet_id)
    assert "alert_config" in record
    assert not {"credits_available_breakdown", "current_period_usage"} & set(record)


def test_quirks(august: Client) -> None:
    wallet_id, customer_id = a_wallet(august)
    quirks: Quirks = august.emulator.quirks
    quirks.extra_wallet_fields = {"new_field": {"a": [1, None]}}
    quirks.wallet_fields[wallet_id] = {"balance": "1e400", "currency": None}
    quirks.customer_fields[customer_id] = {"email": "17"}
    quirks.omit_unpaid_rate = 1
    text = august.get("/customers/wallets", params={"id": customer_id} | EVERYTHING).text
    assert '"balance":1e400' in text
    record = august.get(f"/wallets/{wallet_id}").json()
    assert record["new_field"] == {"a": [1, None]}
    assert "currency" not in record
    assert "unpaid_invoices_amount" not in text
    (customer,) = august.search(customer_ids=[customer_id]).json()["items"]
    assert customer["email"] == 17
    quirks.wallet_lists[customer_id] = '{"oops": NaN}'
    assert august.get("/customers/wallets", params={"id": customer_id}).text == '{"oops": NaN}'


def test_omission_by_rate_concerns_some_and_keeps_still(august: Client) -> None:
    august.emulator.quirks.omit_breakdown_rate = 0.5

    def without() -> set[str]:
        ids = august.emulator.world.published_customer_ids()
        records = [row for key in ids for row in august.wallets(key, **EVERYTHING)]
        return {r["id"] for r in records if "credits_available_breakdown" not in r}

    first = without()
    assert 0 < len(first) < len(august.emulator.world.listed_wallet_ids())
    assert without() == first
    august.emulator.world.pass_time(timedelta(seconds=1))
    assert without() != first


def test_hook_changes_the_world_during_a_listing(august: Client) -> None:
    def archive_one(world: World, request: Request) -> None:
        if request.endpoint == "POST /v1/customers/search" and b'"offset": 20' in request.body:
            world.archive_customer(world.published_customer_ids()[0], force=True)

    expected = august.emulator.world.published_customer_ids()
    august.emulator.on_request = archive_one
    order = [{"field": "id", "direction": "asc"}]
    seen = [
        row["id"]
        for offset in (0, 20, 40)
        for row in august.search(limit=20, offset=offset, sort=order).json()["items"]
    ]
    assert set(expected) - set(seen) == {expected[20]}


def test_failing_hook_answers_500(august: Client) -> None:
    def fail(_world: World, _request: Request) -> None:
        raise RuntimeError("hook")

    august.emulator.on_request = fail
    assert august.search().status_code == 500


def test_log_counts_and_keeps_no_key(august: Client) -> None:
    wallet_id, customer_id = a_wallet(august)
    august.wallets(customer_id)
    august.get(f"/wallets/{wallet_id}")
    august.get("/wallets/nothing")
    log = august.emulator.requests
    assert log.by_endpoint == {"GET /v1/customers/wallets": 1, "GET /v1/wallets/{id}": 2}
    assert log.by_status == {"200": 2, "404": 1}
    assert log.entries[0].query == {"id": customer_id}
    assert all("x-api-key" not in entry.headers for entry in log.entries)


def test_latency_and_concurrency() -> None:
    with Emulator(customers=1, latency_ms=60) as emulator, ThreadPoolExecutor(8) as pool:
        clients = [Client(emulator) for _ in range(8)]
        begin = time.monotonic()
        statuses = list(pool.map(lambda client: client.search().status_code, clients))
        elapsed = time.monotonic() - begin
        for client in clients:
            client.session.close()
    assert statuses == [200] * 8
    assert 0.06 <= elapsed < 0.4
    assert 2 <= emulator.requests.max_concurrency <= 8


def test_answers_are_whole_moments_while_the_world_moves() -> None:
    world = World(0)
    customer_id = world.add_customer(wallets=0).id
    for _ in range(2):
        world.add_wallet(customer_id, wallet_type="PRE_PAID", credits_=Decimal(0), rate=Decimal(1))
    first, second = (wallet.id for wallet in world.wallets_of(customer_id))
    stopped = threading.Event()

    def shift() -> None:
        while not stopped.is_set():
            with world.lock:
                world.top_up(first, 1)
                world.debit(second, 1)
            time.sleep(0.0002)  # the server wants the lock, too

    with Emulator(world=world) as emulator:
        client, thread = Client(emulator), threading.Thread(target=shift)
        thread.start()
        try:
            sums = {
                sum(Decimal(row["balance"]) for row in client.wallets(customer_id))
                for _ in range(100)
            }
        finally:
            stopped.set()
            thread.join()
            client.session.close()
    assert sums == {Decimal(0)}


def test_malformed_request_is_400_and_unknown_path_404(august: Client) -> None:
    assert august.get("/nothing").status_code == 404
    assert august.call("POST", "/customers/search", data="{").status_code == 400
    chunked = august.call("POST", "/customers/search", data=iter([b"{}"]))
    assert chunked.status_code == 400


@pytest.mark.parametrize("ending", ["signal", "lifetime"])
def test_command_serves_and_ends(ending: str) -> None:
    arguments = ["--customers", "3", "--contract", "2026-01", "--api-key", "made-up"]
    if ending == "lifetime":
        arguments += ["--lifetime", "0.5"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flexprice_emulator", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        parts = dict(part.split("=") for part in line.split())
        answer = requests.get(
            parts["base_url"] + "/wallets", headers={"x-api-key": parts["api_key"]}, timeout=2
        )
        assert answer.status_code == 200
        if ending == "signal":
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def test_taken_port_is_an_error(august: Client) -> None:
    port = int(august.emulator.base_url.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match="address already in use"), Emulator(port=port):
        pass
