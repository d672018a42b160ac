"""The figures of a load in the text format of Prometheus, for the textfile collector of its node exporter."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from flexprice_wallets.errors import ConfigurationError, FlexpriceWalletsError
from flexprice_wallets.use.replaced_file import replace_file
from flexprice_wallets.warehouse.paths import expanded_path

_logger = logging.getLogger(__name__)

_PREFIX: Final = "flexprice_wallets_"
_LEDGER: Final = "ledger_read_to"
#: Columns of a snapshot's row, each a gauge of its own; one that the row does not have is left out.
_OF_SNAPSHOT: Final = {
    "customers_expected": "Customers that the load had to read.",
    "customers_observed": "Customers that the load read.",
    "customers_failed": "Customers that the load could not read.",
    "wallets_observed": "Wallets that the load read.",
    "wallets_changed": "Wallets of which something changed.",
    "records_rejected": "Records that the load could not take.",
    "transactions_observed": "Wallet transactions that the load read.",
    "transactions_changed": "Wallet transactions among them that are new or changed.",
    "api_requests": "Requests that the load sent.",
    "api_retries": "Requests among them that repeated a failed one.",
}


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """What a run leaves for a monitor.

    Attributes:
        database: the warehouse's path, a label of every figure.
        exit_code: how the command ended.
        finished_at: when, with a time zone.
        duration_seconds: how long it took.
        snapshot: the row of `snapshots` that it published; empty where it published none.
        last_times: when the last snapshot and the last complete one were taken, and up to when the ledger is read, by
            metric name; one that nobody knows is missing.
    """

    database: str
    exit_code: int
    finished_at: datetime
    duration_seconds: float
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    last_times: Mapping[str, datetime] = field(default_factory=dict)


def rendered(metrics: RunMetrics) -> str:
    """The text that Prometheus reads. Pure."""
    label = metrics.database.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return "".join(
        f"# HELP {_PREFIX}{name} {meaning}\n"
        f"# TYPE {_PREFIX}{name} gauge\n"
        f'{_PREFIX}{name}{{database="{label}"}} {value}\n'
        for name, meaning, value in _gauges(metrics)
    )


def _gauges(metrics: RunMetrics) -> Iterator[tuple[str, str, str]]:
    """Name, meaning and value of each."""
    is_success = metrics.exit_code == 0
    yield "load_success", "1 if the last load ended with exit code 0, else 0.", str(int(is_success))
    yield "load_exit_code", "Exit code of the last load.", str(metrics.exit_code)
    yield (
        "load_finished_timestamp_seconds",
        "When the last load ended.",
        _epoch(metrics.finished_at),
    )
    yield "load_duration_seconds", "How long the last load took.", f"{metrics.duration_seconds:.3f}"
    for column, meaning in _OF_SNAPSHOT.items():
        if (value := metrics.snapshot.get(column)) is not None:
            yield f"load_{column}", meaning, str(value)
    times = dict(metrics.last_times)
    if (read_to := times.pop(_LEDGER, None)) is not None:
        lag = (metrics.finished_at - read_to).total_seconds()
        yield (
            "ledger_read_to_timestamp_seconds",
            "Newest change in the ledger read.",
            _epoch(read_to),
        )
        yield "ledger_lag_seconds", "Its age when the last load ended.", f"{lag:.3f}"
    for name, at in times.items():
        yield (
            f"{name}_timestamp_seconds",
            f"Logical time of the {name.replace('_', ' ')}.",
            _epoch(at),
        )
        age = (metrics.finished_at - at).total_seconds()
        yield f"{name}_age_seconds", f"Its age when the last load ended ({name}).", f"{age:.3f}"


def _epoch(moment: datetime) -> str:
    return f"{moment.timestamp():.3f}"


def check_place(path: Path | None) -> None:
    """Make sure, before anything is loaded, that a file can be put there.

    Raises:
        ConfigurationError: where it cannot.
    """
    if path is not None and (not (place := expanded_path(path)).parent.is_dir() or place.is_dir()):
        raise ConfigurationError(
            f"--metrics {path} cannot be a file there: name a file in a folder that exists."
        )


def write_metrics(path: Path, metrics: RunMetrics) -> None:
    """Put the figures in their place; where that fails, the load is what it was."""
    try:
        replace_file(path, rendered(metrics))
    except OSError as error:
        _logger.warning(
            "The metrics could not be written to %s (%s).", path, error.strerror or error
        )


def last_times(database: Path, raw_schema: str, schema: str) -> dict[str, datetime]:
    """When the last snapshots of a warehouse were taken, and up to when its ledger is read; empty where unknown."""
    import duckdb

    from flexprice_wallets.warehouse.database import open_published
    from flexprice_wallets.warehouse.sql_files import quoted

    try:
        with open_published(database, raw_schema=raw_schema, schema=schema) as connection:
            [times] = connection.execute(
                "select last_snapshot_at, last_complete_snapshot_at, ledger_read_to "
                f"from {quoted(schema)}.freshness"
            ).fetchall()
    except (FlexpriceWalletsError, duckdb.Error) as error:
        _logger.debug("The times of the last snapshots cannot be read: %s", error)
        return {}
    names = ("last_snapshot", "last_complete_snapshot", _LEDGER)
    return {name: at for name, at in zip(names, times, strict=True) if at is not None}
