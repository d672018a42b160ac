"""A replication takes little memory, however large the file is: DuckDB would keep all that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from flexprice_wallets.replicate import replicate as module
from flexprice_wallets.replicate.replicate import replicate
from flexprice_wallets.warehouse import memory
from flexprice_wallets.warehouse.memory import limit_reading, memory_limit


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
    assert 300_000_000 < seen["limit"] <= memory._FOR_READING
    assert seen["others"] == (True, str(seen["folder"] / "read"))


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
