"""The views as files, for tools that read no DuckDB."""

from flexprice_wallets.use.export.files import Exported, FileFormat, export_views

__all__ = ["Exported", "FileFormat", "export_views"]
