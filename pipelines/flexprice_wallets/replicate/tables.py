"""What is replicated: every table of the warehouse that is declared, or that a view reads. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Final, Literal

from flexprice_wallets.records.columns import Table
from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.brought_tables import BROUGHT_TABLES
from flexprice_wallets.warehouse.descriptions import DerivedTable, derived_tables, upkeep_version
from flexprice_wallets.warehouse.dlt_comments import DLT_COLUMNS, DLT_TABLES
from flexprice_wallets.warehouse.sql_files import sql_texts

Kind = Literal["text", "json", "boolean", "integer", "timestamp", "date", "decimal"]

_KINDS: Final[dict[str, Kind]] = {
    "varchar": "text",
    "json": "json",
    "boolean": "boolean",
    "bigint": "integer",
    "timestamp with time zone": "timestamp",
    "timestamptz": "timestamp",
    "date": "date",
}
_DECIMAL: Final = re.compile(r"decimal\((\d+), ?(\d+)\)")
#: The types of what dlt keeps for itself, where they are not text.
_DLT_TYPES: Final = {"status": "bigint", "inserted_at": "timestamptz"}
#: Loads write rows with this column once, and never change them.
_SNAPSHOT_TIME: Final = "snapshot_at"


@dataclass(frozen=True, slots=True)
class ReplicatedColumn:
    """A column: its name, kind, meaning and, for a decimal, how many digits it has in all and after the point."""

    name: str
    kind: Kind
    comment: str
    precision: int | None = None
    scale: int | None = None

    @property
    def sent_as(self) -> str:
        """Its name at the destination, where dlt keeps names that begin with `_dlt_` to itself."""
        return self.name.lstrip("_")


@dataclass(frozen=True, slots=True)
class ReplicatedTable:
    """A table of the raw schema.

    Attributes:
        grain: the columns that identify a row; none where there is one row.
        appended_by: the time of the snapshot that wrote a row, for a table whose rows never change; None where they
            may.
        derivation: what the content depends on beside its columns.
    """

    name: str
    comment: str
    columns: tuple[ReplicatedColumn, ...]
    grain: tuple[str, ...]
    appended_by: str | None
    derivation: str = ""

    @property
    def digest(self) -> str:
        """Differs where all rows have to be sent again: by columns, types, grain and derivation."""
        return _digest([*self._form, self.derivation])

    @property
    def form(self) -> str:
        """Differs where rows no longer fit into the table at the destination: by columns, types and grain."""
        return _digest(self._form)

    @property
    def _form(self) -> list[Any]:
        columns = [[c.name, c.kind, c.precision, c.scale] for c in self.columns]
        return [self.name, columns, self.grain, self.appended_by]


@cache
def replicated_tables() -> tuple[ReplicatedTable, ...]:
    """Every table that is replicated."""
    read_by_views = "\n".join(text for name, text in sql_texts() if name.endswith(".sql"))
    return (
        *(_declared(table) for table in (*TABLES, *BROUGHT_TABLES)),
        *(_derived(table) for table in derived_tables()),
        *(_of_dlt(name) for name in DLT_TABLES if re.search(rf"\b{name}\b", read_by_views)),
    )


def replicated_column(name: str, sql_type: str, comment: str) -> ReplicatedColumn:
    """A column from its SQL type in DuckDB.

    Raises:
        ValueError: no other engine is known to have that type.
    """
    plain = sql_type.lower().removesuffix(" not null").strip()
    if found := _DECIMAL.fullmatch(plain):
        return ReplicatedColumn(name, "decimal", comment, int(found[1]), int(found[2]))
    if plain not in _KINDS:
        raise ValueError(f"column {name} has type {sql_type!r}, which is not replicated exactly")
    return ReplicatedColumn(name, _KINDS[plain], comment)


def _digest(content: list[Any]) -> str:
    return sha256(json.dumps(content).encode()).hexdigest()[:16]


def _declared(table: Table) -> ReplicatedTable:
    columns = tuple(replicated_column(c.name, c.type.value, c.comment) for c in table.columns)
    is_appended = _SNAPSHOT_TIME in table.column_names and "snapshot_id" in table.grain
    appended_by = _SNAPSHOT_TIME if is_appended else None
    return ReplicatedTable(table.name, table.comment, columns, table.grain, appended_by)


def _derived(table: DerivedTable) -> ReplicatedTable:
    columns = tuple(
        replicated_column(name, sql_type, table.column_comment(name))
        for name, sql_type in table.columns.items()
    )
    return ReplicatedTable(
        table.name, table.description, columns, table.grain, table.appended_by, upkeep_version()
    )


def _of_dlt(name: str) -> ReplicatedTable:
    comment, own = DLT_TABLES[name]
    columns = tuple(
        replicated_column(column, _DLT_TYPES.get(column, "varchar"), text)
        for column, text in own.items()
        if column not in DLT_COLUMNS
    )
    return ReplicatedTable(name, comment, columns, (columns[0].name,), None)
