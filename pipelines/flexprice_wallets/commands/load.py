"""`flexprice-wallets load`: take one snapshot and publish it."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from json import dumps
from pathlib import Path
from typing import Any

import click

from flexprice_wallets.commands.metrics import RunMetrics, check_place, last_times, write_metrics
from flexprice_wallets.commands.options import (
    SnapshotTimeType,
    ToleranceType,
    api_options,
    json_option,
    logging_options,
    option,
    warehouse_options,
)
from flexprice_wallets.commands.output import report_done
from flexprice_wallets.commands.progress import shown_progress
from flexprice_wallets.commands.replicate import DESTINATIONS, dataset_option, run_replication
from flexprice_wallets.configuration import configured_api_key
from flexprice_wallets.errors import (
    ConfigurationError,
    ExitCode,
    FlexpriceWalletsError,
    Interrupted,
)
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.logs import configure_logs
from flexprice_wallets.quick_process import quick_process
from flexprice_wallets.signals import interruptible
from flexprice_wallets.snapshot.limits import Limits
from flexprice_wallets.snapshot.load import LoadResult, take_snapshot
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.snapshot_row import SnapshotRow
from flexprice_wallets.warehouse.paths import expanded_path

_logger = logging.getLogger(__name__)


@click.command("load")
@api_options
@warehouse_options
@option(
    "--workers",
    type=click.IntRange(1, 500),
    default=64,
    show_default=True,
    help="The most requests under way at once. How many there are finds itself by how quickly the API answers.",
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
@option(
    "--ledger/--no-ledger",
    default=True,
    show_default=True,
    help="Read the ledger: every transaction of the wallets.",
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
    type=click.Path(dir_okay=False, path_type=Path),
    help="Only the customers in this file: one Flexprice id a line.",
)
@option(
    "--snapshot-at",
    type=SnapshotTimeType(),
    help="Logical time of the snapshot, such as a schedule's: ISO-8601 with a zone. One that was loaded is done.",
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
@option(
    "--accept-partial/--no-accept-partial",
    default=False,
    help="End with 0 also where some customers or records could not be read.",
)
@option(
    "--metrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the run's figures there for Prometheus' node exporter, also after a failure.",
)
@option(
    "--replicate",
    type=click.Choice(["none", *DESTINATIONS]),
    default="none",
    show_default=True,
    help="Once the load is published, bring this destination up to it, as `replicate` does.",
)
@dataset_option()
@json_option("End with one JSON object on stdout: the snapshot's row and the paths.")
@logging_options
def load_command(**given: Any) -> int:
    """Read every customer's wallets and load what changed.

    The API key is read from FLEXPRICE_API_KEY. Exit codes: 0 complete; 1 failed, nothing loaded; 2 wrong use; 3 loaded,
    but partial; 4 the API refused the key; 5 another run is at work; 6 loaded, but not replicated (`replicate` makes up
    for it); 130 and 143 ended by Ctrl-C or SIGTERM.
    """
    configure_logs(given["verbose"], given["log_format"])
    check_place(given["metrics"])
    started = time.monotonic()
    try:
        api_key = configured_api_key()
        configure_logs(given["verbose"], given["log_format"], api_key)
        options = load_options(given, api_key)
        with interruptible():
            with shown_progress() as on_progress, quick_process():
                result = take_snapshot(options, on_progress)
            # Within, so that no signal can make a failure of what is published.
            exit_code = _exit_code(result, accept_partial=given["accept_partial"])
            _tell(result, time.monotonic() - started, as_json=given["json"])
            read: Mapping[str, Any] = {} if result.already_loaded else result.snapshot
            _write_metrics(given, exit_code, started, read)
    except Exception as error:  # whatever it is: a monitor must hear of it, and it goes on
        _write_metrics(given, _exit_code_of(error), started, {})
        raise
    if given["replicate"] != "none" and not _is_replicated(given):
        exit_code = ExitCode.NOT_REPLICATED
        _write_metrics(given, exit_code, started, read)
    return exit_code


def _is_replicated(given: dict[str, Any]) -> bool:
    """Replicate what is published; a failure is told, and undoes nothing."""
    try:
        # Signals are for the replication now: the load is over.
        with interruptible():
            done = run_replication(
                given["replicate"],
                given["dataset"],
                given["database"],
                given["raw_schema"],
                given["schema"],
            )
    except Interrupted:
        _logger.error("The load is published; the replication was interrupted. Run `replicate`.")
        return False
    except FlexpriceWalletsError as error:
        _logger.error("The load is published, but was not replicated: %s", error)
        return False
    _logger.info(
        "The dataset %s shows snapshot %s; %d rows were sent.",
        given["dataset"],
        done.snapshot_id,
        sum(done.rows.values()),
    )
    return True


def load_options(given: dict[str, Any], api_key: Secret) -> LoadOptions:
    """What a load is asked to do, from the values of the command's options by name.

    Raises:
        ConfigurationError: where they contradict each other, or a file that they name cannot be read.
    """
    return LoadOptions(
        api=ApiOptions(
            api_key,
            given["base_url"],
            given["environment_id"],
            given["workers"],
            given["max_requests_per_second"],
            given["allow_plain_http"],
        ),
        database=given["database"],
        selection=Selection(
            given["customer_ids"] + _ids_of(given["customers_file"]), given["lookup_keys"]
        ),
        figures=_figures(given["real_time_balance"], given["credits_breakdown"]),
        ledger=given["ledger"],
        limits=Limits(given["max_failures"], given["max_vanished"], given["max_rejected"]),
        snapshot_at=given["snapshot_at"],
        raw_schema=given["raw_schema"],
        schema=given["schema"],
        log_level="DEBUG" if given["verbose"] >= 2 else "ERROR",
        fetch_in_own_process=True,
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
        lines = expanded_path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"--customers-file {path} cannot be read as text ({reason}): name another file."
        ) from error
    ids = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not ids:
        raise ConfigurationError(f"--customers-file {path} names no customer: one id a line.")
    return ids


def _exit_code(result: LoadResult, *, accept_partial: bool) -> ExitCode:
    if result.exit_code is ExitCode.PARTIAL and accept_partial:
        return ExitCode.COMPLETE
    return result.exit_code


def _exit_code_of(error: Exception) -> int:
    """The exit code that an error ends the command with."""
    if isinstance(error, Interrupted):
        return error.code
    return error.exit_code if isinstance(error, FlexpriceWalletsError) else ExitCode.FAILED


def _tell(result: LoadResult, seconds: float, *, as_json: bool) -> None:
    row = result.snapshot
    if row["completeness"] == "partial" and not result.already_loaded:
        _logger.warning(
            "Partial: %d customers could not be read and %d records were rejected%s; "
            "see fetch_failures and rejections.",
            row["customers_failed"],
            row["records_rejected"],
            ", and the ledger could not be read" if row["ledger"] == "failed" else "",
        )
    report_done(_json(result) if as_json else _summary(result, seconds))


def _summary(result: LoadResult, seconds: float) -> str:
    row = result.snapshot
    if result.already_loaded:
        return (
            f"Snapshot {row['snapshot_id']} ({row['scope']} customers) is already loaded, and {row['completeness']}.\n"
            f"  warehouse  {result.database}"
        )
    return f"""\
