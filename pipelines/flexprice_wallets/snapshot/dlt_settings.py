"""How dlt must behave for a load to be right. In code, because a `.dlt` folder is found only in some folders.

dlt reads these when it is first imported, so this module comes before it. The environment beats every `.dlt` file.
"""

from __future__ import annotations

import os

_SETTINGS = {
    # The command's own handlers end the run; dlt would take the first signal for itself.
    "RUNTIME__INTERCEPT_SIGNALS": "false",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # Rows are Arrow tables: without parquet they would be rewritten as SQL text.
    "NORMALIZE__LOADER_FILE_FORMAT": "parquet",
    # Rows wait in memory until so many of a table are there: few are enough, and keep a large first load small.
    "DATA_WRITER__BUFFER_MAX_ITEMS": "1000",
    # One table after the other: many at once only take memory.
    "LOAD__WORKERS": "1",
    "LOAD__DELETE_COMPLETED_JOBS": "true",
    # The published file is the only state; there is nothing to restore.
    "RESTORE_FROM_DESTINATION": "false",
    "LOAD__RAISE_ON_FAILED_JOBS": "true",
}


def apply_dlt_settings(log_level: str = "ERROR") -> None:
    """Set what dlt must read. Call it before dlt is imported."""
    os.environ.update(_SETTINGS)
    os.environ["RUNTIME__LOG_LEVEL"] = log_level
