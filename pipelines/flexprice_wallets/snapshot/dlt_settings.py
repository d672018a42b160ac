"""How dlt must behave for a load to be right. Light to import: dlt itself comes when a load needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

#: By section, as in a `.dlt/config.toml`. What is not here has dlt's own default, whatever anybody has set elsewhere.
_SETTINGS: Final[dict[str, Any]] = {
    # The command's own handlers end the run; dlt would take the first signal for itself.
    "runtime": {"intercept_signals": False, "dlthub_telemetry": False},
    # dlt's record of a run, which it would also report to its makers.
    "enable_runtime_trace": False,
    # The published file is the only state; there is nothing to restore.
    "restore_from_destination": False,
    # Names are written so already; the default could come from the environment.
    "schema": {"naming": "snake_case"},
    # Rows are Arrow tables: without parquet they would be rewritten as SQL text.
    "normalize": {"loader_file_format": "parquet"},
    # Rows wait in memory until so many of a table are there: few are enough, and keep a large first load small.
    "data_writer": {"buffer_max_items": 1000},
    # One table after the other: many at once only take memory.
    "load": {"workers": 1, "delete_completed_jobs": True, "raise_on_failed_jobs": True},
}


@contextmanager
def dlt_settings(log_level: str) -> Iterator[None]:
    """Within, dlt has these settings in the threads of this load, and none of the environment or a `.dlt` folder.

    Afterwards, and meanwhile in every other thread, dlt is as it was: settings, active pipeline, logger. `os.environ`
    is left alone.

    Args:
        log_level: from which level on dlt logs; where the process has used dlt before, its level stays.
    """
    from flexprice_wallets.dlt_scope import own_scope

    runtime = {**_SETTINGS["runtime"], "log_level": log_level}
    with own_scope({**_SETTINGS, "runtime": runtime}):
        yield
