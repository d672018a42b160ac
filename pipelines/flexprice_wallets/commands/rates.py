"""`flexprice-wallets rates`: bring exchange rates into the warehouse."""

from __future__ import annotations

from pathlib import Path

import click

from flexprice_wallets.commands.options import logging_options, warehouse_options
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible


@click.command("rates")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--replace",
    is_flag=True,
    help="Forget every rate that was brought before, as for another reporting currency.",
)
@warehouse_options
@logging_options
def rates_command(
    file: Path,
    replace: bool,
    database: Path,
    raw_schema: str,
    schema: str,
    log_format: str,
    verbose: int,
) -> int:
    """Bring the exchange rates in FILE, for a second amount in a reporting currency.

    FILE is CSV; its first line names the columns date_day, currency, reporting_currency and rate (units of the
    reporting currency per unit of the currency). A rate that was brought before for the same currency and day is
    replaced. A rate holds for its own day (UTC) and no other: on a day without one the second amount is null.
    """
    from flexprice_wallets.snapshot.load import require_posix
    from flexprice_wallets.use.exchange_rates import bring_rates, read_rates

    configure_logs(verbose, log_format)
    require_posix()
    rates = read_rates(file)
    with interruptible():
        done = bring_rates(database, rates, raw_schema=raw_schema, schema=schema, replace=replace)
    report_done(
        f"{done.rates} rates of {done.currencies} currencies into {done.reporting_currency} are in {done.database}, "
        f"which holds {done.held} now."
    )
    return 0
