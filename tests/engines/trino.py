"""Trino over Iceberg tables on S3 (moto), their catalog in PostgreSQL: all on loopback."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import requests

from tests.engines.installing import java_home, python_of, trino_folder
from tests.replicate.server import PASSWORD, Database

#: The session's zone: no answer may depend on it, and days there are not those of UTC.
ZONE: Final = "America/New_York"
CATALOG: Final = "lake"
_BUCKET: Final = "lake"
_JAVA: Final = 24
_START_SECONDS: Final = 600
_SCRIPT: Final = Path(__file__).parent / "clients" / "write_iceberg.py"
_KEYS: Final = {"AWS_ACCESS_KEY_ID": "unused", "AWS_SECRET_ACCESS_KEY": "unused"}


class Trino:
    """A running server."""

    dialect = "trino"

    def __init__(self, address: str, lake: Lake) -> None:
        self._lake = lake
        self._address = address
        self._session = requests.Session()
        self._session.headers.update(
            {
                "X-Trino-User": "tester",
                "X-Trino-Catalog": CATALOG,
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

    def fill(self, tables: Mapping[str, Path], schema: str) -> None:
        """Make Iceberg tables of parquet files."""
        self._lake.write(tables, schema)

    def make_schema(self, name: str) -> None:
        self.execute(f"create schema {name}")

    def is_ready(self) -> bool:
        try:
            info = self._session.get(f"{self._address}/v1/info", timeout=5).json()
            return not info["starting"] and self.query("select 1") == [(1,)]
        except (OSError, RuntimeError, ValueError):
            return False


class Lake:
    """Iceberg tables on S3 with their catalog in a database."""

    def __init__(self, s3: str, database: Database, folder: Path) -> None:
        self.s3 = s3
        self.database = database
        self._folder = folder

    def write(self, tables: Mapping[str, Path], schema: str) -> None:
        settings = {
            "catalog": CATALOG,
            "properties": {
                "uri": self.database.address.replace("postgresql:", "postgresql+psycopg2:"),
                "warehouse": f"s3://{_BUCKET}",
                "s3.endpoint": self.s3,
                "s3.region": "us-east-1",
                "s3.access-key-id": _KEYS["AWS_ACCESS_KEY_ID"],
                "s3.secret-access-key": _KEYS["AWS_SECRET_ACCESS_KEY"],
            },
            "tables": [[schema, name, str(rows)] for name, rows in tables.items()],
        }
        file = self._folder / "tables.json"
        file.write_text(json.dumps(settings), encoding="utf-8")
        done = subprocess.run(
            [python_of("iceberg"), _SCRIPT, file], env=_environment(**_KEYS),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"pyiceberg cannot write the tables: {done.stderr[-3000:]}")


@contextmanager
def running_lake(folder: Path, database: Database) -> Iterator[Lake]:
    """S3 with an empty bucket, and an empty catalog."""
    port = _free_port()
    command = [python_of("iceberg"), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    with _running(command, folder / "s3.log", _environment(**_KEYS), folder):
        _wait_for(lambda: requests.put(f"{address}/{_BUCKET}", timeout=5).ok, 60, "moto")
        lake = Lake(address, database, folder)
        # Trino makes schemas and tables in a catalog, and no catalog.
        lake.write({}, "")
        yield lake


@contextmanager
def running_trino(folder: Path, lake: Lake) -> Iterator[Trino]:
    """Start a server, and stop it; what it writes is in the folder."""
    port = _free_port()
    address = f"http://127.0.0.1:{port}"
    etc = folder / "etc"
    _write_settings(etc, folder / "data", port, lake)
    command = [
        trino_folder() / "bin" / "launcher", "run", "-etc-dir", etc,
        "-data-dir", folder / "data", "-jvm-dir", java_home(_JAVA),
    ]  # fmt: skip
    with _running(command, folder / "trino.log", _environment(), folder):
        trino = Trino(address, lake)
        _wait_for(trino.is_ready, _START_SECONDS, "Trino")
        yield trino


def _write_settings(etc: Path, data: Path, port: int, lake: Lake) -> None:
    database = lake.database.address.rpartition("@")[2]
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
        },
        f"catalog/{CATALOG}.properties": {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "jdbc",
            "iceberg.jdbc-catalog.catalog-name": CATALOG,
            "iceberg.jdbc-catalog.driver-class": "org.postgresql.Driver",
            "iceberg.jdbc-catalog.connection-url": f"jdbc:postgresql://{database}",
            "iceberg.jdbc-catalog.connection-user": "tester",
            "iceberg.jdbc-catalog.connection-password": PASSWORD,
            "iceberg.jdbc-catalog.default-warehouse-dir": f"s3://{_BUCKET}",
            "fs.native-s3.enabled": "true",
            "s3.endpoint": lake.s3,
            "s3.region": "us-east-1",
            "s3.path-style-access": "true",
            "s3.aws-access-key": _KEYS["AWS_ACCESS_KEY_ID"],
            "s3.aws-secret-key": _KEYS["AWS_SECRET_ACCESS_KEY"],
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


def _environment(**variables: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**inherited, **variables}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def _running(
    command: list[Any], log: Path, environment: Mapping[str, str], folder: Path
) -> Iterator[None]:
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(is_ready: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if is_ready():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"{what} has not started within {seconds:.0f} s")
