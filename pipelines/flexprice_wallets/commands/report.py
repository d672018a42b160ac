"""`flexprice-wallets report`: the warehouse as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from flexprice_wallets.commands.options import logging_options, warehouse_options
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible


@click.command("report")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="Where the page goes; an earlier one is replaced.",
)
@click.option("--wallet", metavar="ID", help="Report on this wallet only, so that it can be sent.")
@click.option("--customer", metavar="ID", help="Report on this customer's wallets only.")
@warehouse_options
@logging_options
def report_command(
    output: Path,
    wallet: str | None,
    customer: str | None,
    database: Path,
    raw_schema: str,
    schema: str,
    log_format: str,
    verbose: int,
) -> int:
    """Write one HTML page about the warehouse, which opens without a network.

    It needs the extra `report`: pip install 'flexprice-wallets[report]'
    """
    from flexprice_wallets.use.report import Subject, write_report

    configure_logs(verbose, log_format)
    if wallet and customer:
        raise ConfigurationError("--wallet and --customer cannot be given together: name one.")
    subject = None
    if wallet:
        subject = Subject("wallet", wallet)
    elif customer:
        subject = Subject("customer", customer)
    with interruptible():
        write_report(database, output, subject=subject, raw_schema=raw_schema, schema=schema)
    report_done(f"The report is {output}.")
    return 0
