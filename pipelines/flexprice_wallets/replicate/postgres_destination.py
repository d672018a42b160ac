"""PostgreSQL as a destination: tables by dlt, and readers' views made anew with each layout. Heavy: imports dlt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import psycopg2
import psycopg2.errors
import pyarrow as pa
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.configuration.resolve import resolve_configuration
from dlt.destinations.impl.postgres.configuration import PostgresCredentials

from flexprice_wallets.dlt_scope import own_scope
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.replicate.destination import Upkeep
from flexprice_wallets.replicate.destination_errors import errors_named
from flexprice_wallets.replicate.plan import Committed, Contents, layout_of
from flexprice_wallets.replicate.postgres import PostgresDataset, connected
from flexprice_wallets.replicate.postgres_views import ReaderViews, Schemas
from flexprice_wallets.replicate.shipping import DLT_SETTINGS, SHIPMENTS, Sender, with_ship_id
from flexprice_wallets.replicate.tables import ReplicatedTable, replicated_tables

_logger = logging.getLogger(__name__)


@contextmanager
def opened_postgres(dataset: str, folder: Path) -> Iterator[PostgresDestination]:
    """Connect to a dataset in PostgreSQL, and keep every other replication into it out.

    Args:
        dataset: schema of the views.
        folder: for dlt's files.

    Raises:
        ConfigurationError: where credentials are missing or wrong.
        DestinationError: where the server cannot be reached or refuses.
        AnotherRunAtWork: where another replication into the dataset is at work.
    """
    credentials = _credentials()
    schemas = Schemas(dataset)
    with (
        connected(credentials.to_native_representation(), schemas) as there,
        own_scope(DLT_SETTINGS),
        errors_named("PostgreSQL", (psycopg2.Error,), (psycopg2.errors.UniqueViolation,)),
    ):
        sender = Sender(dlt.destinations.postgres(credentials), schemas.rows, folder)
        yield PostgresDestination(there, schemas, sender)


def _credentials() -> PostgresCredentials:
    """Credentials as dlt finds them.

    Raises:
        ConfigurationError: where some are missing, or are no address.
    """
    try:
        with own_scope(DLT_SETTINGS, reads_configuration=True):
            return resolve_configuration(
                PostgresCredentials(), sections=("destination", "postgres", "credentials")
            )
    except ConfigurationException as error:
        raise ConfigurationError(
            "The credentials for PostgreSQL are missing or incomplete (user, password, host and database): "
            "set DESTINATION__POSTGRES__CREDENTIALS=postgresql://user:password@host:5432/database, or "
            "[destination.postgres.credentials] in .dlt/secrets.toml."
        ) from error


class PostgresDestination:
    """A dataset in PostgreSQL; implements `Destination`. Every fill gets a table of its own."""

    def __init__(self, dataset: PostgresDataset, schemas: Schemas, sender: Sender) -> None:
        self._dataset = dataset
        self._schemas = schemas
        self._sender = sender

    def committed(self) -> Committed | None:
        return self._dataset.committed()

    def stored_name(self, table: ReplicatedTable, ship_id: str) -> str:
        """A new name each time: what readers' views read is never altered."""
        return f"{table.name.lstrip('_')}_{ship_id[-8:]}"

    def prepare(self, filled: Mapping[str, ReplicatedTable], ship_id: str) -> None:
        if self._dataset.committed() is None:
            self._sender.create_shipments()
            self._dataset.prepare_shipments()
        self._sender.create_tables(filled, ship_id)

    def known_rows(self, table: ReplicatedTable, contents: Contents) -> Iterator[pa.Table]:
        return self._dataset.known_rows(table, contents)

    def send(
        self, rows: Mapping[str, tuple[ReplicatedTable, Iterator[pa.Table]]], ship_id: str
    ) -> dict[str, int]:
        return {
            name: self._dataset.copy(name, with_ship_id(batches, ship_id))
            for name, (_, batches) in rows.items()
        }

    def arrived(self, stored_as: str, ship_id: str) -> int:
        return self._dataset.rows_of(stored_as, ship_id)

    def finish(self, filled: Mapping[str, ReplicatedTable], changed: frozenset[str]) -> None:
        for stored_as, table in filled.items():
            self._dataset.prepare_table(table, stored_as)
        for stored_as in sorted(changed):
            self._dataset.analyze(stored_as)

    def commit(self, shipment: Mapping[str, Any], ship_id: str) -> None:
        self._sender.commit(shipment, ship_id)
        self._dataset.analyze(SHIPMENTS)

    def show(self, committed: Committed) -> None:
        there = {name: each.digest for name, each in committed.contents.items()}
        # Tables that another version of the program declared otherwise are first sent again.
        if all(there.get(table.name) == table.digest for table in replicated_tables()):
            views = ReaderViews(self._schemas, committed.contents, layout_of(committed.contents))
            if self._dataset.show(views, committed.number):
                _logger.info("The views were made")
            self._dataset.drop_unused(committed.contents)

    def maintain(self, close: Callable[[], None]) -> Upkeep:  # noqa: ARG002 - never done
        raise ConfigurationError(
            "PostgreSQL needs no --maintain: every replication drops what nobody reads any more, and the server "
            "vacuums by itself."
        )
