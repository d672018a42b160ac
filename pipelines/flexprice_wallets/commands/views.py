"""`flexprice-wallets views`: create views, comments and derived tables again."""

from __future__ import annotations

from pathlib import Path

import click

from flexprice_wallets.commands.options import logging_options, warehouse_options
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible
from flexprice_wallets.snapshot.load import rebuild_views


@click.command("views")
@warehouse_options
@click.option(
    "--rebuild",
    is_flag=True,
    help="Rebuild the derived tables from all snapshots, too.",
)
@logging_options
def views_command(
    database: Path, raw_schema: str, schema: str, rebuild: bool, log_format: str, verbose: int
) -> int:
    """Create every view, macro and comment again, and publish the result as a load does."""
    configure_logs(verbose, log_format)
    with interruptible():
        path = rebuild_views(database, raw_schema=raw_schema, schema=schema, rebuild=rebuild)
    report_done(f"The views of {path} are up to date.")
    return 0
