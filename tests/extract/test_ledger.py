"""The ledger as the emulator keeps it, and as a server that does not do what it is asked for."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flexprice_emulator import Emulator, Fault, Rates, Request, World
from flexprice_wallets.errors import AccessRefused
from flexprice_wallets.extract import ledger
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.asking.api import Api, open_api
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.events import LedgerEvent, LedgerUnread, TransactionsPage
from flexprice_wallets.extract.ledger import read_transactions
from flexprice_wallets.extract.process import ProcessFeed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection

PATH = "/v1/wallets/transactions/search"
_IMPATIENT = RetryPolicy(attempts=3, first_delay=0.01)


@pytest.fixture(scope="module")
def world() -> World:
    world = World(60, seed=4)
    for _ in range(12):
        world.advance(timedelta(hours=20), steps=120, rates=Rates.with_ledger())
    return world


@pytest.fixture
def emulator(world: World) -> Iterator[Emulator]:
    with Emulator(world=world) as running:
        yield running


@contextmanager
def api_of(base_url: str, key: str) -> Iterator[Api]:
    api = open_api(ApiOptions(Secret(key), base_url, retries=_IMPATIENT))
    try:
        yield api
    finally:
        api.stop()


def read(
    emulator: Emulator,
    since: datetime | None = None,
    wallet_ids: list[str] | None = None,
    key: str | None = None,
) -> list[LedgerEvent]:
    with api_of(emulator.base_url, key or emulator.api_key) as api:
        return list(read_transactions(api, since, wallet_ids))


def column(events: list[LedgerEvent], name: str) -> list[Any]:
    found: list[Any] = []
    for event in events:
        assert isinstance(event, TransactionsPage), event
        assert not event.rejected
        found += event.records.columns[name]
    return found


def versions(events: list[LedgerEvent]) -> list[tuple[str, datetime]]:
    ids, moments = (column(events, name) for name in ("transaction_id", "source_updated_at"))
    return list(zip(ids, moments, strict=True))


def truth(world: World) -> dict[str, datetime]:
    """Every transaction with the time of its last change."""
    return {key: row["updated_at"] for key, row in world.truth()["transactions"].items()}


def test_every_transaction_is_read_once(emulator: Emulator, world: World) -> None:
    events = read(emulator)
    found = versions(events)
    assert len(found) == len(set(found)) == len(truth(world)) > 1000
    assert {key for key, _ in found} == set(truth(world))
    assert all(event.observed_at.tzinfo is UTC for event in events)


def test_stretches_of_time_are_read_at_once(
    emulator: Emulator, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "_MANY", 50)
    monkeypatch.setattr(ledger, "_PAGE", 40)
    under_way = most = 0
    ask, page_of = ledger._ask, ledger._page

    def counting_ask(*arguments: Any) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        ask(*arguments)

    def counting_page(*arguments: Any) -> Any:
        nonlocal under_way
        under_way -= 1
        return page_of(*arguments)

    monkeypatch.setattr(ledger, "_ask", counting_ask)
    monkeypatch.setattr(ledger, "_page", counting_page)
    found = versions(read(emulator))
    assert len(found) == len(set(found)) == len(truth(world))
    assert emulator.requests.by_endpoint[f"POST {PATH}"] > len(found) / 40
    # The newest row is asked for without being counted.
    assert most >= ledger._AT_ONCE - 1


def test_what_changed_since_a_moment_is_read(emulator: Emulator, world: World) -> None:
    moments = sorted(truth(world).values())
    since = moments[len(moments) * 3 // 4]
    found = {key for key, _ in versions(read(emulator, since))}
    assert found == {key for key, moment in truth(world).items() if moment >= since}
    assert read(emulator, moments[-1] + timedelta(seconds=1)) == []


def test_named_wallets_are_read_alone(emulator: Emulator, world: World) -> None:
    wallet_ids = emulator.world.listed_wallet_ids()[:20]
    found = column(read(emulator, None, wallet_ids), "transaction_id")
    expected = {
        key for key, row in world.truth()["transactions"].items() if row["wallet_id"] in wallet_ids
    }
    assert set(found) == expected
    assert len(found) == len(expected) > 20
    assert read(emulator, None, []) == []


def test_nothing_is_missed_or_doubled_while_transactions_are_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledger, "_MANY", 50)
    monkeypatch.setattr(ledger, "_PAGE", 25)
    world = World(40, seed=6)
    world.advance(timedelta(hours=100), steps=400, rates=Rates.with_ledger())
    written = set(truth(world).items())
    lock = threading.Lock()

    def go_on(world: World, request: Request) -> None:
        if request.path == PATH and request.number < 60:
            world.advance(timedelta(minutes=5), steps=3, rates=Rates.with_ledger())
            with lock:
                written.update(truth(world).items())

    with Emulator(world=world, on_request=go_on) as emulator:
        found = versions(read(emulator))
    read_versions = set(found)
    assert len(found) == len(read_versions)
    assert read_versions <= written
    newest = dict(sorted(read_versions, key=lambda each: each[1]))
    assert newest == truth(world), "the last version of each was read"


def test_pages_wait_to_be_taken(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_MANY", 50)
    monkeypatch.setattr(ledger, "_PAGE", 20)
    with api_of(emulator.base_url, emulator.api_key) as api:
        pages = read_transactions(api, None, None)
        for _ in range(12):
            next(pages)
        time.sleep(0.5)
        assert emulator.requests.by_endpoint[f"POST {PATH}"] <= 12 + ledger._AT_ONCE + 1


@pytest.mark.parametrize("kind", ["server_error", "html", "wrong_shape", "redirect", "reset"])
def test_a_failure_is_the_last_event(kind: Any, emulator: Emulator) -> None:
    emulator.faults.add(Fault(kind, path=PATH))
    [unread] = read(emulator)
    assert isinstance(unread, LedgerUnread)
    assert not unread.is_refused
    assert unread.failure.message


@pytest.mark.parametrize(("kind", "status"), [("forbidden", 403), ("not_found", 404)])
def test_a_ledger_that_is_refused_is_said_to_be(kind: Any, status: int, emulator: Emulator) -> None:
    emulator.faults.add(Fault(kind, path=PATH))
    [unread] = read(emulator)
    assert isinstance(unread, LedgerUnread)
    assert unread.is_refused
    assert unread.failure.http_status == status


def test_a_refused_key_is_an_error(emulator: Emulator) -> None:
    with pytest.raises(AccessRefused):
        read(emulator, key="another-key")


def test_a_page_that_fails_at_first_is_asked_for_again(emulator: Emulator, world: World) -> None:
    emulator.faults.add(Fault("unavailable", path=PATH, times=2))
    assert len(versions(read(emulator))) == len(truth(world))


def test_it_comes_over_from_another_process(emulator: Emulator, world: World) -> None:
    feed = ProcessFeed(
        ApiOptions(Secret(emulator.api_key), emulator.base_url), Selection(), Figures()
    )
    try:
        assert sum(1 for _ in feed.customers())
        found = versions(list(feed.transactions(None, None)))
        wallet_id = world.listed_wallet_ids()[0]
        own = column(list(feed.transactions(None, [wallet_id])), "wallet_id")
    finally:
        feed.stop()
    assert len(found) == len(set(found)) == len(truth(world))
    assert own
    assert set(own) == {wallet_id}


@contextmanager
def answering(*items: dict[str, Any], total: int) -> Iterator[str]:
    """A server that answers every search with the same rows, whatever was asked for."""
    body = json.dumps({"items": items, "pagination": {"total": total}}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


def row(number: int, date: str) -> dict[str, Any]:
    return {"id": f"wtxn_{number}", "updated_at": date}


@pytest.mark.parametrize(
    ("items", "total"),
    [
        ([row(1, "2026-01-01T00:00:00Z")], 1),
        ([row(1, "2026-03-02T00:00:00Z"), row(2, "2026-03-01T12:00:00Z")], 2),
        ([], 7),
    ],
    ids=["a filter ignored", "an order ignored", "rows that never come"],
)
def test_a_server_that_does_not_do_what_it_is_asked_for_is_not_believed(
    items: list[dict[str, Any]], total: int
) -> None:
    with answering(*items, total=total) as base_url, api_of(base_url, "key") as api:
        [unread] = read_transactions(api, datetime(2026, 3, 1, tzinfo=UTC), None)
    assert isinstance(unread, LedgerUnread)
    assert not unread.is_refused
    assert unread.failure.error_code == "unexpected_answer"
