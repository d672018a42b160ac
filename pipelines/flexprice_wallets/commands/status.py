"""`flexprice-wallets status`: what the warehouse holds, when it was last loaded, what failed."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from flexprice_wallets.commands.options import logging_options, warehouse_options
from flexprice_wallets.errors import NotAWarehouse
from flexprice_wallets.logs import configure_logs


@click.command("status")
@warehouse_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@logging_options
def status_command(
    database: Path, raw_schema: str, schema: str, as_json: bool, log_format: str, verbose: int
) -> int:
    """Say what the warehouse holds, when it was last loaded and what failed."""
    from flexprice_wallets.commands.tables import print_query
    from flexprice_wallets.publish.database import check_warehouse, open_database

    configure_logs(verbose, log_format)
    if not database.is_file():
        raise NotAWarehouse(f"{database} does not exist: run `flexprice-wallets load` first.")
    with open_database(database, read_only=True) as connection:
        check_warehouse(connection, raw_schema, database.name)
        if as_json:
            result = connection.execute(f'select * from "{schema}".freshness')
            names = [name for name, *_ in result.description or ()]
            row = result.fetchone() or ()
            click.echo(json.dumps(dict(zip(names, row, strict=True)), default=_plain))
            return 0
        click.echo(f"Warehouse {database}\n")
        print_query(connection, _FRESHNESS.format(schema=schema))
        print_query(connection, _CONTENT.format(schema=schema))
        click.echo("The last snapshots:\n")
        print_query(connection, _SNAPSHOTS.format(schema=schema))
        click.echo("What failed in the last snapshot:\n")
        print_query(connection, _FAILURES.format(raw_schema=raw_schema))
    return 0


_FRESHNESS = """
select last_snapshot_at, last_complete_snapshot_at from "{schema}".freshness
"""
_CONTENT = """
select
    currency,
    count(*) filter (where ended is null) as living_wallets,
    count(*) filter (where ended is not null) as ended_wallets,
    sum(balance) filter (where ended is null) as balance,
    sum(credit_balance) filter (where ended is null) as credit_balance
from "{schema}".wallets
group by currency
order by currency
"""
_SNAPSHOTS = """
select snapshot_at, completeness, scope, customers_observed, customers_failed, wallets_changed, records_rejected
from "{schema}".snapshots
order by snapshot_at desc
limit 5
"""
_FAILURES = """
select 'not read' as what, customer_id, wallet_id, message as why
from "{raw_schema}".fetch_failures
where snapshot_at = (select max(snapshot_at) from "{raw_schema}".snapshots)
union all
select 'set aside: ' || field_group, customer_id, wallet_id, reason
from "{raw_schema}".rejected_records
where snapshot_at = (select max(snapshot_at) from "{raw_schema}".snapshots)
limit 20
"""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
