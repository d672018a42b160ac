"""Where the benchmark replicates to: a PostgreSQL server of its own, and an Iceberg lake in a folder."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.replicate.places import iceberg_in
from tests.replicate.server import Database, Server, started_server
from tests.views.test_postgres import programs

Rows = list[tuple[Any, ...]]


class Replica(ABC):
    """A place that a warehouse is replicated to; `destination` and `variables` are for the command."""

    destination: str
    name: str
    variables: dict[str, str]

    @abstractmethod
    def arrived(self) -> dict[str, int]:
        """How many rows of each table the last committed shipment brought; tables without any are left out."""

    def server_cpu(self) -> float | None:
        """Seconds that the server has worked so far; None where there is none."""
        return None


class PostgresReplica(Replica):
    """A new database of a server."""

    destination = "postgres"
    name = "PostgreSQL"

    def __init__(self, server: Server) -> None:
        self._server = server
        self._database: Database = server.database()
        self.variables = {"DESTINATION__POSTGRES__CREDENTIALS": self._database.address}

    def arrived(self) -> dict[str, int]:
        [(ship_id, contents)] = self._database.query(
            "select ship_id, contents from flexprice_rows.shipments order by ship_number desc limit 1"
        )
        counts = {}
        for name, content in json.loads(contents).items():
            [(counts[name],)] = self._database.query(
                f"""select count(*) from flexprice_rows."{content["stored_as"]}" where ship_id = %s""",
                [ship_id],
            )
        return {name: count for name, count in counts.items() if count}

    def server_cpu(self) -> float:
        return self._server.cpu_seconds()

    def answer(self, query: str) -> tuple[float, Rows]:
        """Ask on a connection of its own; returns the seconds without those of connecting, and the rows."""
        import psycopg2

        connection = psycopg2.connect(self._database.address)
        try:
            with connection.cursor() as cursor:
                started = time.perf_counter()
                cursor.execute(query)
                rows = cursor.fetchall()
                return time.perf_counter() - started, rows
        finally:
            connection.close()


class IcebergReplica(Replica):
    """A lake in a new folder."""

    destination = "iceberg"
    name = "Iceberg"

    def __init__(self, folder: Path) -> None:
        self._place = iceberg_in(folder)
        self.variables = self._place.variables

    def arrived(self) -> dict[str, int]:
        shipments = self._place.table("flexprice", "shipments")
        assert shipments is not None, "something was committed"
        last = max(shipments.to_pylist(), key=lambda row: int(row["ship_number"]))
        contents = json.loads(last["contents"])
        counts = {
            name: self._place.rows_of(content["stored_as"], last["ship_id"])
            for name, content in contents.items()
        }
        return {name: count for name, count in counts.items() if count}


@contextmanager
def replicas(folder: Path) -> Iterator[list[Replica]]:
    """The places that can be replicated to here, new and empty; a server is ended with the context."""
    where = programs() if find_spec("psycopg2") else None
    with ExitStack() as stack:
        found: list[Replica] = []
        if where is not None:
            found.append(PostgresReplica(stack.enter_context(started_server(where))))
        lake = stack.enter_context(TemporaryDirectory(prefix="lake-", dir=folder))
        found.append(IcebergReplica(Path(lake) / "tables"))
        yield found
