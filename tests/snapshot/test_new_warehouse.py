"""What a new warehouse has without rows is made beside the reading: whichever fails, the other does not go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from flexprice_emulator import Emulator, World
from flexprice_wallets import ApiOptions, LoadOptions, Secret, errors, take_snapshot
from flexprice_wallets.snapshot import load, pipeline
from tests.snapshot.loading import load_from

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(world=World(300, seed=5, now=AT)) as running:
        yield running


def test_a_failure_ends_the_reading(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: duckdb.DuckDBPyConnection, _options: LoadOptions) -> None:
        raise duckdb.OutOfMemoryException("no memory is left")

    monkeypatch.setattr(pipeline, "_create_relations", fail)
    emulator.latency_ms = 50
    with pytest.raises(errors.StorageError, match="no memory is left"):
        load_from(emulator, tmp_path / "w.duckdb")
    # Of those that nobody waits for any more, none are asked for.
    assert emulator.requests.by_endpoint["GET /v1/customers/wallets"] < 250
    assert not (tmp_path / "w.duckdb").exists()


def test_where_the_reading_fails_nothing_more_is_made(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[str] = []

    def take_hours(connection: duckdb.DuckDBPyConnection, _options: LoadOptions) -> None:
        try:
            connection.execute("select count(*) from range(1000000) as a, range(1000000) as b")
        except duckdb.InterruptException:
            ended.append("interrupted")
            raise

    monkeypatch.setattr(pipeline, "_create_relations", take_hours)
    api = ApiOptions(Secret("sk_of_nobody_0123456789"), emulator.base_url)
    began = time.monotonic()
    with pytest.raises(errors.AccessRefused):
        take_snapshot(LoadOptions(api, tmp_path / "w.duckdb"))
    assert ended == ["interrupted"]
    assert time.monotonic() - began < 30


def test_a_signal_that_was_swallowed_ends_the_reading(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raise_again() -> None:
        raise errors.Interrupted("Ended by SIGTERM", errors.ExitCode.TERMINATED)

    monkeypatch.setattr(load, "raise_if_interrupted", raise_again)
    emulator.latency_ms = 50
    with pytest.raises(errors.Interrupted):
        load_from(emulator, tmp_path / "w.duckdb")
    assert emulator.requests.by_endpoint["GET /v1/customers/wallets"] < 250
    assert not (tmp_path / "w.duckdb").exists()
