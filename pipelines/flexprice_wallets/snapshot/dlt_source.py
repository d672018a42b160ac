"""The public dlt source: one snapshot of wallets, with a resource for each table."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.libs.pyarrow import py_arrow_to_table_schema_columns
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.common.typing import ConfigValueSentinel
from dlt.extract import DltResource, DltSource

from flexprice_wallets.configuration import checked_api_key, environment_value
from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records.columns import Table
from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.snapshot.arrow import arrow_schema
from flexprice_wallets.snapshot.ledger_rows import read_ledger_before
from flexprice_wallets.snapshot.options import LoadOptions
from flexprice_wallets.snapshot.read_known import read_known
from flexprice_wallets.snapshot.snapshot_time import in_utc
from flexprice_wallets.snapshot.source import (
    SOURCE_NAME,
    Before,
    WarehouseVersions,
    snapshot_tables,
)
from flexprice_wallets.warehouse.database import last_snapshot_at, open_database, open_published
from flexprice_wallets.warehouse.paths import WarehousePaths


def flexprice_source(
    *,
    api_key: str | Secret | None = dlt.secrets.value,
    base_url: str | None = dlt.config.value,
    environment_id: str | None = dlt.config.value,
    include_real_time_balance: bool = True,
    include_credits_available_breakdown: bool = True,
    include_ledger: bool = True,
    customer_ids: Sequence[str] = (),
    lookup_keys: Sequence[str] = (),
    snapshot_at: datetime | None = None,
    warehouse: str | os.PathLike[str] | None = None,
    raw_schema: str = "flexprice_raw",
    workers: int = 64,
) -> DltSource:
    """A dlt source of one snapshot of wallets, for a dlt pipeline of your own: a resource for each table.

    Resources give Arrow tables. Requests begin when dlt extracts, and each customer's wallets are read once, however
    many resources are selected. Columns that are JSON in a warehouse are text.

    Args:
        api_key: Flexprice API key, a text or a `Secret`. What is not given is taken from FLEXPRICE_API_KEY, then from
            dlt's providers: `api_key` under `sources.flexprice_wallets` and in no other section.
        base_url: Base URL of the API, `/v1` included; configured in the same way, and Flexprice's own without that.
        environment_id: Flexprice environment, for a key that is not bound to one; configured in the same way.
        include_real_time_balance: Ask for real-time figures.
        include_credits_available_breakdown: Ask for the breakdown of available credits (needs the real-time figures).
        include_ledger: Read the ledger. Where a snapshot's `ledger` is not 'complete', its transactions are only some
            of those that there are; where one stands in it twice, the later `source_updated_at` counts.
        customer_ids: Flexprice ids of the customers to read; none and no lookup keys means all.
        lookup_keys: The same by their ids in your own system.
        snapshot_at: Logical time of the snapshot, aware; without it the clock's.
        warehouse: A warehouse file of `flexprice-wallets load` to compare with. Without it every record is new, and the
            snapshot is a whole one.
        raw_schema: The schema of that file's tables.
        workers: The most requests that may be under way at once; how many are finds itself.

    Raises:
        ConfigurationError: where an option is missing or wrong.
        FlexpriceWalletsError: in dlt's extract step, as the cause of dlt's exception, where the run must be given up.
    """
    _check(customer_ids, lookup_keys)
    options = LoadOptions(
        ApiOptions(
            api_key=_api_key(api_key),
            base_url=_configured("base_url", base_url) or DEFAULT_BASE_URL,
            environment_id=_configured("environment_id", environment_id),
            workers=workers,
        ),
        selection=Selection(tuple(customer_ids), tuple(lookup_keys)),
        figures=Figures(
            include_real_time_balance,
            include_credits_available_breakdown and include_real_time_balance,
        ),
        ledger=include_ledger,
        snapshot_at=None if snapshot_at is None else in_utc(snapshot_at),
    )
    options.api.check()

    def read() -> Iterator[tuple[str, pa.Table]]:
        # So that every table is there, with or without rows.
        yield from ((table.name, arrow_schema(table).empty_table()) for table in TABLES)
        yield from snapshot_tables(
            options,
            lambda: _before_of(warehouse, raw_schema),
            lambda: ThreadFeed(open_api(options.api), options.selection, options.figures),
            {},
        )

    return _source(read)


@dlt.source(name=SOURCE_NAME, max_table_nesting=0)
def _source(read: Callable[[], Iterator[tuple[str, pa.Table]]]) -> list[DltResource]:
    # dlt evaluates a resource once for all the transformers of it that are selected.
    snapshot = dlt.resource(read, name="snapshot", selected=False)
    return [_resource(table, snapshot) for table in TABLES]


def _resource(table: Table, snapshot: DltResource) -> DltResource:
    @dlt.transformer(
        data_from=snapshot,
        name=table.name,
        columns=_columns(table),
        primary_key=table.grain,
        write_disposition="append",
    )
    def rows_of(item: tuple[str, pa.Table]) -> Iterator[pa.Table]:
        name, rows = item
        if name == table.name:
            yield rows

    rows_of.apply_hints(additional_table_hints={"description": table.comment})
    return rows_of


def _columns(table: Table) -> TTableSchemaColumns:
    columns = py_arrow_to_table_schema_columns(arrow_schema(table))
    for column in table.columns:
        columns[column.name]["description"] = column.comment
    return columns


def _check(customer_ids: Sequence[str], lookup_keys: Sequence[str]) -> None:
    for name, words in (("customer_ids", customer_ids), ("lookup_keys", lookup_keys)):
        if isinstance(words, str):
            raise ConfigurationError(
                f"{name} is a text, which would be read letter by letter: give a list of texts."
            )


def _api_key(given: Any) -> Secret:
    if given and not isinstance(given, ConfigValueSentinel):
        return given if isinstance(given, Secret) else Secret(given)
    return checked_api_key(environment_value("api_key") or dlt.secrets.get(_key("api_key")))


def _configured(option: str, given: Any) -> str | None:
    if given and not isinstance(given, ConfigValueSentinel):
        return str(given)
    value = environment_value(option) or dlt.config.get(_key(option))
    return str(value) if value else None


def _key(option: str) -> str:
    """The option's own section: dlt would take a stranger's `API_KEY` as well, and send it to this API."""
    return f"sources.{SOURCE_NAME}.{option}"


def _before_of(warehouse: str | os.PathLike[str] | None, raw_schema: str) -> Before:
    if warehouse is None:
        return Before()
    path = WarehousePaths.of(warehouse, raw_schema).published
    versions = WarehouseVersions(lambda: open_database(path, read_only=True), raw_schema)
    with open_published(path, raw_schema=raw_schema, schema="flexprice") as connection:
        return Before(
            read_known(connection, raw_schema),
            last_snapshot_at(connection, raw_schema),
            read_ledger_before(connection, raw_schema, lambda: open_database(path, read_only=True)),
            versions,
        )
