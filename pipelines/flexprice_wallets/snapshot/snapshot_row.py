"""A row of the table `snapshots`, typed. Light to import."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict, cast

from flexprice_wallets.records.tables import SNAPSHOTS


class SnapshotRow(TypedDict):
    """The row of one snapshot: what it asked for, and how complete the answers were. Times are in UTC.

    `records/tables.py` says what each column means, as does the database's comment on it.
    """

    snapshot_id: str
    snapshot_at: datetime
    started_at: datetime
    finished_at: datetime
    completeness: str
    scope: str
    include_real_time_balance: bool
    include_credits_available_breakdown: bool
    customers_expected: int
    customers_observed: int
    customers_failed: int
    wallets_observed: int
    wallets_changed: int
    records_rejected: int
    api_requests: int
    api_retries: int
    ledger: str | None
    ledger_read_to: datetime | None
    transactions_observed: int | None
    transactions_changed: int | None
    tenant_id: str | None
    environment_id: str | None
    pipeline_version: str
    _dlt_load_id: str


def as_snapshot_row(values: Mapping[str, Any]) -> SnapshotRow:
    """The row with these values by column, its times in UTC; a column that is missing is None.

    A warehouse that an earlier version of the program wrote lacks the later columns.
    """
    row = {column.name: _in_utc(values.get(column.name)) for column in SNAPSHOTS.columns}
    return cast(SnapshotRow, row)


def _in_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
