"""A replication takes little memory, however large the file is: DuckDB would keep all that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from flexprice_wallets.replicate import lake
from flexprice_wallets.replicate import replicate as module
from flexprice_wallets.replicate.replicate import replicate
from flexprice_wallets.warehouse import memory
from flexprice_wallets.warehouse.memory import limit_reading, memory_limit
from tests.replicate.changes import with_another_snapshot
from tests.replicate.places import lake_in


class Stopped(Exception):
    pass


def test_the_file_is_read_with_little_memory(
    warehouse: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    @contextmanager
    def opened(_dataset: str, folder: Path) -> Iterator[None]:
        seen["folder"] = folder
        yield

    def read_identity(connection: duckdb.DuckDBPyConnection, _raw_schema: str) -> None:
        seen["limit"] = memory_limit(connection)
        [seen["others"]] = connection.execute(
            "select current_setting('threads') <= 4, current_setting('temp_directory')"
        ).fetchall()
        raise Stopped

    monkeypatch.setattr(module, "engine", lambda _: SimpleNamespace(open=opened))
    monkeypatch.setattr(module, "read_identity", read_identity)
    with pytest.raises(Stopped):
        replicate("postgres", warehouse)
    assert 100_000_000 < seen["limit"] <= memory._FOR_READING <= 300_000_000
    assert seen["others"] == (True, str(seen["folder"] / "read"))


@pytest.mark.replication
def test_what_a_lake_knows_is_read_with_little_memory(
    warehouse: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = lake_in(tmp_path / "lake", "iceberg")
    for name, value in place.variables.items():
        monkeypatch.setenv(name, value)
    replicate("iceberg", warehouse)
    with_another_snapshot(warehouse)
    limits: dict[str, int] = {}

    def limited(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        limit_reading(connection, folder)
        limits[folder.name] = memory_limit(connection)

    monkeypatch.setattr(lake, "limit_reading", limited)
    assert replicate("iceberg", warehouse).rows["stored_wallets"] == 1
    assert limits["known"] <= memory._FOR_READING


def test_what_does_not_fit_goes_through_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "_FOR_READING", 60_000_000)
    folder = tmp_path / "read"
    with duckdb.connect() as connection:
        limit_reading(connection, folder)
        assert not folder.exists()
        [(count,)] = connection.execute(
            "select count(*) from (select distinct md5(i::varchar) from range(2_000_000) as r (i))"
        ).fetchall()
        assert folder.exists()
    assert count == 2_000_000
