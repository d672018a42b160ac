"""Brings a destination up to the last published snapshot. Heavy: imports DuckDB, and what the destination needs."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from flexprice_wallets.errors import DestinationError, NotAWarehouse
from flexprice_wallets.replicate.destination import Destination, Upkeep, engine
from flexprice_wallets.replicate.plan import (
    FORMAT,
    Committed,
    Contents,
    Identity,
    Mode,
    TableState,
    check_same_warehouse,
    is_up_to_date,
    layout_of,
    new_contents,
    plan,
    snapshots_to_commit,
)
from flexprice_wallets.replicate.reading import read_identity, read_rows, read_state
from flexprice_wallets.replicate.tables import ReplicatedTable, replicated_tables
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.database import open_published
from flexprice_wallets.warehouse.memory import limit_reading

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
        upkeep: what it did where it was asked for.
    """

    snapshot_id: str
    ship_number: int
    snapshots: int
    rows: Mapping[str, int]
    filled: tuple[str, ...]
    is_up_to_date: bool
    upkeep: Upkeep | None = None


def replicate(
    destination: str,
    database: str | os.PathLike[str],
    dataset: str = "flexprice",
    *,
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
    maintains: bool = False,
) -> ReplicationResult:
    """Bring a dataset in another engine up to the last published snapshot of a warehouse.

    Where it is and its credentials are found as dlt finds those of its destination.

    Args:
        destination: one of `ENGINES`.
        database: the warehouse's file.
        dataset: schema of the views there; the tables' views are in `<dataset>_raw`, the rows in `<dataset>_rows`.
        raw_schema: schema of the tables in the file.
        schema: schema of the views in the file.
        maintains: remove what nobody reads any more, and make one file of many, afterwards.

    Raises:
        ConfigurationError: where the extra, the place or credentials are missing or wrong.
        WarehouseError: where the file cannot be read; see `open_published`.
        ReplicationError: where the destination cannot be brought up to date; what it showed, it shows.
        AnotherRunAtWork: where another replication into the dataset is at work.
    """
    chosen = engine(destination)
    with (
        open_published(database, raw_schema=raw_schema, schema=schema) as connection,
        tempfile.TemporaryDirectory(prefix="flexprice-replicate-") as folder,
        chosen.open(dataset, Path(folder)) as opened,
    ):
        limit_reading(connection, Path(folder) / "read")
        replication = _Replication(connection, raw_schema, opened)
        result = replication.run()
        return replace(result, upkeep=replication.maintain()) if maintains else result


@dataclass(frozen=True)
class _Replication:
    connection: duckdb.DuckDBPyConnection
    raw_schema: str
    destination: Destination

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
            self.destination.show(committed)
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
        names = {
            name: self.destination.stored_name(table, ship_id) for name, table in tables.items()
        }
        stored = new_contents(states, modes, dict.fromkeys(tables, 0), committed, names)
        filled = {names[name]: tables[name] for name in tables if modes[name] is Mode.FILL}
        self.destination.prepare(filled, ship_id)
        sent = self._send(tables, modes, stored, committed, ship_id)
        changed = [stored[name].stored_as for name in tables if modes[name] is not Mode.UNCHANGED]
        self.destination.finish(filled, frozenset(changed))
        contents = new_contents(states, modes, sent, committed, names)
        now = self._commit(file, contents, committed, ship_id)
        self.destination.show(now)
        return ReplicationResult(
            max(file.snapshots),
            now.number,
            len(snapshots_to_commit(file, committed)),
            {name: count for name, count in sent.items() if count},
            tuple(table.name for table in filled.values()),
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
        by_stored_name = self.destination.send(rows, ship_id)
        for name in tables:
            stored_as = stored[name].stored_as
            sent[name] = by_stored_name.get(stored_as, 0)
            if stored_as not in by_stored_name:
                continue
            arrived = self.destination.arrived(stored_as, ship_id)
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
        [(snapshot_at,)] = self.connection.execute(
            f'select max(snapshot_at) from "{self.raw_schema}".snapshots'
        ).fetchall()
        number = 1 if committed is None else committed.number + 1
        brought = replace(file, snapshots=snapshots_to_commit(file, committed))
        return self._commit_row(Committed(number, FORMAT, brought, snapshot_at, contents), ship_id)

    def _commit_row(self, shipment: Committed, ship_id: str) -> Committed:
        """Commit a shipment that brings the snapshots of its identity; returns what is committed since."""
        contents = {name: asdict(each) for name, each in shipment.contents.items()}
        self.destination.commit(
            {
                "ship_number": shipment.number,
                "ship_id": ship_id,
                "format": shipment.format,
                "shipped_at": datetime.now(UTC),
                "snapshot_at": shipment.snapshot_at,
                "tenant_id": shipment.identity.tenant_id,
                "environment_id": shipment.identity.environment_id,
                "pipeline_version": __version__,
                "layout": layout_of(shipment.contents),
                "snapshots": json.dumps(shipment.identity.snapshots),
                "contents": json.dumps(contents),
            },
            ship_id,
        )
        now = self.destination.committed()
        if now is None or now.number != shipment.number:
            raise DestinationError("The shipment was sent and is not there: run again.")
        return now

    def maintain(self) -> Upkeep:
        """Have the destination look after what piles up."""

        def close() -> None:
            before = self.destination.committed()
            if before is not None:
                nothing_new = replace(before.identity, snapshots={})
                number = before.number + 1
                self._commit_row(replace(before, number=number, identity=nothing_new), uuid4().hex)

        return self.destination.maintain(close)
