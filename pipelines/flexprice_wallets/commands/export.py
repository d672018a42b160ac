"""`flexprice-wallets export`: the views as files, for tools that read no DuckDB."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flexprice_wallets.commands.options import logging_options, warehouse_options
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible

if TYPE_CHECKING:
    from flexprice_wallets.use.export import FileFormat


@click.command("export")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "csv"]),
    required=True,
    help="Parquet keeps every type exactly; CSV has times in UTC and figures as written out decimals.",
)
@warehouse_options
@logging_options
def export_command(
    folder: Path,
    file_format: FileFormat,
    database: Path,
    raw_schema: str,
    schema: str,
    log_format: str,
    verbose: int,
) -> int:
    """Write every view into the folder DIR, one file each; daily views in a folder for each day.

    All files are of one state of the warehouse. DIR is replaced as a whole when everything is written; it must be new,
    empty, or written by an earlier export.
    """
    from flexprice_wallets.use.export import export_views

    configure_logs(verbose, log_format)
    with interruptible():
        done = export_views(database, folder, file_format, raw_schema=raw_schema, schema=schema)
    report_done(
        f"{sum(done.rows.values())} rows of {len(done.rows)} views are in {folder}, "
        f"as of snapshot {done.snapshot_id or 'none'}."
    )
    return 0
