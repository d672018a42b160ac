"""The views as files, for tools that read no DuckDB."""

from flexprice_wallets.export.views import Exported, FileFormat, export_views

__all__ = ["Exported", "FileFormat", "export_views"]
