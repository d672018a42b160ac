from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.replicate.server import Database, Server, running_server
from tests.small_history import SmallHistory, small_history


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture
def database(postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A new database, to which dlt's credentials lead."""
    database = postgres.database()
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", database.address)
    return database


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.replication)
