"""`flexprice-wallets load`: take one snapshot and publish it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime
from json import dumps
from pathlib import Path
from typing import Any

import click

from flexprice_wallets.commands.options import (
    SnapshotTimeType,
    ToleranceType,
    api_options,
    json_option,
    logging_options,
    option,
    warehouse_options,
)
from flexprice_wallets.commands.output import say
from flexprice_wallets.commands.progress import shown_progress
from flexprice_wallets.configuration import configured_api_key
from flexprice_wallets.errors import ConfigurationError, OutputError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.signals import interruptible
from flexprice_wallets.snapshot.limits import Limits
from flexprice_wallets.snapshot.load import LoadResult, load
from flexprice_wallets.snapshot.options import LoadOptions

_logger = logging.getLogger(__name__)


@click.command("load")
@api_options
@warehouse_options
@option(
    "--workers",
    type=click.IntRange(1, 500),
    default=8,
    show_default=True,
    help="Requests under way at once. The default is polite; raise it for many customers.",
)
@option(
    "--max-requests-per-second",
    type=click.FloatRange(0, min_open=True),
    help="Stay below a tenant's request limit.",
)
@option(
    "--real-time-balance/--no-real-time-balance",
    default=True,
    show_default=True,
    help="Ask for real-time balances.",
)
@option(
    "--credits-breakdown/--no-credits-breakdown",
    default=None,
    help="Ask for free and purchased credits; needs real-time balances.  [default: as those]",
)
@option("--customer-id", "customer_ids", multiple=True, help="Only this customer; repeatable.")
@option(
    "--lookup-key",
    "lookup_keys",
    multiple=True,
    help="Only the customer with this id in your own system; repeatable.",
)
@option(
    "--customers-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only the customers in this file: one Flexprice id a line.",
)
@option(
    "--snapshot-at",
    type=SnapshotTimeType(),
    help="Logical time of the snapshot, such as a schedule's: ISO-8601 with a zone.",
)
@option(
    "--max-failures",
    type=ToleranceType(),
    default="5%",
    show_default=True,
    help="Give up when more customers cannot be read. A share always tolerates ten.",
)
@option(
    "--max-vanished",
    type=ToleranceType(),
    default="20%",
    show_default=True,
    help="Give up when more known wallets end or leave their lists. A share always tolerates ten.",
)
@option(
    "--max-rejected",
    type=ToleranceType(),
    default="20%",
    show_default=True,
    help="Give up when the records of more wallets cannot be taken. A share always tolerates ten.",
)
@json_option("End with one JSON object on stdout: the snapshot's row and the paths.")
@logging_options
def load_command(**given: Any) -> int:
    """Read every customer's wallets and load what changed.

    The API key is read from FLEXPRICE_API_KEY. Exit codes: 0 complete; 1 failed, nothing loaded; 2 wrong use; 3 loaded,
    but partial; 4 the API refused the key; 5 another run is at work; 130 and 143 ended by Ctrl-C or SIGTERM.
    """
    configure_logs(given["verbose"], given["log_format"])
    api_key = configured_api_key()
    configure_logs(given["verbose"], given["log_format"], api_key)
    started = time.monotonic()
    with interruptible(), shown_progress() as on_progress:
        result = load(_options(api_key, given), on_progress)
        if result.snapshot["completeness"] == "partial":
            _logger.warning(
                "Partial: %d customers could not be read and %d records were rejected; "
                "see fetch_failures and rejections.",
                result.snapshot["customers_failed"],
                result.snapshot["records_rejected"],
            )
        _tell(_json(result) if given["json"] else _summary(result, time.monotonic() - started))
    return result.exit_code


def _options(api_key: Secret, given: Mapping[str, Any]) -> LoadOptions:
    """What the command was given, as the one object that the load goes by."""
    return LoadOptions(
        api=ApiOptions(
            api_key,
            **{
                name: given[name]
                for name in (
                    *("base_url", "environment_id", "workers"),
                    *("max_requests_per_second", "allow_plain_http"),
                )
            },
        ),
        selection=Selection(
            given["customer_ids"] + _ids_of(given["customers_file"]), given["lookup_keys"]
        ),
        figures=_figures(given["real_time_balance"], given["credits_breakdown"]),
        limits=Limits(given["max_failures"], given["max_vanished"], given["max_rejected"]),
        log_level="DEBUG" if given["verbose"] >= 2 else "ERROR",
        fetch_in_own_process=True,
        **{name: given[name] for name in ("database", "snapshot_at", "raw_schema", "schema")},
    )


def _tell(text: str) -> None:
    """Print the result. Where that fails, the exit code still tells what happened to the warehouse."""
    try:
        say(text)
    except (OutputError, BrokenPipeError) as error:
        _logger.warning(
            "The snapshot is published, but the result could not be printed (%s).",
            "nobody reads standard output" if isinstance(error, BrokenPipeError) else error,
        )


def _figures(real_time_balance: bool, credits_breakdown: bool | None) -> Figures:
    if credits_breakdown and not real_time_balance:
        raise ConfigurationError(
            "--credits-breakdown needs --real-time-balance: the API gives the breakdown only with both."
        )
    is_breakdown = real_time_balance if credits_breakdown is None else credits_breakdown
    return Figures(real_time_balance, is_breakdown)


def _ids_of(path: Path | None) -> tuple[str, ...]:
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"--customers-file {path} cannot be read as text.") from error
    ids = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not ids:
        raise ConfigurationError(f"--customers-file {path} names no customer: one id a line.")
    return ids


def _summary(result: LoadResult, seconds: float) -> str:
    row = result.snapshot
    return f"""\
Snapshot {row["snapshot_id"]} ({row["scope"]} customers) is {row["completeness"]}.
  customers  {row["customers_observed"]:>9,} read, {row["customers_failed"]:,} failed
  wallets    {row["wallets_observed"]:>9,} read, {row["wallets_changed"]:,} changed
  records    {row["records_rejected"]:>9,} rejected
  requests   {row["api_requests"]:>9,} sent, {row["api_retries"]:,} of them retries; {seconds:.1f} s in all
  warehouse  {result.database}"""


def _json(result: LoadResult) -> str:
    row: dict[str, Any] = {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in result.snapshot.items()
    }
    return dumps({**row, "database": str(result.database)}, ensure_ascii=False)
