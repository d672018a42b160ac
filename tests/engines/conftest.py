"""The engines, started when they are first asked for, each with a lake into which the story was told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engines.s3 import S3, running_s3
from tests.engines.spark import Spark, running_spark
from tests.engines.telling import Told, tell
from tests.engines.trino import Trino, running_trino
from tests.replicate.places import lake_in
from tests.replicate.server import Server, running_server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def spark_and_told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Spark, Told]]:
    """Spark over Delta tables in a folder."""
    folder = tmp_path_factory.mktemp("spark")
    with running_spark(folder) as engine:
        lake = lake_in(folder / "lake", "delta")
        yield engine, tell(engine, lake, folder, "--lake", lake.url)


@pytest.fixture(scope="session")
def trino_and_told(
    s3: S3, postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Trino, Told]]:
    """Trino over Iceberg tables on S3."""
    folder = tmp_path_factory.mktemp("trino")
    bucket, database = s3.bucket(), postgres.database()
    with running_trino(folder, bucket, database) as engine:
        yield engine, tell(engine, bucket.iceberg(database), folder)
