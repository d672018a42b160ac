"""When a load is over its threads and connections are gone, however it ended and however slow the API is."""

from __future__ import annotations

import importlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flexprice_wallets import ApiOptions, LoadOptions, Secret, Selection, errors, take_snapshot
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.threads import ThreadFeed
from tests.robustness.support import EmulatorProcess, emulator_process, until

KEY = "emulator-key"
WALLETS = "GET /v1/customers/wallets"


@pytest.fixture(scope="module")
def running() -> Iterator[EmulatorProcess]:
    # A Ctrl-C while dlt is imported for the first time would leave it half imported.
    importlib.import_module("flexprice_wallets.snapshot.pipeline")
    with emulator_process(KEY, customers=3000) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: EmulatorProcess) -> Iterator[EmulatorProcess]:
    yield running
    running.clear_faults()


@pytest.fixture(autouse=True)
def _default_ctrl_c() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def own_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("fetch-", "listing"))]


def sockets() -> set[str]:
    """The sockets that this process has open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(each)
        except OSError:  # that of the folder itself
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def load(emulator: EmulatorProcess, database: Path, key: str = KEY) -> Any:
    return take_snapshot(LoadOptions(ApiOptions(Secret(key), emulator.base_url), database))


def interrupted(emulator: EmulatorProcess, database: Path) -> None:
    emulator.post("faults", kind="silence", endpoint=WALLETS, nth=20)
    threading.Timer(1.5, os.kill, [os.getpid(), signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        load(emulator, database)


def refused(emulator: EmulatorProcess, database: Path) -> None:
    emulator.post("faults", kind="dribble", endpoint=WALLETS, nth=20, times=1)
    emulator.post("faults", kind="unauthorized", endpoint=WALLETS, nth=22)
    with pytest.raises(errors.AccessRefused):
        load(emulator, database)


def succeeded(emulator: EmulatorProcess, database: Path) -> None:
    assert load(emulator, database).snapshot["completeness"] == "complete"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
@pytest.mark.parametrize("run", [interrupted, refused, succeeded])
def test_threads_and_connections_end_with_the_load(
    run: Callable[[EmulatorProcess, Path], None], emulator: EmulatorProcess, tmp_path: Path
) -> None:
    before = sockets()
    run(emulator, tmp_path / "warehouse.duckdb")
    assert own_threads() == []
    assert sockets() - before == set()


def test_nothing_is_asked_once_a_load_has_ended(emulator: EmulatorProcess, tmp_path: Path) -> None:
    interrupted(emulator, tmp_path / "warehouse.duckdb")
    asked = emulator.get("requests")
    time.sleep(0.5)
    assert emulator.get("requests") == asked


def test_a_listing_that_waits_for_room_ends_too(emulator: EmulatorProcess) -> None:
    api = open_api(ApiOptions(Secret(KEY), emulator.base_url))
    feed = ThreadFeed(api, Selection(), Figures())
    # Nobody takes what comes.
    until(lambda: feed.counts.requests >= 2000, "the listing to be far ahead")
    assert "listing" in own_threads()
    started = time.monotonic()
    feed.stop()
    assert own_threads() == []
    feed.stop()
    assert time.monotonic() - started < 2.0
