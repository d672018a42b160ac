"""What tests do to a warehouse between two replications."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

LAST = "(select max(snapshot_at) from flexprice_raw.snapshots)"
FIRST = "(select min(customer_id) from flexprice_raw.stored_customers)"


def change(warehouse: Path, *statements: str) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)


def without_last_snapshot(warehouse, folder):
    """The file as it was before its last load, as far as replication looks."""
    older = Path(shutil.copyfile(warehouse, folder / "older.duckdb"))
    change(
        older,
        f"delete from flexprice_raw.snapshots where snapshot_at = {LAST}",
    )
    return older


def with_another_snapshot(warehouse: Path) -> None:
    change(
        warehouse,
        "create temp table added as select * replace (snapshot_at + interval 1 hour as snapshot_at,"
        " replace(snapshot_id, 'T06', 'T07') as snapshot_id, '17' as _dlt_load_id) from flexprice_raw.snapshots"
        " order by snapshot_at desc limit 1",
        "insert into flexprice_raw.snapshots from added",
        "update flexprice_raw.stored_wallets set is_listed = not is_listed where wallet_number = 3",
    )
