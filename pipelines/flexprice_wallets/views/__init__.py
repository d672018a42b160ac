"""Views, macro and derived tables: kept up from the tables that a load writes, created and described in DuckDB."""

from flexprice_wallets.views.create import create_views
from flexprice_wallets.views.refresh import refresh_views
from flexprice_wallets.views.stored import apply_snapshots, rebuild_stored

__all__ = ["apply_snapshots", "create_views", "rebuild_stored", "refresh_views"]
