"""How dlt must behave for a load to be right. In code, because a `.dlt` folder is found only in some folders.

dlt reads these when it is first imported, so this module comes before it. The environment beats every `.dlt` file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
    # It would rename the schema of the tables for every run.
    "DEV_MODE": "false",
}


@contextmanager
def dlt_settings(log_level: str, project: Path) -> Iterator[None]:
    """Within, dlt reads these settings and no `.dlt` folder of a project; afterwards the environment is as before.

    Args:
        log_level: from which level on dlt logs.
        project: an empty folder that stands for the project's.
    """
    settings = _SETTINGS | {"RUNTIME__LOG_LEVEL": log_level, "DLT_PROJECT_DIR": str(project)}
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
