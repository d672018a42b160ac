"""Compares what a warehouse says with what the oracle expects, cell by cell."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.descriptions import views
from tests.history.expected_balances import moments_to_ask
from tests.history.observed import Record
from tests.history.oracle import Oracle

GRAINS = {view.name: view.grain for view in views()}
_JSON_COLUMNS = ("metadata", "unrecognized_fields", "unreadable_fields")
#: Whether a figure came from the server's cache, which has tests of its own, and what `expected_books` sees to.
_NOT_EXPECTED = {"is_cached_fallback", "closing_is_cached_fallback", "is_pending_cached"}
_NOT_EXPECTED |= {"ledger_purchased_balance", "ledger_free_balance", "ledger_other_balance"}
#: Their other columns have tests of their own, or are seen to by `expected_books`.
_PARTLY_EXPECTED = {"month_end", "wallet_overview"}
_MOST_SHOWN = 12


class Warehouse:
    """A published warehouse, open for reading."""

    def __init__(self, database: Path) -> None:
        self._connection = duckdb.connect(str(database), read_only=True)
        self._connection.execute("set timezone = 'UTC'")

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def view(self, name: str) -> list[Record]:
        return self._rows(f"select * from flexprice.{name}")

    def balance_as_of(self, moment: datetime) -> list[Record]:
        return self._rows("select * from flexprice.wallet_balance_as_of($moment)", moment=moment)

    def row_counts(self) -> Counter[str]:
        """Rows of every table that a load writes."""
        return Counter(
            {
                table.name: self._count(f"select count(*) as n from flexprice_raw.{table.name}")
                for table in TABLES
            }
        )

    def query(self, query: str) -> list[Record]:
        return self._rows(query)

    def _count(self, query: str) -> int:
        (row,) = self._rows(query)
        return int(row["n"])

    def _rows(self, query: str, **values: object) -> list[Record]:
        found = self._connection.execute(query, values or None)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def view_faults(database: Path, oracle: Oracle) -> list[str]:
    """Everything in which the views of a warehouse are not what they must be."""
    faults = []
    with Warehouse(database) as warehouse:
        for view, expected in oracle.views().items():
            faults += differences(view, expected, warehouse.view(view))
        for moment in moments_to_ask([each.at for each in oracle.snapshots]):
            faults += differences(
                "wallet_balance_as_of",
                oracle.balance_as_of(moment),
                warehouse.balance_as_of(moment),
            )
    return faults


def differences(view: str, expected: Sequence[Record], actual: Sequence[Record]) -> list[str]:
    """Every cell, row and column in which a view is not what it must be; empty where it is."""
    grain = GRAINS[view]
    wanted, found = _by_key(grain, expected), _by_key(grain, actual)
    faults = [f"{view}: more than one row for {key}" for key in _doubles(grain, actual)]
    faults += [f"{view}: no row {key}" for key in wanted if key not in found]
    faults += [f"{view}: row {key} should not be" for key in found if key not in wanted]
    for key in wanted.keys() & found.keys():
        actual_row = found[key]
        if view in _PARTLY_EXPECTED:
            actual_row = {name: actual_row[name] for name in wanted[key]}
        faults += [f"{view} {key}: {each}" for each in _cells(wanted[key], actual_row)]
    return sorted(faults)[:_MOST_SHOWN]


def _by_key(grain: Sequence[str], rows: Sequence[Record]) -> dict[tuple[Any, ...], Record]:
    return {tuple(row[name] for name in grain): row for row in rows}


def _doubles(grain: Sequence[str], rows: Sequence[Record]) -> list[tuple[Any, ...]]:
    counted = Counter(tuple(row[name] for name in grain) for row in rows)
    return [key for key, count in counted.items() if count > 1]


def _cells(expected: Record, actual: Record) -> list[str]:
    actual = {name: value for name, value in actual.items() if name not in _NOT_EXPECTED}
    if expected.keys() != actual.keys():
        return [f"columns {sorted(expected.keys() ^ actual.keys())} are only on one side"]
    faults = []
    for name, wanted in expected.items():
        value = actual[name]
        if isinstance(value, float):
            faults.append(f"{name} is a binary float")
        if name in _JSON_COLUMNS and isinstance(value, str):
            value = json.loads(value)
        # Expected first: some expectations are equal to a span of values.
        if wanted != value:
            faults.append(f"{name} is {value!r}, expected {wanted!r}")
    return faults
