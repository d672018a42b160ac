"""Balance history of Flexprice wallets, loaded with dlt into DuckDB.

- `open("warehouse.duckdb")` reads a warehouse into pandas DataFrames.
- `flexprice_source()` is the dlt source, for a pipeline of your own.
- `take_snapshot(LoadOptions(...))` takes one snapshot, as the command `flexprice-wallets load` does.
- `errors` holds every exception that is raised on purpose.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexprice_wallets.load.source import flexprice_source
    from flexprice_wallets.reading import Warehouse, open  # noqa: A004 - fw.open(...) is meant
    from flexprice_wallets.run import LoadOptions, LoadResult
    from flexprice_wallets.run import load as take_snapshot

__version__ = "0.1.0"

__all__ = ["LoadOptions", "LoadResult", "Warehouse", "flexprice_source", "open", "take_snapshot"]

# Imported when first used: a load must not wait for pandas, nor a notebook for dlt.
_HOMES = {
    "LoadOptions": ("flexprice_wallets.run", "LoadOptions"),
    "LoadResult": ("flexprice_wallets.run", "LoadResult"),
    "Warehouse": ("flexprice_wallets.reading", "Warehouse"),
    "flexprice_source": ("flexprice_wallets.load.source", "flexprice_source"),
    "open": ("flexprice_wallets.reading", "open"),
    # `load` is the package beside this file.
    "take_snapshot": ("flexprice_wallets.run", "load"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
