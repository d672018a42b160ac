"""Balance history of Flexprice wallets, loaded with dlt into DuckDB.

- `open("warehouse.duckdb")` reads a warehouse into pandas DataFrames.
- `flexprice_source()` is the dlt source, for a pipeline of your own.
- `load(LoadOptions(...))` takes one snapshot, as the command `flexprice-wallets load` does.
- `errors` holds every exception that is raised on purpose.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexprice_wallets.load.source import flexprice_source
    from flexprice_wallets.reading import Warehouse, open  # noqa: A004 - fw.open(...) is meant
    from flexprice_wallets.run import LoadOptions, LoadResult, load

__version__ = "0.1.0"

__all__ = ["LoadOptions", "LoadResult", "Warehouse", "flexprice_source", "load", "open"]

# Imported when first used: a load must not wait for pandas, nor a notebook for dlt.
_HOMES = {
    "LoadOptions": "flexprice_wallets.run",
    "LoadResult": "flexprice_wallets.run",
    "Warehouse": "flexprice_wallets.reading",
    "flexprice_source": "flexprice_wallets.load.source",
    "load": "flexprice_wallets.run",
    "open": "flexprice_wallets.reading",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
