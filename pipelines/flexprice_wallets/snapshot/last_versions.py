"""Reads from a warehouse what it last holds: the hashes to compare with, and whole records where they go on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb

from flexprice_wallets.errors import WarehouseTooOld
from flexprice_wallets.records.records import (
    AlertThreshold,
    AutoTopup,
    CustomerRecord,
    WalletSettings,
)
from flexprice_wallets.records.tables import CUSTOMERS, HASH_RECIPE
from flexprice_wallets.snapshot.known import Known, KnownCustomer, KnownWallet, packed_hashes

_CHUNK = 5_000
_FIRST_CUSTOMER_COLUMN = CUSTOMERS.column_names.index("external_id")
_SETTINGS_COLUMNS = (
    "name",
    "description",
    "currency",
    "wallet_type",
    "wallet_status",
    "record_status",
    "conversion_rate",
    "topup_conversion_rate",
    "alert_enabled",
    "alert_state",
    "tenant_id",
    "environment_id",
    "source_created_at",
    "source_updated_at",
    "created_by",
    "updated_by",
    "unrecognized_fields",
    "unreadable_fields",
)


def read_known(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> Known:
    """What a warehouse holds, by its derived tables, which must be up to date.

    Raises:
        WarehouseTooOld: where its hashes were made in another way, so that everything would seem changed.
    """
    [(tenant_id, environment_id, hash_recipe)] = connection.execute(
        f'select tenant_id, environment_id, hash_recipe from "{raw_schema}".warehouse'
    ).fetchall()
    if hash_recipe != HASH_RECIPE:
        raise WarehouseTooOld(
            f"The warehouse's hashes are made as {hash_recipe!r}, and this program makes them as {HASH_RECIPE!r}, so "
            "they cannot be compared. It was left as it is: load with the version of flexprice-wallets that wrote it, "
            "or name another --database."
        )
    known = Known(tenant_id=tenant_id, environment_id=environment_id, is_first=False)
    customer_ids: dict[str, str] = {}
    connection.execute(
        "select wallet_id, customer_id, coalesce(is_listed, false), ended, settings_hash, balance_hash, "
        "real_time_hash, credits_hash, is_real_time_balance_given, is_credits_available_given "
        f'from "{raw_schema}".stored_wallets'
    )
    while rows := connection.fetchmany(_CHUNK):
        for (
            wallet_id,
            customer_id,
            is_listed,
            ended,
            *hashes,
            real_time_given,
            credits_given,
        ) in rows:
            # One text object for all wallets of a customer keeps a large warehouse small in memory.
            shared = customer_ids.setdefault(customer_id, customer_id)
            known.wallets[wallet_id] = KnownWallet(
                shared,
                is_listed,
                ended,
                packed_hashes(*map(_bytes, hashes)),
                real_time_given,
                credits_given,
            )
    connection.execute(
        f'select customer_id, version_hash, is_listed from "{raw_schema}".stored_customers'
    )
    while rows := connection.fetchmany(_CHUNK):
        for customer_id, version_hash, is_listed in rows:
            shared = customer_ids.setdefault(customer_id, customer_id)
            known.customers[shared] = KnownCustomer(_bytes(version_hash), is_listed)
    return known


def read_last_settings(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, wallet_ids: Sequence[str]
) -> dict[str, WalletSettings]:
    """The settings of the last version of each of the wallets."""
    columns = ", ".join(f"versions.{name}" for name in _SETTINGS_COLUMNS)
    rows = _versions(connection, raw_schema, "wallets", columns, wallet_ids)
    settings = {
        wallet_id: WalletSettings(
            **{
                **dict(zip(_SETTINGS_COLUMNS, values, strict=True)),
                "unreadable_fields": tuple(json.loads(values[-1] or "[]")),
            }
        )
        for wallet_id, *values in rows
    }
    for wallet_id, levels in _children(
        connection,
        raw_schema,
        "wallet_alert_thresholds",
        ("level", "threshold_type", "threshold", "condition"),
        wallet_ids,
    ).items():
        settings[wallet_id].alert_thresholds = tuple(AlertThreshold(*level) for level in levels)
    for wallet_id, topups in _children(
        connection,
        raw_schema,
        "wallet_auto_topups",
        ("is_enabled", "threshold", "amount", "is_invoiced", "cooldown_value", "cooldown_unit"),
        wallet_ids,
    ).items():
        settings[wallet_id].auto_topup = AutoTopup(*topups[0])
    for wallet_id, price_types in _children(
        connection, raw_schema, "wallet_allowed_price_types", ("price_type",), wallet_ids
    ).items():
        settings[wallet_id].allowed_price_types = tuple(price_type for (price_type,) in price_types)
    for wallet_id, pairs in _children(
        connection, raw_schema, "wallet_metadata", ("key", "value"), wallet_ids
    ).items():
        settings[wallet_id].metadata = tuple((key, value) for key, value in pairs)
    return settings


def read_last_customers(
    connection: duckdb.DuckDBPyConnection, raw_schema: str, customer_ids: Sequence[str]
) -> list[CustomerRecord]:
    """The last version of each of the customers."""
    names = CUSTOMERS.column_names[_FIRST_CUSTOMER_COLUMN:]
    columns = ", ".join(f"versions.{name}" for name in names)
    rows = connection.execute(
        f'select versions.customer_id, {columns} from "{raw_schema}".customers as versions '
        f'inner join "{raw_schema}".stored_customers as stored '
        "on versions.customer_id = stored.customer_id and versions.snapshot_at = stored.snapshot_at "
        "where versions.customer_id in (select unnest(?))",
        [list(customer_ids)],
    ).fetchall()
    return [
        CustomerRecord(customer_id, dict(zip(names, values, strict=True)))
        for customer_id, *values in rows
    ]


def _children(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: str,
    names: tuple[str, ...],
    wallet_ids: Sequence[str],
) -> dict[str, list[tuple[Any, ...]]]:
    columns = ", ".join(f'versions."{name}"' for name in names)
    children = defaultdict(list)
    for wallet_id, *values in _versions(connection, raw_schema, table, columns, wallet_ids):
        children[wallet_id].append(tuple(values))
    # Sorted as parsing sorts them, so that the hash of unchanged settings is the same.
    return {
        wallet_id: sorted(rows, key=lambda row: row[0] or "") if len(rows) > 1 else rows
        for wallet_id, rows in children.items()
    }


def _versions(
    connection: duckdb.DuckDBPyConnection,
    raw_schema: str,
    table: str,
    columns: str,
    wallet_ids: Sequence[str],
) -> list[tuple[Any, ...]]:
    return connection.execute(
        f'select versions.wallet_id, {columns} from "{raw_schema}".{table} as versions '
        f'inner join "{raw_schema}".stored_wallets as stored '
        "on versions.wallet_id = stored.wallet_id and versions.snapshot_at = stored.settings_snapshot_at "
        "where versions.wallet_id in (select unnest(?))",
        [list(wallet_ids)],
    ).fetchall()


def _bytes(hexadecimal: str | None) -> bytes:
    return bytes.fromhex(hexadecimal) if hexadecimal else b""
