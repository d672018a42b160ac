"""Balance history of Flexprice wallets, loaded with dlt into DuckDB.

- `open("warehouse.duckdb")` reads a warehouse into pandas DataFrames.
- `flexprice_source()` is the dlt source, for a pipeline of your own.
- `take_snapshot(LoadOptions(...))` takes one snapshot, as the command `flexprice-wallets load` does. What it is told
  and what it answers with is here, too: `ApiOptions`, `Limits`, `LoadResult` and so on.
- `errors` holds every exception that is raised on purpose.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexprice_wallets.version import __version__ as __version__

if TYPE_CHECKING:
    from flexprice_wallets import errors
    from flexprice_wallets.extract.api_options import ApiOptions, Timeouts
    from flexprice_wallets.extract.asking.backoff import RetryPolicy
    from flexprice_wallets.extract.calls import Figures
    from flexprice_wallets.extract.secret import Secret
    from flexprice_wallets.extract.selection import Selection
    from flexprice_wallets.snapshot.dlt_source import flexprice_source
    from flexprice_wallets.snapshot.limits import Limits, Tolerance
    from flexprice_wallets.snapshot.load import LoadResult, take_snapshot
    from flexprice_wallets.snapshot.options import LoadOptions
    from flexprice_wallets.snapshot.progress import Progress
    from flexprice_wallets.snapshot.snapshot_row import SnapshotRow
    from flexprice_wallets.use.dataframes import Warehouse, open  # noqa: A004 - fw.open(...) is meant

__all__ = [
    "ApiOptions",
    "Figures",
    "Limits",
    "LoadOptions",
    "LoadResult",
    "Progress",
    "RetryPolicy",
    "Secret",
    "Selection",
    "SnapshotRow",
    "Timeouts",
    "Tolerance",
    "Warehouse",
    "errors",
    "flexprice_source",
    "open",
    "take_snapshot",
]

# Imported when first used: a load must not wait for pandas, nor a notebook for dlt.
_HOMES = {
    "ApiOptions": "extract.api_options",
    "Figures": "extract.calls",
    "Limits": "snapshot.limits",
    "LoadOptions": "snapshot.options",
    "LoadResult": "snapshot.load",
    "Progress": "snapshot.progress",
    "RetryPolicy": "extract.asking.backoff",
    "Secret": "extract.secret",
    "Selection": "extract.selection",
    "SnapshotRow": "snapshot.snapshot_row",
    "Timeouts": "extract.api_options",
    "Tolerance": "snapshot.limits",
    "Warehouse": "use.dataframes",
    "flexprice_source": "snapshot.dlt_source",
    "open": "use.dataframes",
    "take_snapshot": "snapshot.load",
}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module(f"{__name__}.errors")
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
