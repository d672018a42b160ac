"""What a network and an API do to a load, and what becomes of it."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from flexprice_emulator import Emulator, Fault, FaultKind, Request, World
from flexprice_wallets.errors import AccessRefused, ApiUnavailable, ExitCode, ListingFailed
from flexprice_wallets.extract.api_options import ApiOptions, Timeouts
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.client import ApiClient, AttemptFailed
from flexprice_wallets.extract.calls import Call, Figures, Reply
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records.answers import AnswerError, wallets_of_answer
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from tests.robustness.support import (
    FEW_RETRIES,
    QUICK_RETRIES,
    leftovers,
    query,
    snapshot,
    value,
    version_rows,
    wrong_values,
)

WALLETS = "/v1/customers/wallets"
SEARCH = "/v1/customers/search"

# --- What passes is asked again -------------------------------------------------------------------

#: Each as it comes in the wild, twice for the listing and a few times for wallets.
PASSING: dict[str, Fault] = {
    "429": Fault("rate_limited"),
    "429 with Retry-After": Fault("rate_limited", retry_after=1),
    "429 with Retry-After as a date": Fault(
        "rate_limited", retry_after=1, retry_after_as_date=True
    ),
    "500": Fault("server_error"),
    "502 with HTML": Fault("bad_gateway"),
    "503": Fault("unavailable"),
    "503 with Retry-After": Fault("unavailable", retry_after=1),
    "reset": Fault("reset"),
    "closed before the answer": Fault("close"),
    "cut": Fault("truncated"),
    "200 with HTML": Fault("html"),
    "200 without a body": Fault("empty_body"),
    "broken JSON": Fault("not_json"),
    "JSON of the wrong shape": Fault("wrong_shape"),
    "endless": Fault("endless", pause=0.01),
    "headers, then silence": Fault("silence"),
    "dribbling": Fault("dribble", pause=0.2),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_asked_again_and_the_load_is_complete(
    name: str, emulator: Emulator, database: Path
) -> None:
    fault = PASSING[name]
    for path, times in ((SEARCH, 1), (WALLETS, 2)):
        emulator.faults.add(_but(fault, path=path, times=times))
    result = snapshot(emulator, database)
    assert result.exit_code is ExitCode.COMPLETE
    assert emulator.faults.counts[fault.kind] == 3
    assert result.snapshot["api_retries"] >= 3
    assert wrong_values(database, emulator.world.truth()) == []


def test_a_refused_connection_is_tried_again(database: Path) -> None:
    # The port is free until the first attempts have been refused.
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    emulator = Emulator(customers=10, port=port)
    timer = threading.Timer(0.5, emulator.start)
    timer.start()
    try:
        retries = RetryPolicy(attempts=40, first_delay=0.1, longest_delay=0.3)
        emulator._port = port
        result = snapshot(emulator, database, {"retries": retries})
    finally:
        timer.join()
        emulator.stop()
    assert result.exit_code is ExitCode.COMPLETE
    assert result.snapshot["api_retries"] > 0


@pytest.mark.slow
def test_fifteen_percent_of_all_answers_faulty_and_every_value_true(database: Path) -> None:
    kinds: tuple[FaultKind, ...] = (
        "rate_limited",
        "server_error",
        "bad_gateway",
        "unavailable",
        "html",
        "wrong_shape",
        "not_json",
        "empty_body",
        "reset",
        "close",
        "truncated",
    )
    hanging: tuple[FaultKind, ...] = ("silence", "endless", "dribble")
    with Emulator(customers=2000, seed=9) as emulator:
        for kind in hanging:
            emulator.faults.add(Fault(kind, rate=0.002, pause=0.02))
        # A few of the overloads say how long they will last.
        emulator.faults.add(Fault("rate_limited", rate=0.01, retry_after=1, times=4))
        left = 1.0
        for kind in kinds:
            emulator.faults.add(Fault(kind, rate=0.144 / len(kinds) / left))
            left -= 0.144 / len(kinds)
        result = snapshot(emulator, database, {"workers": 24})
        assert result.exit_code is ExitCode.COMPLETE
        assert wrong_values(database, emulator.world.truth()) == []
        done = emulator.faults.counts
    assert set(done) == {*kinds, *hanging}
    assert done.total() > 0.12 * result.snapshot["api_requests"]
    assert result.snapshot["api_retries"] >= done.total() - done["dribble"]


# --- One client against raw sockets: is every way of being cut noticed? ---------------------------

BODY = json.dumps([{"id": f"wallet_{number}"} for number in range(400)]).encode()
ZIPPED = gzip.compress(BODY)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
GZIP = b"Content-Encoding: gzip\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def _length(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n" % len(body)


def _chunks(body: bytes, size: int = 300) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


WHOLE_ANSWERS = {
    "with a length": HEAD + _length(BODY) + b"\r\n" + BODY,
    "in chunks": HEAD + CHUNKED + b"\r\n" + _chunks(BODY) + b"0\r\n\r\n",
    "zipped": HEAD + GZIP + _length(ZIPPED) + b"\r\n" + ZIPPED,
    "zipped, a byte a chunk": HEAD + GZIP + CHUNKED + b"\r\n" + _chunks(ZIPPED, 1) + b"0\r\n\r\n",
    "until the connection closes": HEAD + b"Connection: close\r\n\r\n" + BODY,
}

CUT_ANSWERS = {
    "no answer": b"",
    "half a status line": b"HTTP/1.1 20",
    "half of the headers": HEAD,
    "with a length": (HEAD + _length(BODY) + b"\r\n" + BODY)[:-1],
    "with a length and no body": HEAD + _length(BODY) + b"\r\n",
    "within a chunk": HEAD + CHUNKED + b"\r\n" + _chunks(BODY)[:-400],
    "between two chunks": HEAD + CHUNKED + b"\r\n" + _chunks(BODY[:300]),
    "before the last chunk": HEAD + CHUNKED + b"\r\n" + _chunks(BODY),
    "zipped, with a length": (HEAD + GZIP + _length(ZIPPED) + b"\r\n" + ZIPPED)[:-5],
    "zipped, no zip": HEAD + GZIP + _length(BODY) + b"\r\n" + BODY,
    "a chunk without a size": HEAD + CHUNKED + b"\r\nxyz\r\n",
    "half of a zip": HEAD + GZIP + _length(ZIPPED[:-20]) + b"\r\n" + ZIPPED[:-20],
    "half of what the connection's end ends": HEAD + b"Connection: close\r\n\r\n" + BODY[:-1],
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
}

#: HTTP has no sign for these; the JSON does not end.
CUT_UNNOTICED_BY_HTTP = {
    "half of a zip",
    "half of what the connection's end ends",
}


@contextmanager
def _server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answers each connection with raw bytes, then closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                try:
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def _ask(base_url: str, timeouts: Timeouts = Timeouts(5.0, 5.0, 5.0)) -> bytes:  # noqa: B008 - a constant
    client = ApiClient(base_url, Secret("key"), timeouts=timeouts)
    try:
        return client.ask(Call("wallet", "x", "/wallets/x")).body
    finally:
        client.close()


@pytest.mark.parametrize("name", WHOLE_ANSWERS)
def test_a_whole_answer_is_read_whole(name: str) -> None:
    with _server(lambda connection: connection.sendall(WHOLE_ANSWERS[name])) as base_url:
        assert _ask(base_url) == BODY


@pytest.mark.parametrize("name", CUT_ANSWERS)
def test_a_cut_answer_is_noticed(name: str) -> None:
    with _server(lambda connection: connection.sendall(CUT_ANSWERS[name])) as base_url:
        if name in CUT_UNNOTICED_BY_HTTP:
            with pytest.raises(AnswerError):
                wallets_of_answer(_ask(base_url))
        else:
            with pytest.raises(AttemptFailed):
                _ask(base_url)


@pytest.mark.parametrize("kind", ["silence", "endless", "dribble"])
def test_an_answer_without_end_costs_no_more_than_its_time(
    kind: FaultKind, emulator: Emulator
) -> None:
    emulator.faults.add(Fault(kind, pause=0.05))
    started = time.monotonic()
    with pytest.raises(AttemptFailed, match=r"in time"):
        _ask(emulator.base_url, Timeouts(connect=1.0, read=0.5, answer=1.0))
    assert time.monotonic() - started < 5


# --- Pace: everybody slows down -------------------------------------------------------------------


def test_one_429_holds_everybody_back(emulator: Emulator, database: Path) -> None:
    moments: list[float] = []
    overloaded: list[float] = []

    def note(_world: World, request: Request) -> None:
        if request.path == WALLETS:
            moments.append(time.monotonic())
            if len(moments) == 10:
                emulator.faults.add(Fault("rate_limited", path=WALLETS, retry_after=2, times=1))
                overloaded.append(moments[-1])

    emulator.on_request = note
    emulator.latency_ms = 20
    result = snapshot(emulator, database, {"workers": 8})
    assert result.exit_code is ExitCode.COMPLETE
    # Requests that were under way with the refused one arrive within its answer's time; then nobody asks.
    after = [moment - overloaded[0] for moment in moments if moment > overloaded[0]]
    assert [moment for moment in after if 0.5 < moment < 1.9] == []
    woken = [moment for moment in after if moment >= 1.9]
    assert len(woken) > 10
    assert woken[7] - woken[0] > 0.3, "those who waited came back all at once"


def _asked(emulator: Emulator, seconds: list[float] | None = None) -> float:
    """Ask for the wallets of all customers, with default options; returns the seconds that it took."""
    begun = time.monotonic()
    api = open_api(ApiOptions(Secret(emulator.api_key), emulator.base_url))
    feed = ThreadFeed(api, Selection(), Figures())
    try:
        replies = [each for each in feed.customers() if isinstance(each, Reply)]
    finally:
        feed.stop()
    assert all(reply.failure is None for reply in replies)
    assert len(replies) == len(emulator.world.published_customer_ids())
    took = time.monotonic() - begun
    if seconds is not None:
        seconds.append(took)
    return took


def _mean_delay(emulator: Emulator, share: float) -> float:
    """Seconds that the last requests took at the server: this share of them."""
    delays = [seconds for _, seconds in emulator.requests.delays]
    last = delays[round(len(delays) * (1 - share)) :]
    return sum(last) / len(last)


def test_a_quick_server_is_asked_as_much_as_may_be() -> None:
    with Emulator(customers=500, latency_ms=200) as emulator:
        assert _asked(emulator) < 0.5 * 500 * 0.2 / 8, "eight at once would take twice as long"
        assert emulator.requests.max_concurrency > 32


@pytest.mark.parametrize("capacity", [4, 8])
def test_a_server_that_slows_down_gives_its_best_and_no_more_is_asked(capacity: int) -> None:
    with Emulator(customers=600, latency_ms=40, capacity=capacity) as emulator:
        count = len(emulator.world.published_customer_ids())
        assert _asked(emulator) < 1.35 * count * 0.04 / capacity + 0.5
        assert _mean_delay(emulator, 0.6) < 2 * 0.04


@pytest.mark.slow
def test_two_loads_beside_each_other_share_a_server() -> None:
    with Emulator(customers=1200, latency_ms=40, capacity=8) as emulator:
        count = len(emulator.world.published_customer_ids())
        seconds: list[float] = []
        loads = [threading.Thread(target=_asked, args=(emulator, seconds)) for _ in range(2)]
        for load in loads:
            load.start()
        for load in loads:
            load.join(120)
        first, last = sorted(seconds)
        assert last < 1.35 * 2 * count * 0.04 / 8
        # While both asked, the server gave `first` seconds of its best at most, and one of the two got `count` of it.
        # How fair it is on average is proved with a played clock: here one of them may have been started late.
        assert 8 / 0.04 * first - count > 0.25 * count, "one of them was starved"
        assert _mean_delay(emulator, 0.6) < 2.5 * 0.04


def test_a_load_stays_below_the_request_limit_with_many_workers(
    emulator: Emulator, database: Path
) -> None:
    arrivals: list[float] = []
    emulator.on_request = lambda _world, _request: arrivals.append(time.monotonic())
    api = {"workers": 40, "max_requests_per_second": 20.0}
    assert snapshot(emulator, database, api).exit_code is ExitCode.COMPLETE
    # One page of customers, and one of the ledger.
    assert len(arrivals) == 2 + len(emulator.world.published_customer_ids())
    # They start so far apart; the first may take longer to arrive than the last.
    assert arrivals[-1] - arrivals[0] >= 0.9 * (len(arrivals) - 1) / 20


def test_retries_are_bounded_in_number_and_time_and_spread() -> None:
    policy, random = RetryPolicy(), Random(1)
    assert policy.delay(policy.attempts, 0.0, None, random) is None
    assert policy.delay(1, policy.total_time, None, random) is None
    long_wait = policy.delay(1, 0.0, 3600.0, random)
    assert long_wait is not None
    assert policy.longest_retry_after < long_wait < policy.longest_retry_after + 1
    delays = {policy.delay(3, 0.0, 5.0, random) for _ in range(20)}
    assert len(delays) == 20, "all would wake at once"


# --- What does not pass ---------------------------------------------------------------------------


def test_one_unreadable_customer_costs_only_itself(emulator: Emulator, database: Path) -> None:
    snapshot(emulator, database)
    world = emulator.world
    wallets = Counter(world.wallet(key).customer_id for key in world.listed_wallet_ids())
    unreadable = wallets.most_common(1)[0][0]
    theirs = [wallet for wallet in world.wallets_of(unreadable) if wallet.is_listed]
    # It also loses a wallet and gains some credits, which nobody may learn yet.
    world.close(theirs[0].id)
    world.top_up(theirs[1].id, 100)
    before = version_rows(database)
    emulator.faults.add(Fault("server_error", key=unreadable))
    partial = snapshot(emulator, database, {"retries": FEW_RETRIES})
    assert partial.exit_code is ExitCode.PARTIAL
    assert partial.snapshot["completeness"] == "partial"
    assert partial.snapshot["customers_failed"] == 1
    assert partial.snapshot["wallets_observed"] == len(world.listed_wallet_ids()) - (
        len(theirs) - 1
    )
    after = version_rows(database)
    # The ledger is everybody's, and was read.
    ledger = {"wallet_transactions": after["wallet_transactions"]}
    assert after == {**before, **ledger, "fetch_failures": 1}
    assert query(
        database,
        "select resource, resource_id, customer_id, http_status, error_code, attempts "
        "from flexprice_raw.fetch_failures",
    ) == [("customer_wallets", unreadable, unreadable, 500, "http_500", FEW_RETRIES.attempts)]
    ids = ", ".join(f"'{wallet.id}'" for wallet in theirs)
    assert query(
        database,
        "select count(*), bool_and(is_listed), bool_and(ended is null) "
        f"from flexprice.wallets where wallet_id in ({ids})",
    ) == [(len(theirs), True, True)]
    emulator.faults.clear()
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert wrong_values(database, world.truth()) == []
    assert (
        value(database, f"select ended from flexprice.wallets where wallet_id = '{theirs[0].id}'")
        == "closed"
    )


def test_a_followed_wallet_that_cannot_be_read_is_not_ended(
    emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    wallet_id = emulator.world.listed_wallet_ids()[0]
    emulator.world.hard_delete(wallet_id)
    emulator.faults.add(Fault("bad_gateway", path=f"/v1/wallets/{wallet_id}"))
    partial = snapshot(emulator, database, {"retries": FEW_RETRIES})
    assert partial.exit_code is ExitCode.PARTIAL
    ended = f"select ended, is_listed from flexprice.wallets where wallet_id = '{wallet_id}'"
    assert query(database, ended) == [(None, True)]
    emulator.faults.clear()
    assert snapshot(emulator, database).exit_code is ExitCode.COMPLETE
    assert query(database, ended) == [("not_found", False)]


def test_an_api_that_fails_for_all_is_given_up_soon(database: Path) -> None:
    with Emulator(customers=800) as emulator:
        snapshot(emulator, database)
        before = database.read_bytes()
        emulator.faults.add(Fault("server_error", path=WALLETS))
        started = time.monotonic()
        with pytest.raises(ApiUnavailable, match="40 customers in a row"):
            snapshot(
                emulator, database, {"retries": FEW_RETRIES}, limits=Limits(Tolerance.parse("100%"))
            )
        assert time.monotonic() - started < 20
        assert emulator.requests.total < 800 * 4, "it went on asking"
    assert database.read_bytes() == before
    assert leftovers(database) == set()


def test_an_api_that_is_not_there_is_exit_1(database: Path) -> None:
    emulator = Emulator()
    emulator._port = 9  # nobody listens
    started = time.monotonic()
    with pytest.raises(ListingFailed, match="refused the connection") as raised:
        snapshot(emulator, database, {"retries": FEW_RETRIES})
    assert raised.value.exit_code is ExitCode.FAILED
    assert time.monotonic() - started < 15
    assert not database.exists()
    assert leftovers(database) == set()


@pytest.mark.parametrize(
    ("text", "failing", "is_given_up"),
    [("5%", 10, False), ("5%", 11, True), ("3", 3, False), ("3", 4, True)],
)
def test_max_failures(text: str, failing: int, is_given_up: bool, database: Path) -> None:
    with Emulator(customers=110) as emulator:
        for key in emulator.world.published_customer_ids()[10 : 10 + failing]:
            emulator.faults.add(Fault("server_error", key=key))
        options = {"limits": Limits(Tolerance.parse(text))}
        if is_given_up:
            with pytest.raises(ApiUnavailable, match="--max-failures"):
                snapshot(emulator, database, {"retries": FEW_RETRIES}, **options)
            assert not database.exists()
        else:
            result = snapshot(emulator, database, {"retries": FEW_RETRIES}, **options)
            assert result.snapshot["customers_failed"] == failing


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden"])
@pytest.mark.parametrize("where", ["the listing", "the middle"])
def test_a_refused_key_ends_the_run_at_once(
    kind: FaultKind, where: str, emulator: Emulator, database: Path
) -> None:
    snapshot(emulator, database)
    before = database.read_bytes()
    emulator.requests.clear()
    if where == "the listing":
        emulator.faults.add(Fault(kind))
    else:
        emulator.faults.add(Fault(kind, path=WALLETS, nth=15))
    emulator.latency_ms = 30
    with pytest.raises(AccessRefused) as raised:
        snapshot(emulator, database, {"workers": 2})
    assert raised.value.exit_code is ExitCode.ACCESS_REFUSED
    assert emulator.requests.total < (2 if where == "the listing" else 25)
    assert database.read_bytes() == before


# --- The listing ----------------------------------------------------------------------------------


def _moving_world(
    request_counts: Counter[str], *, archive: bool, add: bool
) -> Callable[[World, Request], None]:
    """Between pages of the listing customers go and come, before and behind the page that was read."""
    random = Random(4)

    def move(world: World, request: Request) -> None:
        if request.path != SEARCH:
            return
        request_counts["pages"] += 1
        if request_counts["pages"] == 1:
            return
        ids = world.published_customer_ids()
        if archive:
            for customer_id in random.sample(ids[: len(ids) // 2], 3):
                world.archive_customer(customer_id, force=True)
                request_counts[customer_id] += 1
        if add:
            for _ in range(2):
                request_counts[world.add_customer(wallets=1).id] += 1

    return move


@pytest.mark.parametrize(("archive", "add"), [(True, False), (False, True), (True, True)])
def test_nobody_is_missed_while_customers_come_and_go_between_pages(
    archive: bool, add: bool, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexprice_wallets.extract.endpoints.CUSTOMERS_PER_PAGE", 20)
    monkeypatch.setattr("flexprice_wallets.extract.listing.listed_customers.__defaults__", (20,))
    moved: Counter[str] = Counter()
    with Emulator(customers=150, seed=8) as emulator:
        present = set(emulator.world.published_customer_ids())
        emulator.on_request = _moving_world(moved, archive=archive, add=add)
        result = snapshot(emulator, database)
        throughout = present - moved.keys()
        asked = Counter(
            entry.query["id"] for entry in emulator.requests.entries if entry.path == WALLETS
        )
    assert moved["pages"] > 5
    assert result.exit_code is ExitCode.COMPLETE
    listed = [key for (key,) in query(database, "select customer_id from flexprice_raw.customers")]
    assert throughout <= set(listed)
    assert len(listed) == len(set(listed))
    assert set(asked.values()) == {1}


def test_a_failed_listing_changes_nobody(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flexprice_wallets.extract.listing.listed_customers.__defaults__", (20,))
    with Emulator(customers=70, seed=8) as emulator:
        snapshot(emulator, database)
        before = database.read_bytes()
        emulator.faults.add(Fault("server_error", path=SEARCH, nth=3))
        with pytest.raises(ListingFailed) as raised:
            snapshot(emulator, database, {"retries": FEW_RETRIES})
    assert raised.value.exit_code is ExitCode.FAILED
    assert database.read_bytes() == before


def test_a_list_that_never_holds_still_is_given_up(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flexprice_wallets.extract.listing.listed_customers.__defaults__", (4,))
    with Emulator(customers=300, seed=8) as emulator:

        def rewrite(world: World, request: Request) -> None:
            if request.path == SEARCH:
                for customer_id in world.published_customer_ids()[:4]:
                    world.archive_customer(customer_id, force=True)
                for _ in range(4):
                    world.add_customer(wallets=0)

        emulator.on_request = rewrite
        with pytest.raises(ListingFailed, match="could not be listed completely"):
            snapshot(emulator, database, {"retries": QUICK_RETRIES})
    assert not database.exists()


def _but(fault: Fault, **changes: object) -> Fault:
    return Fault.from_mapping(
        {**{name: getattr(fault, name) for name in fault.__dataclass_fields__}, **changes}
    )
