"""The engines, started when they are first asked for, each with the tables and views of the story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.engines.spark import Spark, running_spark
from tests.engines.trino import Trino, running_lake, running_trino
from tests.engines.warehouse import create_views, exported, fill, story_warehouse
from tests.replicate.server import running_server

DATASET = "flexprice"


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return story_warehouse(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="session")
def files(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    return exported(warehouse, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def spark(files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    with running_spark(tmp_path_factory.mktemp("spark")) as engine:
        fill(engine, files, DATASET)
        create_views(engine, DATASET)
        engine.forget_settings()
        yield engine


@pytest.fixture(scope="session")
def trino(files: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trino]:
    folder = tmp_path_factory.mktemp("trino")
    with (
        running_server() as postgres,
        running_lake(folder, postgres.database()) as lake,
        running_trino(folder, lake) as engine,
    ):
        fill(engine, files, DATASET)
        create_views(engine, DATASET)
        yield engine
