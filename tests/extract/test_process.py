from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flexprice_emulator import Emulator
from flexprice_wallets.errors import ConfigurationError, RunFailed
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures, Reply
from flexprice_wallets.extract.events import ListingDone
from flexprice_wallets.extract.process import ProcessFeed
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from tests.command_line import run_program


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
    read = {event.call.resource_id for event in events if isinstance(event, Reply)}
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


def test_the_other_process_is_waited_for_and_heeds_no_ctrl_c(
    emulator: Emulator, feed: ProcessFeed
) -> None:
    emulator.latency_ms = 200
    events = feed.customers()
    first = next(events)
    # Ctrl-C reaches the whole group; what it means is the parent's business.
    os.kill(feed._child.pid, signal.SIGINT)
    replies = [event for event in [first, *events] if isinstance(event, Reply)]
    assert len(replies) == len(emulator.world.published_customer_ids())
    feed.stop()
    assert feed._child.returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(feed._child.pid, 0)


def test_a_mistake_in_the_other_process_is_named_with_its_trace(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    feed = ProcessFeed(options(emulator), "no selection", Figures())  # type: ignore[arg-type]
    try:
        with (
            caplog.at_level(logging.DEBUG, "flexprice_wallets"),
            pytest.raises(RunFailed, match=r"made a mistake \(AttributeError: 'str' object"),
        ):
            list(feed.customers())
    finally:
        feed.stop()
    assert "Traceback" in caplog.text
    assert "threads.py" in caplog.text


@pytest.mark.parametrize("module", ["queue", "email", "heapq", "urllib3", "requests"])
def test_nothing_in_the_current_folder_runs_beside_the_key(
    module: str, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text("open('ran', 'w').close()\nraise SystemExit('ran')\n")
    variables = {
        "FLEXPRICE_API_KEY": emulator.api_key,
        "FLEXPRICE_BASE_URL": emulator.base_url,
    }
    ended = run_program(tmp_path, variables, "load", "--json")
    assert ended.code == 0, ended.err
    assert not (tmp_path / "ran").exists()


def test_what_is_printed_beside_the_messages_does_not_get_into_them(
    emulator: Emulator, tmp_path: Path
) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    # Read by every Python that starts with this path.
    (folder / "sitecustomize.py").write_text(
        "import os\nprint('Loaded site settings', flush=True)\nos.system('echo from a child')\n"
    )
    variables = {
        "FLEXPRICE_API_KEY": emulator.api_key,
        "FLEXPRICE_BASE_URL": emulator.base_url,
        "PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    ended = run_program(tmp_path, variables, "load", "--json")
    assert ended.code == 0, ended.err
    assert "from a child" in ended.out, "the parent's own"


def test_a_feed_whose_process_has_gone_stops_quietly(emulator: Emulator) -> None:
    feed = ProcessFeed(options(emulator), Selection(), Figures())
    assert list(feed.customers())
    feed._child.kill()
    feed._child.wait()
    with pytest.raises(RunFailed, match="ended unexpectedly"):
        list(feed.wallets([("wallet_1", "cust_1")]))
    feed.stop()


def test_the_default_timeout_of_sockets_is_not_that_of_the_messages(emulator: Emulator) -> None:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(0.01)
    try:
        feed = ProcessFeed(options(emulator), Selection(), Figures())
    finally:
        socket.setdefaulttimeout(before)
    try:
        assert list(feed.customers())
    finally:
        feed.stop()
