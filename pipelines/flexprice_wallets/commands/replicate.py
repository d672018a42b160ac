"""`flexprice-wallets replicate`: the same tables and views in another engine."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
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
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.replicate.destination import ENGINES
from flexprice_wallets.signals import interruptible
from flexprice_wallets.warehouse.names import schema_fault

if TYPE_CHECKING:
    from flexprice_wallets.replicate.replicate import ReplicationResult

_logger = logging.getLogger(__name__)

DESTINATIONS = tuple(ENGINES)


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
    help="The engine. Where it is dlt finds out: by DESTINATION__POSTGRES__CREDENTIALS, or for a lake "
    "DESTINATION__FILESYSTEM__BUCKET_URL, or in .dlt/secrets.toml.",
)
@dataset_option()
@warehouse_options
@option(
    "--maintain",
    is_flag=True,
    default=False,
    help="Afterwards remove rows that nobody reads any more, and make one file of many: for a lake, say weekly.",
)
@json_option("End with one JSON object on stdout: what was sent.")
@logging_options
def replicate_command(
    destination: str,
    dataset: str,
    database: Path,
    raw_schema: str,
    schema: str,
    maintain: bool,
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
        result = run_replication(
            destination, dataset, database, raw_schema, schema, maintains=maintain
        )
    seconds = time.monotonic() - started
    report_done(_json(result) if json else summary(result, dataset, seconds))
    return 0


def run_replication(
    destination: str,
    dataset: str,
    database: Path,
    raw_schema: str,
    schema: str,
    *,
    maintains: bool = False,
) -> ReplicationResult:
    """Replicate to a destination by its name.

    Raises:
        FlexpriceWalletsError: see `replicate`.
    """
    from flexprice_wallets.replicate.replicate import replicate

    return replicate(
        destination, database, dataset, raw_schema=raw_schema, schema=schema, maintains=maintains
    )


def summary(result: ReplicationResult, dataset: str, seconds: float) -> str:
    """What a replication did, for a person."""
    lines = [f"The dataset {dataset} is up to date with snapshot {result.snapshot_id}."]
    if not result.is_up_to_date:
        whole = f", {len(result.filled)} tables whole" if result.filled else ""
        lines = [
            f"The dataset {dataset} shows snapshot {result.snapshot_id}.",
            f"  snapshots  {result.snapshots:>9,} sent",
            f"  rows       {sum(result.rows.values()):>9,} sent{whole}; {seconds:.1f} s in all",
        ]
    if result.upkeep is not None:
        done = result.upkeep
        files = f"{done.files_before:,} files before, {done.files_after:,} after"
        lines.append(f"  upkeep     {done.rows_removed:>9,} rows removed; {files}")
    return "\n".join(lines)


def _json(result: ReplicationResult) -> str:
    return dumps(
        {
            "snapshot_id": result.snapshot_id,
            "shipment": result.ship_number,
            "snapshots": result.snapshots,
            "rows": dict(result.rows),
            "tables_sent_whole": list(result.filled),
            "is_up_to_date": result.is_up_to_date,
            "upkeep": asdict(result.upkeep) if result.upkeep else None,
        }
    )
