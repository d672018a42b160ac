"""Trino over Iceberg tables on S3, their catalog in PostgreSQL: all on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import requests

from tests.engines.installing import java_home, trino_folder
from tests.engines.s3 import KEY, REGION, Bucket
from tests.engines.servers import free_port, running, wait_for
from tests.replicate.server import PASSWORD, Database

#: The session's zone: no answer may depend on it, and days there are not those of UTC.
ZONE: Final = "America/New_York"
_CATALOG: Final = "lake"
#: What dlt calls the catalog, unless it is told otherwise.
_NAME_IN_CATALOG: Final = "default"
_JAVA: Final = 24
_START_SECONDS: Final = 600


class Trino:
    """A running server."""

    dialect = "trino"

    def __init__(self, address: str) -> None:
        self._address = address
        self._session = requests.Session()
        self._session.headers.update(
            {
                "X-Trino-User": "tester",
                "X-Trino-Catalog": _CATALOG,
                "X-Trino-Time-Zone": ZONE,
                # Without it times are cut to milliseconds.
                "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
            }
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """What a statement answers.

        Raises:
            RuntimeError: Trino refuses it.
        """
        answer = self._session.post(
            f"{self._address}/v1/statement", data=statement.encode(), timeout=60
        ).json()
        rows: list[list[Any]] = []
        columns = answer.get("columns")
        while "nextUri" in answer:
            answer = self._session.get(answer["nextUri"], timeout=60).json()
            columns = columns or answer.get("columns")
            rows += answer.get("data", [])
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        kinds = [column["type"] for column in columns or ()]
        return [tuple(map(_value, kinds, row)) for row in rows]

    def execute(self, statement: str) -> None:
        """Do what a statement says.

        Raises:
            RuntimeError: Trino refuses it.
        """
        self.query(statement)

    def is_ready(self) -> bool:
        try:
            info = self._session.get(f"{self._address}/v1/info", timeout=5).json()
            return not info["starting"] and self.query("select 1") == [(1,)]
        except (OSError, RuntimeError, ValueError):
            return False


@contextmanager
def running_trino(folder: Path, bucket: Bucket, database: Database) -> Iterator[Trino]:
    """Start a server, and stop it; what it writes is in the folder.

    Args:
        folder: for settings and logs.
        bucket: of the tables.
        database: of their catalog.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    etc = folder / "etc"
    _write_settings(etc, folder / "data", port, bucket, database)
    command = [
        trino_folder() / "bin" / "launcher", "run", "-etc-dir", etc,
        "-data-dir", folder / "data", "-jvm-dir", java_home(_JAVA),
    ]  # fmt: skip
    with running(command, folder / "trino.log"):
        trino = Trino(address)
        wait_for(trino.is_ready, _START_SECONDS, "Trino")
        yield trino


def _write_settings(etc: Path, data: Path, port: int, bucket: Bucket, database: Database) -> None:
    place = database.address.rpartition("@")[2]
    files: dict[str, dict[str, object]] = {
        "node.properties": {
            "node.environment": "tests",
            "node.data-dir": data,
            "node.bind-ip": "127.0.0.1",
            "node.internal-address": "127.0.0.1",
        },
        "config.properties": {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": port,
            "discovery.uri": f"http://127.0.0.1:{port}",
            "catalog.management": "static",
            # As README says: some views over a lake's tables have more than Trino's 150.
            "query.max-stage-count": 1000,
        },
        f"catalog/{_CATALOG}.properties": {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "jdbc",
            "iceberg.jdbc-catalog.catalog-name": _NAME_IN_CATALOG,
            "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
            "iceberg.jdbc-catalog.connection-url": f"jdbc:postgresql://{place}",
            "iceberg.jdbc-catalog.connection-user": "tester",
            "iceberg.jdbc-catalog.connection-password": PASSWORD,
            "iceberg.jdbc-catalog.default-warehouse-dir": bucket.url,
            "fs.native-s3.enabled": "true",
            "s3.endpoint": bucket.server,
            "s3.region": REGION,
            "s3.path-style-access": "true",
            "s3.aws-access-key": KEY,
            "s3.aws-secret-key": KEY,
        },
    }
    for name, settings in files.items():
        file = etc / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    (etc / "jvm.config").write_text(
        "-Xmx2G\n-XX:TieredStopAtLevel=1\n-XX:+ExitOnOutOfMemoryError\n"
    )


def _value(kind: str, value: Any) -> Any:
    """A value of the protocol, in which all but numbers that JSON has is text."""
    if value is None:
        return None
    if kind.startswith("decimal"):
        return Decimal(value)
    if kind.startswith("timestamp"):
        at, _, zone = value.rpartition(" ")
        assert zone == "UTC", f"{value} is of type {kind}"
        return datetime.fromisoformat(at).replace(tzinfo=UTC)
    return date.fromisoformat(value) if kind == "date" else value
