"""`flexprice-wallets check`: would a load work? Changes nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click

from flexprice_wallets.commands.options import api_options, logging_options, warehouse_options
from flexprice_wallets.commands.output import say
from flexprice_wallets.configuration import configured_api_key
from flexprice_wallets.errors import (
    ApiUnavailable,
    ExitCode,
    FlexpriceWalletsError,
    StorageError,
)
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.asking.outcomes import Failed, Taken
from flexprice_wallets.extract.calls import Figures, customer_wallets
from flexprice_wallets.extract.events import text_field
from flexprice_wallets.extract.listing import listed_customers
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.records.answers import wallets_of_answer
from flexprice_wallets.version import __version__

_CUSTOMERS_TRIED = 10


@click.command("check")
@api_options
@warehouse_options
@logging_options
def check_command(
    base_url: str,
    environment_id: str | None,
    allow_plain_http: bool,
    database: Path,
    raw_schema: str,
    schema: str,
    log_format: str,
    verbose: int,
) -> int:
    """Try the key, the API, its rights, the database file and the versions; changes nothing."""
    configure_logs(verbose, log_format)

    def api() -> str:
        options = ApiOptions(
            configured_api_key(), base_url, environment_id, allow_plain_http=allow_plain_http
        )
        return _check_api(options)

    checks: dict[str, Callable[[], str]] = {
        "versions": _check_versions,
        "api key": lambda: "set" if configured_api_key() else "",
        "api": api,
        "database": lambda: _check_database(database, raw_schema, schema),
    }
    codes = []
    for name, check in checks.items():
        try:
            say(f"ok      {name:<9} {check()}")
        except FlexpriceWalletsError as error:
            say(f"failed  {name:<9} {error}")
            codes.append(error.exit_code)
    return max(codes, default=ExitCode.COMPLETE)


def _check_versions() -> str:
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("dlt", "duckdb", "pyarrow", "requests")
    )
    return f"flexprice-wallets {__version__}, Python {platform.python_version()}, {packages}"


def _check_api(options: ApiOptions) -> str:
    """List customers and read the wallets of one: both rights that a load needs.

    A customer may be archived just now, so a few are tried until one is known.
    """
    api = open_api(options)
    api.policy = RetryPolicy(attempts=2)
    page = next(iter(listed_customers(api, limit=_CUSTOMERS_TRIED)), None)
    if page is None or not page.records:
        return (
            f"{api.client.base_url} answers; there are no customers, "
            "so that wallets can be read is not proven"
        )
    ids = [customer_id for record in page.records if (customer_id := text_field(record, "id"))]
    if not ids:
        raise ApiUnavailable(
            "No customer of the API's first page has a readable id. Check --base-url."
        )
    for customer_id in ids:
        outcome = api.ask(customer_wallets(customer_id, Figures()), wallets_of_answer)
        if isinstance(outcome, Failed):
            raise ApiUnavailable(f"Wallets could not be read: {outcome.failure.message}.")
        if isinstance(outcome, Taken):
            break
    else:
        raise ApiUnavailable(
            f"Wallets could not be read: of {len(ids)} listed customers the API knows none when asked for its wallets "
            "(404). Check --base-url and --environment-id."
        )
    count = "some" if page.total is None else f"{page.total:,}"
    return f"{api.client.base_url} answers; {count} customers; their wallets can be read"


def _check_database(database: Path, raw_schema: str, schema: str) -> str:
    from flexprice_wallets.warehouse.database import last_snapshot_at, open_published
    from flexprice_wallets.warehouse.paths import WarehousePaths

    path = WarehousePaths.of(database, raw_schema, schema).published
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StorageError(f"The folder {path.parent} does not exist or cannot be written.")
    if not path.exists():
        return f"{path} does not exist yet; the first load creates it"
    with open_published(path, raw_schema=raw_schema, schema=schema) as connection:
        last = last_snapshot_at(connection, raw_schema)
    return f"{path} is a warehouse (schemas {raw_schema}, {schema}); last snapshot {last}"
