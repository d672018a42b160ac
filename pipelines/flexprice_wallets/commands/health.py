"""What a monitor can ask of a warehouse: each check by its name. `status` ends with 1 where one fails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from flexprice_wallets.commands.durations import written_duration
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.warehouse.sql_files import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: The check of `--max-age`, as it is named among the failed ones.
MAX_AGE: Final = "max-age"


@dataclass(frozen=True, slots=True)
class DataCheck:
    """Data that somebody wants to be woken by.

    Attributes:
        view: the view that tells.
        count: SQL expression over that view: how much of it there is.
        found: what there is, as a sentence about `{count}` of them.
    """

    view: str
    count: str
    found: str


#: By the name that `--fail-on` takes.
DATA_CHECKS: Final = {
    "differs": DataCheck(
        "ledger_reconciliation",
        "count(*) filter (where state = 'differs')",
        "{count} wallets hold something else than their ledger says (see ledger_reconciliation)",
    ),
    "rejected": DataCheck(
        "freshness",
        "max(rejections_since_complete)",
        "{count} records were rejected since the last complete snapshot (see rejections)",
    ),
    "failed": DataCheck(
        "freshness",
        "max(failures_since_complete)",
        "{count} things could not be read since the last complete snapshot (see fetch_failures)",
    ),
}


def failed_checks(
    connection: DuckDBPyConnection, schema: str, max_age: timedelta | None, names: Iterable[str]
) -> dict[str, str]:
    """The checks that fail, with a sentence for each.

    Args:
        connection: a warehouse.
        schema: schema of its views.
        max_age: how old the last complete snapshot may be; None for any age.
        names: which of `DATA_CHECKS` to make.

    Raises:
        ConfigurationError: where the warehouse has no view that could tell.
    """
    failed = {}
    if max_age is not None and (sentence := _too_old(connection, schema, max_age)):
        failed[MAX_AGE] = sentence
    for name in names:
        check = DATA_CHECKS[name]
        if count := _count(connection, schema, name, check):
            failed[name] = check.found.format(count=count)
    return failed


def _too_old(connection: DuckDBPyConnection, schema: str, max_age: timedelta) -> str | None:
    [(seconds,)] = connection.execute(
        f"select last_complete_snapshot_age_seconds from {quoted(schema)}.freshness"
    ).fetchall()
    if seconds is None:
        return "there is no complete snapshot yet"
    if seconds <= max_age.total_seconds():
        return None
    age = written_duration(timedelta(seconds=seconds))
    return f"the last complete snapshot is {age} old, more than {written_duration(max_age)}"


def _count(connection: DuckDBPyConnection, schema: str, name: str, check: DataCheck) -> int:
    [(is_there,)] = connection.execute(
        "select count(*) from duckdb_views() "
        "where database_name = current_database() and schema_name = ? and view_name = ?",
        [schema, check.view],
    ).fetchall()
    if not is_there:
        raise ConfigurationError(
            f"The warehouse has no view {schema}.{check.view}, which --fail-on {name} needs: load once with this "
            "version of flexprice-wallets, or leave it out."
        )
    [(count,)] = connection.execute(
        f"select {check.count} from {quoted(schema)}.{quoted(check.view)}"
    ).fetchall()
    return int(count or 0)
