"""Loads from an emulator, and asks the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from flexprice_emulator import Emulator
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.snapshot.load import LoadResult, take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions


def load_from(emulator: Emulator, database: Path, **options: Any) -> LoadResult:
    api = ApiOptions(Secret(emulator.api_key), emulator.base_url, workers=4)
    return take_snapshot(LoadOptions(api, database, **options))


def ask(database: Path, query: str, *values: object) -> list[dict[str, Any]]:
    """The rows of a query, times in UTC."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        found = connection.execute(query, list(values))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
