"""Iceberg tables in a lake, as dlt's destination `filesystem` keeps them. Heavy: imports dlt and pyiceberg."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from pyiceberg import exceptions
from pyiceberg.table import Table
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.replicate.lake import LakeDestination, LakeTable, brought_by
from flexprice_wallets.replicate.lake_place import opened_lake
from flexprice_wallets.replicate.shipping import SHIP_ID, SHIPMENTS

#: How often pyiceberg commits again onto a state that is no longer the one it had read.
_RETRIES: Final = "commit.retry.num-retries"
_CONFLICTS: Final = (
    exceptions.CommitFailedException,
    exceptions.TableAlreadyExistsError,
    exceptions.NamespaceAlreadyExistsError,
    IntegrityError,
)
_ERRORS: Final = (
    *_CONFLICTS,
    SQLAlchemyError,
    exceptions.RESTError,
    exceptions.NoSuchTableError,
    exceptions.ValidationError,
    OSError,
    pa.ArrowException,
)
#: How long a query may go on reading an earlier state.
_KEPT: Final = timedelta(days=7)
#: Rows that are brought into one file at a time, which have to fit into memory.
_ROWS_AT_ONCE: Final = 500_000


@contextmanager
def opened_iceberg(dataset: str, folder: Path) -> Iterator[LakeDestination]:
    """Open a dataset of Iceberg tables; see `opened_lake`.

    Raises:
        ConfigurationError: where there is no catalog that outlives the run, too.
    """
    with opened_lake("iceberg", dataset, folder, _ERRORS, _CONFLICTS) as (client, sender):
        # From here on there is the namespace, for which dlt's workers would race.
        catalog = client.get_open_table_catalog("iceberg")
        if ":memory:" in catalog.properties.get("uri", ""):
            raise ConfigurationError(
                "Iceberg needs a catalog that outlives the run: set [iceberg_catalog.iceberg_catalog_config] with type "
                "(sql or rest), uri and warehouse in .dlt/secrets.toml, or a .pyiceberg.yaml."
            )
        yield LakeDestination(IcebergTables(client), sender, folder)


class IcebergTables:
    """Implements `LakeTables`, by dlt's client of the destination."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, name: str) -> LakeTable | None:
        try:
            table = self._client.load_open_table("iceberg", name)
        except DestinationUndefinedEntity:
            return None
        if name == SHIPMENTS and table.properties.get(_RETRIES) != "0":
            with table.transaction() as transaction:
                transaction.set_properties({_RETRIES: "0"})
        return OpenedIcebergTable(table)


class OpenedIcebergTable:
    """Implements `LakeTable`."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def rows(self, columns: Sequence[str], ship_id: str | None = None) -> pa.RecordBatchReader:
        scan = self._table.scan(selected_fields=tuple(columns))
        if ship_id is not None:
            scan = scan.filter(brought_by([ship_id]))
        return scan.to_arrow_batch_reader()

    def append(self, row: pa.Table) -> None:
        self._table.append(row)

    def remove(self, ship_ids: Sequence[str]) -> int:
        if not ship_ids:
            return 0
        condition = brought_by(ship_ids)
        rows = self._table.scan(condition).count()
        if rows:
            self._table.delete(condition)
        return rows

    def compact(self) -> None:
        if ship_ids := self._small_shipments():
            condition = brought_by(ship_ids)
            self._table.overwrite(self._table.scan(condition).to_arrow(), condition)
        self._table.maintenance.expire_snapshots().older_than(datetime.now(UTC) - _KEPT).commit()

    def _small_shipments(self) -> list[str]:
        """The shipments of fewest rows, as many as fit into one file together; none where that changes nothing."""
        if self.files() < 2:
            return []
        rows = Counter(
            ship_id for batch in self.rows([SHIP_ID]) for ship_id in batch[0].to_pylist()
        )
        small: list[str] = []
        held = 0
        for ship_id, count in sorted(rows.items(), key=lambda each: each[1]):
            held += count
            if held > _ROWS_AT_ONCE:
                break
            small.append(ship_id)
        return small if len(small) > 1 else []

    def files(self) -> int:
        return len(list(self._table.scan().plan_files()))
