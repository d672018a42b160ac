"""Delta tables in a lake, as dlt's destination `filesystem` keeps them. Heavy: imports dlt and deltalake."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from dlt.common.destination.exceptions import DestinationUndefinedEntity

from flexprice_wallets.replicate.lake import LakeDestination, LakeTable, brought_by
from flexprice_wallets.replicate.lake_place import opened_lake
from flexprice_wallets.replicate.shipping import SHIP_ID

#: A state that is no longer the newest is not written onto.
_ONLY_THIS_STATE: Final = CommitProperties(max_commit_retries=0)

#: How long a query may go on reading files that are no longer part of a table, which is Delta's own default.
_KEPT_HOURS: Final = 7 * 24


@contextmanager
def opened_delta(dataset: str, folder: Path) -> Iterator[LakeDestination]:
    """Open a dataset of Delta tables; see `opened_lake`."""
    errors = (DeltaError, OSError, pa.ArrowException)
    with opened_lake("delta", dataset, folder, errors, (CommitFailedError,)) as (client, sender):
        yield LakeDestination(DeltaTables(client), sender, folder)


class DeltaTables:
    """Implements `LakeTables`, by dlt's client of the destination."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, name: str) -> LakeTable | None:
        try:
            return OpenedDeltaTable(self._client.load_open_table("delta", name))
        except DestinationUndefinedEntity:
            return None


class OpenedDeltaTable:
    """Implements `LakeTable`."""

    def __init__(self, table: DeltaTable) -> None:
        self._table = table

    def rows(self, columns: Sequence[str], ship_id: str | None = None) -> pa.RecordBatchReader:
        wanted = None if ship_id is None else ds.field(SHIP_ID) == ship_id
        dataset = self._table.to_pyarrow_dataset()
        return dataset.scanner(columns=list(columns), filter=wanted).to_reader()

    def append(self, row: pa.Table) -> None:
        write_deltalake(self._table, row, mode="append", commit_properties=_ONLY_THIS_STATE)

    def remove(self, ship_ids: Sequence[str]) -> int:
        if not ship_ids:
            return 0
        return int(self._table.delete(brought_by(ship_ids))["num_deleted_rows"])

    def compact(self) -> None:
        self._table.optimize.compact()
        # What a killed run left without an entry in the log, too. Younger files may be those of a run at work.
        self._table.vacuum(_KEPT_HOURS, dry_run=False, full=True)
        self._table.create_checkpoint()
        self._table.cleanup_metadata()

    def files(self) -> int:
        return len(self._table.file_uris())
