"""Reads what a warehouse last holds, as far as comparing needs it."""

from __future__ import annotations

import duckdb

from flexprice_wallets.snapshot.known import Known, KnownRejection, packed_hashes
from flexprice_wallets.warehouse.stored_versions import fetched


def read_known(connection: duckdb.DuckDBPyConnection, raw_schema: str) -> Known:
    """What a warehouse holds, by its derived tables, which must be up to date."""
    [(tenant_id, environment_id)] = connection.execute(
        f'select tenant_id, environment_id from "{raw_schema}".warehouse'
    ).fetchall()
    known = Known(tenant_id=tenant_id, environment_id=environment_id, is_first=False)
    # In the order of their ids, in which they take the least memory.
    for customer_id, version_hash, is_listed in fetched(
        connection,
        f'select customer_id, version_hash, is_listed from "{raw_schema}".stored_customers order by customer_id',
    ):
        known.customers.add(customer_id, _bytes(version_hash), is_listed=is_listed)
    for (customer_id,) in fetched(
        connection,
        f'select distinct customer_id from "{raw_schema}".stored_wallets order by customer_id',
    ):
        known.wallets.expect_customer(customer_id)
    for row in fetched(
        connection,
        "select wallet_id, customer_id, coalesce(is_listed, false), ended, settings_hash, balance_hash, "
        "real_time_hash, credits_hash, is_real_time_balance_given, is_credits_available_given "
        f'from "{raw_schema}".stored_wallets order by wallet_id',
    ):
        wallet_id, customer_id, is_listed, ended, *hashes, real_time_given, credits_given = row
        known.wallets.add(
            wallet_id,
            customer_id,
            is_listed=is_listed,
            ended=ended,
            hashes=packed_hashes(*map(_bytes, hashes)),
            is_real_time_given=real_time_given,
            is_credits_given=credits_given,
        )
    for key, *about in fetched(connection, _open_rejections(raw_schema)):
        known.rejections[key] = KnownRejection(*about)
    return known


def _open_rejections(raw_schema: str) -> str:
    """The query for the rejections that held after the last snapshot."""
    return f"""
        select rejected.rejection_hash, rejected.resource, rejected.customer_id, rejected.wallet_id,
            rejected.transaction_id
        from "{raw_schema}".rejected_records as rejected
        left join "{raw_schema}".rejections_cleared as cleared
            on rejected.rejection_hash = cleared.rejection_hash
            and rejected.snapshot_at < cleared.snapshot_at
        where cleared.rejection_hash is null
    """


def _bytes(hexadecimal: str | None) -> bytes:
    return bytes.fromhex(hexadecimal) if hexadecimal else b""