Snapshot {row["snapshot_id"]} ({row["scope"]} customers) is {row["completeness"]}.
  customers  {row["customers_observed"]:>9,} read, {row["customers_failed"]:,} failed
  wallets    {row["wallets_observed"]:>9,} read, {row["wallets_changed"]:,} changed
  ledger     {_ledger(row)}
  records    {row["records_rejected"]:>9,} rejected
  requests   {row["api_requests"]:>9,} sent, {row["api_retries"]:,} of them retries; {seconds:.1f} s in all
  warehouse  {result.database}"""


def _ledger(row: SnapshotRow) -> str:
    match row["ledger"]:
        case "complete":
            read, changed = row["transactions_observed"], row["transactions_changed"]
            return f"{read:>9,} transactions read, {changed:,} new or changed"
        case "failed":
            return "   failed: no transaction was taken"
        case "refused":
            return "  refused by the API"
    return " not read"


def _json(result: LoadResult) -> str:
    row: dict[str, Any] = {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in result.snapshot.items()
    }
    # Escaped beyond ASCII: any locale can print it.
    return dumps({**row, "database": str(result.database), "already_loaded": result.already_loaded})


def _write_metrics(
    given: dict[str, Any], exit_code: int, started: float, snapshot: Mapping[str, Any]
) -> None:
    if given["metrics"] is None:
        return
    # A run that was told to end ends at once: nothing heavy is opened for it.
    is_interrupted = exit_code in (ExitCode.INTERRUPTED, ExitCode.TERMINATED)
    times = (
        {}
        if is_interrupted
        else last_times(given["database"], given["raw_schema"], given["schema"])
    )
    metrics = RunMetrics(
        database=str(expanded_path(given["database"]).absolute()),
        exit_code=exit_code,
        finished_at=datetime.now(UTC),
        duration_seconds=time.monotonic() - started,
        snapshot=snapshot,
        last_times=times,
    )
    write_metrics(given["metrics"], metrics)
