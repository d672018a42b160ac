"""The transactions of a warehouse, named as the truth names them."""

from __future__ import annotations

import json
from typing import Final

from tests.history.comparison import Warehouse
from tests.history.observed import Record

_RENAMED: Final = {
    "transaction_id": "id",
    "transaction_type": "type",
    "record_status": "status",
    "expires_at": "expiry_date",
    "source_created_at": "created_at",
    "source_updated_at": "updated_at",
}
_OURS: Final = {"snapshot_id", "snapshot_at", "observed_at", "version_hash", "unrecognized_fields"}
_LAST_VERSIONS: Final = """
    select * from flexprice_raw.wallet_transactions as versions
    where snapshot_at = (
        select max(others.snapshot_at) from flexprice_raw.wallet_transactions as others
        where others.transaction_id = versions.transaction_id
    )
"""


def last_versions(warehouse: Warehouse) -> dict[str, Record]:
    """The last version of each transaction, by its id; fails where there are two."""
    found: dict[str, Record] = {}
    for row in warehouse.query(_LAST_VERSIONS):
        assert row["transaction_id"] not in found, f"two versions of {row['transaction_id']}"
        found[row["transaction_id"]] = _as_truth(row)
    return found


def ledger_faults(warehouse: Warehouse, expected: dict[str, Record]) -> list[str]:
    """Everything in which the transactions of a warehouse are not the expected ones."""
    found = last_versions(warehouse)
    faults = [f"no transaction {key}" for key in expected.keys() - found.keys()]
    faults += [f"transaction {key} should not be" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        wanted, actual = _told(expected[key]), found[key]
        if wanted != actual:
            names = [
                name
                for name in wanted.keys() | actual.keys()
                if wanted.get(name) != actual.get(name)
            ]
            faults.append(f"transaction {key}: {names} differ: {actual}, expected {wanted}")
    return sorted(faults)[:10]


def _as_truth(row: Record) -> Record:
    renamed = {_RENAMED.get(name, name): value for name, value in row.items() if name not in _OURS}
    return {**renamed, "metadata": json.loads(renamed["metadata"] or "{}")}


def _told(truth: Record) -> Record:
    """What the API tells of it, as the warehouse keeps it."""
    told = {name: value for name, value in truth.items() if name != "completed_at"}
    return {name: None if value == "" else value for name, value in told.items()}
