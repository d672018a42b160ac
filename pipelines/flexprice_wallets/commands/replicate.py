"""`flexprice-wallets replicate`: the same tables and views in another engine."""

from __future__ import annotations

import logging
import time
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexprice_wallets.commands.options import (
    Decorator,
    json_option,
    logging_options,
    option,
    warehouse_options,
)
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible
from flexprice_wallets.warehouse.names import schema_fault

if TYPE_CHECKING:
    from flexprice_wallets.replicate.replicate import ReplicationResult

_logger = logging.getLogger(__name__)

DESTINATIONS = ("postgres",)


def _dataset_name(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    # Tables of the rows are called after it.
    if fault := schema_fault(value):
        raise click.BadParameter(f"{value!r} {fault}.")
    if len(value) > 40:
        raise click.BadParameter(f"{value!r} is longer than 40 characters.")
    return value


def dataset_option() -> Decorator:
    """The option for the schema at the destination."""
    return option(
        "--dataset",
        default="flexprice",
        show_default=True,
        callback=_dataset_name,
        help="Schema of the views at the destination; DATASET_raw and DATASET_rows are beside it.",
    )


@click.command("replicate")
@option(
    "--destination",
    type=click.Choice(DESTINATIONS),
    required=True,
    help="The engine. Its address is configured as dlt does: DESTINATION__POSTGRES__CREDENTIALS, or .dlt/secrets.toml.",
)
@dataset_option()
@warehouse_options
@json_option("End with one JSON object on stdout: what was sent.")
@logging_options
def replicate_command(
    destination: str,
    dataset: str,
    database: Path,
    raw_schema: str,
    schema: str,
    json: bool,
    log_format: str,
    verbose: int,
) -> int:
    """Bring the same tables and views in another engine up to the last published snapshot.

    Exit codes: 0 up to date; 1 failed; 2 wrong use; 5 another run replicates there; 130 and 143 ended by Ctrl-C or
    SIGTERM. Whatever happens, readers there see a whole snapshot: the new one, or the one before.
    """
    configure_logs(verbose, log_format)
    started = time.monotonic()
    with interruptible():
        result = run_replication(destination, dataset, database, raw_schema, schema)
    seconds = time.monotonic() - started
    report_done(_json(result) if json else summary(result, dataset, seconds))
    return 0


def run_replication(
    destination: str, dataset: str, database: Path, raw_schema: str, schema: str
) -> ReplicationResult:
    """Replicate to a destination by its name.

    Raises:
        ConfigurationError: where the destination's extra is not installed.
        FlexpriceWalletsError: see `replicate_to_postgres`.
    """
    try:
        import psycopg2  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigurationError(
            f"The package for {destination} is not installed: run pip install 'flexprice-wallets[{destination}]'."
        ) from None
    from flexprice_wallets.replicate.replicate import replicate_to_postgres

    return replicate_to_postgres(database, dataset, raw_schema=raw_schema, schema=schema)


def summary(result: ReplicationResult, dataset: str, seconds: float) -> str:
    """What a replication did, for a person."""
    if result.is_up_to_date:
        return f"The dataset {dataset} is up to date with snapshot {result.snapshot_id}."
    whole = f", {len(result.filled)} tables whole" if result.filled else ""
    return (
        f"The dataset {dataset} shows snapshot {result.snapshot_id}.\n"
        f"  snapshots  {result.snapshots:>9,} sent\n"
        f"  rows       {sum(result.rows.values()):>9,} sent{whole}; {seconds:.1f} s in all"
    )


def _json(result: ReplicationResult) -> str:
    return dumps(
        {
            "snapshot_id": result.snapshot_id,
            "shipment": result.ship_number,
            "snapshots": result.snapshots,
            "rows": dict(result.rows),
            "tables_sent_whole": list(result.filled),
            "is_up_to_date": result.is_up_to_date,
        }
    )
