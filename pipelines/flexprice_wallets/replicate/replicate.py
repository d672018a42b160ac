"""Brings a destination up to the last published snapshot. Heavy: imports dlt, DuckDB and the destination's driver."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import dlt
import duckdb
import psycopg2
import psycopg2.errors
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.exceptions import DltException

from flexprice_wallets.dlt_scope import own_scope
from flexprice_wallets.errors import (
    AnotherRunAtWork,
    ConfigurationError,
    DestinationError,
    FlexpriceWalletsError,
    NotAWarehouse,
)
from flexprice_wallets.replicate.plan import (
    Committed,
    Contents,
    Identity,
    Mode,
    TableState,
    check_same_warehouse,
    is_up_to_date,
    new_contents,
    plan,
    snapshots_to_commit,
)
from flexprice_wallets.replicate.postgres import PostgresDestination, connected, errors_named
from flexprice_wallets.replicate.postgres_views import ReaderViews, Schemas
from flexprice_wallets.replicate.reading import read_identity, read_rows, read_state
from flexprice_wallets.replicate.shipping import DLT_SETTINGS, SHIPMENTS, Sender
from flexprice_wallets.replicate.tables import ReplicatedTable, replicated_tables
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.database import open_published

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReplicationResult:
    """What a replication did.

    Attributes:
        snapshot_id: the snapshot that readers see now.
        ship_number: of the last committed shipment.
        snapshots: how many snapshots were sent.
        rows: how many rows of each table were sent; tables without any are left out.
        filled: the tables that were sent whole.
        is_up_to_date: whether nothing had to be sent.
    """

    snapshot_id: str
    ship_number: int
    snapshots: int
    rows: Mapping[str, int]
    filled: tuple[str, ...]
    is_up_to_date: bool


def replicate_to_postgres(
    database: str | os.PathLike[str],
    dataset: str = "flexprice",
    *,
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
) -> ReplicationResult:
    """Bring a dataset in PostgreSQL up to the last published snapshot of a warehouse.

    Credentials are found as dlt finds those of its destination `postgres`.

    Args:
        database: the warehouse's file.
        dataset: schema of the views there; the tables' views are in `<dataset>_raw`, the rows in `<dataset>_rows`.
        raw_schema: schema of the tables in the file.
        schema: schema of the views in the file.

    Raises:
        ConfigurationError: where credentials are missing or wrong.
        WarehouseError: where the file cannot be read; see `open_published`.
        ReplicationError: where the destination cannot be brought up to date; what it showed, it shows.
        AnotherRunAtWork: where another replication into the dataset is at work.
    """
    credentials = _postgres_credentials()
    schemas = Schemas(dataset)
    with (
        open_published(database, raw_schema=raw_schema, schema=schema) as connection,
        connected(credentials.to_native_representation(), schemas) as destination,
        tempfile.TemporaryDirectory(prefix="flexprice-replicate-") as folder,
        own_scope(DLT_SETTINGS),
        _dlt_errors_named(),
    ):
        sender = Sender(dlt.destinations.postgres(credentials), schemas.rows, Path(folder))
        return _Replication(connection, raw_schema, destination, schemas, sender).run()


@dataclass(frozen=True)
class _Replication:
    connection: duckdb.DuckDBPyConnection
    raw_schema: str
    destination: PostgresDestination
    schemas: Schemas
    sender: Sender

    def run(self) -> ReplicationResult:
        file = read_identity(self.connection, self.raw_schema)
        if not file.snapshots:
            raise NotAWarehouse(
                "The warehouse has no snapshot yet: run `flexprice-wallets load` first."
            )
        committed = self.destination.committed()
        check_same_warehouse(file, committed)
        if committed is not None:
            # A run that was killed after it had committed left this undone.
            self._show(committed)
        committed_at = committed.snapshot_at if committed else None
        tables = {table.name: table for table in replicated_tables()}
        states = {
            name: read_state(self.connection, self.raw_schema, table, committed_at)
            for name, table in tables.items()
        }
        modes = plan(states, committed)
        if committed is not None and is_up_to_date(modes, file, committed):
            return ReplicationResult(max(file.snapshots), committed.number, 0, {}, (), True)
        return self._ship(file, tables, states, modes, committed)

    def _ship(
        self,
        file: Identity,
        tables: Mapping[str, ReplicatedTable],
        states: Mapping[str, TableState],
        modes: Mapping[str, Mode],
        committed: Committed | None,
    ) -> ReplicationResult:
        ship_id = uuid4().hex
        nothing = dict.fromkeys(tables, 0)
        stored = new_contents(states, modes, nothing, committed, ship_id)
        filled = {name: stored[name].stored_as for name in tables if modes[name] is Mode.FILL}
        if committed is None:
            self.sender.create_shipments()
            self.destination.prepare_shipments()
        self.sender.create_tables({filled[name]: tables[name] for name in filled}, ship_id)
        sent = self._send(tables, modes, stored, committed, ship_id)
        for name, stored_as in filled.items():
            self.destination.prepare_table(tables[name], stored_as)
        for name, mode in modes.items():
            if mode is not Mode.UNCHANGED:
                self.destination.analyze(stored[name].stored_as)
        contents = new_contents(states, modes, sent, committed, ship_id)
        now = self._commit(file, contents, committed, ship_id)
        self._show(now)
        snapshots = len(snapshots_to_commit(file, committed))
        return ReplicationResult(
            max(file.snapshots),
            now.number,
            snapshots,
            {name: count for name, count in sent.items() if count},
            tuple(filled),
            False,
        )

    def _send(
        self,
        tables: Mapping[str, ReplicatedTable],
        modes: Mapping[str, Mode],
        stored: Mapping[str, Contents],
        committed: Committed | None,
        ship_id: str,
    ) -> dict[str, int]:
        sent = dict.fromkeys(tables, 0)
        rows = {
            stored[name].stored_as: (table, self._rows(table, modes[name], stored[name], committed))
            for name, table in tables.items()
            if modes[name] is not Mode.UNCHANGED
        }
        if not rows:
            return sent
        by_stored_name = self.sender.send_rows(rows, ship_id)
        for name in tables:
            stored_as = stored[name].stored_as
            sent[name] = by_stored_name.get(stored_as, 0)
            if stored_as not in by_stored_name:
                continue
            arrived = self.destination.rows_of(stored_as, ship_id)
            if arrived != sent[name]:
                raise DestinationError(
                    f"{arrived} of {sent[name]} rows of {name} arrived, and nothing was committed: run again."
                )
            _logger.info("%d rows of %s sent", sent[name], name)
        return sent

    def _rows(
        self, table: ReplicatedTable, mode: Mode, stored: Contents, committed: Committed | None
    ) -> Iterator[Any]:
        known: Iterator[Any] = iter(())
        if mode is Mode.COMPARE:
            known = self.destination.known_rows(table, stored)
        committed_at = committed.snapshot_at if committed else None
        return read_rows(self.connection, self.raw_schema, table, mode, committed_at, known)

    def _commit(
        self,
        file: Identity,
        contents: Mapping[str, Contents],
        committed: Committed | None,
        ship_id: str,
    ) -> Committed:
        number = 1 if committed is None else committed.number + 1
        [(snapshot_at,)] = self.connection.execute(
            f'select max(snapshot_at) from "{self.raw_schema}".snapshots'
        ).fetchall()
        snapshots = snapshots_to_commit(file, committed)
        self.sender.commit(
            {
                "ship_number": number,
                "shipped_at": datetime.now(UTC),
                "snapshot_at": snapshot_at,
                "tenant_id": file.tenant_id,
                "environment_id": file.environment_id,
                "pipeline_version": __version__,
                "layout": layout_of(contents),
                "snapshots": json.dumps(snapshots),
                "contents": json.dumps({name: asdict(each) for name, each in contents.items()}),
            },
            ship_id,
        )
        self.destination.analyze(SHIPMENTS)
        now = self.destination.committed()
        if now is None or now.number != number:
            raise DestinationError("The shipment was sent and is not there: run again.")
        return now

    def _show(self, committed: Committed) -> None:
        """Have readers see what is committed, and clear away what nobody reads any more."""
        layout = layout_of(committed.contents)
        there = {name: each.digest for name, each in committed.contents.items()}
        # Tables that another version of the program declared otherwise are first sent again.
        if all(there.get(table.name) == table.digest for table in replicated_tables()):
            views = ReaderViews(self.schemas, committed.contents, layout)
            if self.destination.show(views, committed.number):
                _logger.info("The views were made")
            self.destination.drop_unused(committed.contents)


def layout_of(contents: Mapping[str, Contents]) -> str:
    """Changes with the set of tables that hold the rows, whose names are never used again."""
    names = json.dumps({name: each.stored_as for name, each in sorted(contents.items())})
    return sha256(names.encode()).hexdigest()[:16]


def _postgres_credentials() -> Any:
    """Credentials as dlt finds them.

    Raises:
        ConfigurationError: where some are missing, or are no address.
    """
    from dlt.common.configuration.resolve import resolve_configuration
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials

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


@contextmanager
def _dlt_errors_named() -> Iterator[None]:
    """Within, errors of dlt and of the server are raised as what they are about."""
    try:
        with errors_named():
            yield
    except DltException as error:
        raise _own_error(error) from error


def _own_error(error: BaseException) -> FlexpriceWalletsError:
    """The error of this package behind one of dlt's, or one that names the innermost."""
    seen: BaseException | None = error
    innermost = error
    while seen is not None:
        if isinstance(seen, FlexpriceWalletsError):
            return seen
        innermost = seen
        seen = seen.__cause__ or seen.__context__
    if isinstance(innermost, psycopg2.errors.UniqueViolation):
        return AnotherRunAtWork(
            "Another run has brought the destination up to date meanwhile: run again."
        )
    first_line = next(iter(str(innermost).strip().splitlines()), "")[:300]
    return DestinationError(
        f"dlt could not send to the destination ({type(innermost).__name__}: {first_line}); what is shown "
        "there is what was shown. Run again."
    )
