"""`flexprice-wallets check`: would a load work? Changes nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

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
from flexprice_wallets.extract.attempts import Api, open_api
from flexprice_wallets.extract.backoff import RetryPolicy
from flexprice_wallets.extract.calls import Figures, customer_wallets
from flexprice_wallets.extract.events import text_field
from flexprice_wallets.extract.listing import listed_customers
from flexprice_wallets.extract.outcomes import Failed, Taken
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.records.answers import wallets_of_answer
from flexprice_wallets.version import __version__
from flexprice_wallets.warehouse.paths import resolved_path

#: Each may be archived between the list and the question, all of them hardly.
_CUSTOMERS_TRIED: Final = 5


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
    """List one page of customers and read the wallets of one: both rights that a load needs."""
    api = open_api(options)
    api.policy = RetryPolicy(attempts=2)
    page = next(iter(listed_customers(api, limit=_CUSTOMERS_TRIED)), None)
    if page is None:
        return (
            f"{api.client.base_url} answers; there are no customers, "
            "so whether wallets can be read was not tried"
        )
    ids = [text_field(record, "id") for record in page.records]
    wallets = _wallets_of_one(api, [customer_id for customer_id in ids if customer_id])
    count = "some" if page.total is None else f"{page.total:,}"
    return (
        f"{api.client.base_url} answers; {count} customers; their wallets can be read "
        f"(the first has {wallets})"
    )


def _wallets_of_one(api: Api, customer_ids: Sequence[str]) -> int:
    """How many wallets the first customer has whom the API still knows: one may go after it was listed, not all."""
    for customer_id in customer_ids:
        outcome = api.ask(customer_wallets(customer_id, Figures()), wallets_of_answer)
        if isinstance(outcome, Failed):
            raise ApiUnavailable(f"Wallets could not be read: {outcome.failure.message}.")
        if isinstance(outcome, Taken):
            return len(outcome.records)
    raise ApiUnavailable(
        f"Wallets could not be read: the API lists customers, and answers not found (404) for the wallets of all "
        f"{len(customer_ids)} that were tried; see whether --base-url is the API's, /v1 included."
    )


def _check_database(database: Path, raw_schema: str, schema: str) -> str:
    from flexprice_wallets.warehouse.database import last_snapshot_at, open_warehouse
    from flexprice_wallets.warehouse.names import check_names

    path = resolved_path(database)
    check_names(path, raw_schema, schema)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StorageError(f"The folder {path.parent} does not exist or cannot be written.")
    if not path.exists():
        return f"{database} does not exist yet; the first load creates it"
    with open_warehouse(database, raw_schema) as connection:
        last = last_snapshot_at(connection, raw_schema)
    return f"{database} is a warehouse (schemas {raw_schema}, {schema}); last snapshot {last}"
