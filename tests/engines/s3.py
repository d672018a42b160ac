"""S3 on loopback (moto), and lakes in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests

from tests.engines.installing import python_of
from tests.engines.servers import free_port, running, wait_for
from tests.replicate.places import DeltaPlace, IcebergPlace
from tests.replicate.server import Database

KEY: Final = "unused"
REGION: Final = "us-east-1"


class Bucket:
    """A new bucket of a running server.

    Attributes:
        server: address of the server.
        url: of the bucket.
    """

    def __init__(self, server: str, name: str) -> None:
        self.server = server
        self.url = f"s3://{name}"
        requests.put(f"{server}/{name}", timeout=60).raise_for_status()

    def credentials(self) -> dict[str, str]:
        """As dlt calls them."""
        return {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": KEY,
            "region_name": REGION,
            "endpoint_url": self.server,
        }

    def iceberg_properties(self) -> dict[str, str]:
        """As pyiceberg calls them."""
        return {
            "s3.access-key-id": KEY,
            "s3.secret-access-key": KEY,
            "s3.region": REGION,
            "s3.endpoint": self.server,
        }

    def delta(self) -> DeltaPlace:
        """A lake of Delta tables."""
        options = {
            "aws_access_key_id": KEY,
            "aws_secret_access_key": KEY,
            "aws_region": REGION,
            "aws_endpoint_url": self.server,
            "aws_allow_http": "true",
        }
        return DeltaPlace(self.url, self._variables(), options)

    def iceberg(self, catalog: Database) -> IcebergPlace:
        """A lake of Iceberg tables, their catalog in a database."""
        uri = catalog.address.replace("postgresql:", "postgresql+psycopg2:")
        return IcebergPlace(self.url, uri, self._variables(), self.iceberg_properties())

    def _variables(self) -> dict[str, str]:
        section = "DESTINATION__FILESYSTEM__CREDENTIALS"
        return {f"{section}__{name.upper()}": value for name, value in self.credentials().items()}


class S3:
    """A running server, with a new bucket for whoever asks."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._count = 0

    def bucket(self) -> Bucket:
        self._count += 1
        return Bucket(self._address, f"lake-{self._count}")


@contextmanager
def running_s3(folder: Path) -> Iterator[S3]:
    """Start a server, and stop it; its log is in the folder."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [python_of("s3"), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with running(command, folder / "s3.log"):
        wait_for(lambda: requests.get(f"{address}/moto-api/", timeout=5).ok, 60, "moto")
        yield S3(address)
