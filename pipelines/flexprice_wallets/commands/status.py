"""`flexprice-wallets status`: what the warehouse holds, when it was last loaded, what failed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flexprice_wallets.commands.health import DATA_CHECKS, failed_checks
from flexprice_wallets.commands.options import (
    ChoicesType,
    DurationType,
    json_option,
    logging_options,
    option,
    warehouse_options,
)
from flexprice_wallets.commands.output import say
from flexprice_wallets.errors import CheckFailed, ConfigurationError
from flexprice_wallets.logs import configure_logs

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@click.command("status")
@warehouse_options
@option(
    "--max-age",
    type=DurationType(),
    help="End with 1 where the last complete snapshot is older than this, such as 26h or 1d12h.",
)
@option(
    "--fail-on",
    type=ChoicesType(DATA_CHECKS),
    default=(),
    metavar="WHAT,…",
    help=f"End with 1 where there is any of this: {', '.join(DATA_CHECKS)}.",
)
@json_option(
    "Print one JSON object on stdout: the row of the view freshness, and the failed checks."
)
@logging_options
def status_command(
    database: Path,
    raw_schema: str,
    schema: str,
    max_age: timedelta | None,
    fail_on: tuple[str, ...],
    json: bool,
    log_format: str,
    verbose: int,
) -> int:
    """Say what the warehouse holds, when it was last loaded and what failed."""
    from duckdb import CatalogException

    from flexprice_wallets.warehouse.database import open_published

    configure_logs(verbose, log_format)
    with open_published(database, raw_schema=raw_schema, schema=schema) as connection:
        try:
            failed = failed_checks(connection, schema, max_age, fail_on)
            if json:
                say(_freshness_as_json(connection, schema, failed))
            else:
                say(f"Warehouse {database}\n")
                _print_status(connection, raw_schema, schema)
        except CatalogException as error:
            raise ConfigurationError(
                f"{database} has no views in the schema {schema}: name theirs with --schema, or make them with "
                "`flexprice-wallets views`."
            ) from error
    if failed:
        sentence = f"{'; '.join(failed.values())}."
        raise CheckFailed(sentence[0].upper() + sentence[1:])
    return 0


def _print_status(connection: DuckDBPyConnection, raw_schema: str, schema: str) -> None:
    from flexprice_wallets.commands.terminal_tables import print_query

    print_query(connection, _FRESHNESS.format(schema=schema))
    print_query(connection, _CONTENT.format(schema=schema))
    say("The last snapshots:\n")
    print_query(connection, _SNAPSHOTS.format(schema=schema))
    say("What failed in the last snapshot:\n")
    print_query(connection, _FAILURES.format(raw_schema=raw_schema, schema=schema))


def _freshness_as_json(connection: DuckDBPyConnection, schema: str, failed: dict[str, str]) -> str:
    result = connection.execute(f'select * from "{schema}".freshness')
    names = [name for name, *_ in result.description or ()]
    row = dict(zip(names, result.fetchone() or (), strict=True))
    return dumps({**row, "failed_checks": sorted(failed)}, default=_plain)


_FRESHNESS = """
select last_snapshot_at, last_complete_snapshot_at, last_ledger_at, ledger_read_to from "{schema}".freshness
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
select
    snapshot_at, completeness, scope, customers_observed, customers_failed, wallets_changed, ledger,
    transactions_changed, records_rejected
from "{schema}".snapshots
order by snapshot_at desc
limit 5
"""
_FAILURES = """
select 'not read' as what, customer_id, wallet_id, message as why
from "{raw_schema}".fetch_failures
where snapshot_at = (select max(snapshot_at) from "{raw_schema}".snapshots)
union all
select 'rejected: ' || field_group, customer_id, wallet_id, reason
from "{schema}".rejections
where snapshot_at = (select max(snapshot_at) from "{raw_schema}".snapshots)
limit 20
"""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)
