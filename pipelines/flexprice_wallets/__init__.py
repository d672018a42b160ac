"""Balance history of Flexprice wallets, loaded with dlt into DuckDB.

- `open("warehouse.duckdb")` reads a warehouse into pandas DataFrames.
- `flexprice_source()` is the dlt source, for a pipeline of your own.
- `take_snapshot(LoadOptions(...))` takes one snapshot, as the command `flexprice-wallets load` does.
- `errors` holds every exception that is raised on purpose.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flexprice_wallets.version import __version__ as __version__

if TYPE_CHECKING:
    from flexprice_wallets.snapshot.dlt_source import flexprice_source
    from flexprice_wallets.snapshot.load import LoadResult
    from flexprice_wallets.snapshot.load import load as take_snapshot
    from flexprice_wallets.snapshot.options import LoadOptions
    from flexprice_wallets.use.dataframes import Warehouse, open  # noqa: A004 - fw.open(...) is meant

__all__ = [
    "LoadOptions",
    "LoadResult",
    "Warehouse",
    "flexprice_source",
    "open",
    "take_snapshot",
]

# Imported when first used: a load must not wait for pandas, nor a notebook for dlt.
_HOMES = {
    "LoadOptions": ("flexprice_wallets.snapshot.options", "LoadOptions"),
    "LoadResult": ("flexprice_wallets.snapshot.load", "LoadResult"),
    "Warehouse": ("flexprice_wallets.use.dataframes", "Warehouse"),
    "flexprice_source": ("flexprice_wallets.snapshot.dlt_source", "flexprice_source"),
    "open": ("flexprice_wallets.use.dataframes", "open"),
    # `load` is the package beside this file.
    "take_snapshot": ("flexprice_wallets.snapshot.load", "load"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
