from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replicate.places import Place, PostgresPlace, lake_in
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


@pytest.fixture(
    params=[
        pytest.param("postgres", marks=pytest.mark.replication),
        pytest.param("delta", marks=pytest.mark.replication),
        pytest.param("iceberg", marks=pytest.mark.replication),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A new place of each kind, to which dlt's configuration leads."""
    if request.param == "postgres":
        return PostgresPlace(request.getfixturevalue("database"))
    lake = lake_in(tmp_path / "lake", request.param)
    for name, value in lake.variables.items():
        monkeypatch.setenv(name, value)
    return lake


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.replication)


@pytest.fixture
def warehouse(history: SmallHistory, tmp_path: Path) -> Path:
    return history.copy(tmp_path)
