"""A warehouse of any size, as a year of loads would have left it, without the loads.

What happens to a wallet is computed from its number, so every run makes the same warehouse, and both the tables that a
load writes and those derived from them can be written at once, each in the order in which loads append to them.
Replaying a million wallets would take a quarter of an hour; that it makes the same derived tables is tested on few.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

import duckdb

from flexprice_wallets.records.fingerprints import HASH_RECIPE
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.database import create_database
from flexprice_wallets.warehouse.descriptions import upkeep_version
from tests.benchmarks import generated_rows as rows
from tests.benchmarks import generated_stored_rows as stored_rows
from tests.views.history import empty_warehouse


@dataclass(frozen=True)
class Scale:
    """How much there is. Most wallets have a version of their balance in each period of `spread` snapshots."""

    wallets: int
    versions: int = 22
    spread: int = 25

    @property
    def snapshots(self) -> int:
        """The first one sees all wallets but the late ones."""
        return 1 + (self.versions - 1) * self.spread


def generate(path: Path, scale: Scale) -> None:
    """Write the warehouse of that scale, with its views, into a new file."""
    create_database(path)
    connection = empty_warehouse(str(path))
    try:
        connection.execute(
            "set timezone = 'UTC'; set memory_limit = '6GB'; set wal_autocheckpoint = '1TB'"
        )
        # Makes the derived tables, which `create_views` would do as well, but after they are needed.
        create_views(connection)
        _run(connection, rows.VALUES + rows.POPULATION, scale)
        for version in range(scale.versions):
            _run(
                connection,
                rows.EVENTS + rows.RAW_TABLES + stored_rows.INTERVALS,
                scale,
                version=version,
            )
        _run(
            connection,
            rows.FAILURES
            + stored_rows.CURRENT
            + stored_rows.MOVES
            + rows.SNAPSHOTS
            + stored_rows.OBSERVATIONS,
            scale,
        )
        connection.execute("checkpoint")
    finally:
        connection.close()


def wallet_id(number: int) -> str:
    """Return the id of the wallet of that number, counted from 0; customer n has the wallets 2n and 2n + 1."""
    return _ask(f"select wallet_id_of({number})")


def customer_id(number: int) -> str:
    """Return the id of the customer of that number."""
    return _ask(f"select customer_id_of({number})")


def write_snapshot(connection: duckdb.DuckDBPyConnection, *, every: int | None) -> int:
    """Append one more snapshot, in which every so-many-th living wallet holds a credit more; returns how many did.

    Only the tables that a load writes are written.
    """
    raw = "flexprice_raw"
    connection.execute(f"""
        create or replace temp table next_snapshot as
        select
            strftime(snapshot_at, '%Y-%m-%dT%H:%M:%S.%fZ') as snapshot_id,
            snapshot_at
        from (select max(snapshot_at) + interval 1000 minute as snapshot_at from {raw}.snapshots)
    """)
    connection.execute(f"""
        insert into {raw}.snapshots by name
        select * replace (
            next_snapshot.snapshot_id as snapshot_id,
            next_snapshot.snapshot_at as snapshot_at,
            next_snapshot.snapshot_at as started_at,
            next_snapshot.snapshot_at + interval 10 minute as finished_at
        )
        from {raw}.snapshots cross join next_snapshot
        where snapshots.snapshot_at = (select max(snapshot_at) from {raw}.snapshots)
    """)
    if every is None:
        return 0
    connection.execute(f"""
        create or replace temp table changed as
        select stored_wallets.*, next_snapshot.*, next_snapshot.snapshot_at + interval 1 minute as observed_at
        from {raw}.stored_wallets cross join next_snapshot
        where ended is null and is_listed and cast(wallet_id[11:17] as bigint) % {every} = 0
        order by wallet_id;

        insert into {raw}.wallet_balances by name
        select
            wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, currency, conversion_rate,
            balance + conversion_rate as balance, credit_balance + 1 as credit_balance,
            reverse(balance_hash) as version_hash
        from changed;

        insert into {raw}.wallet_real_time_balances by name
        select
            wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, currency,
            real_time_balance + conversion_rate as real_time_balance,
            real_time_credit_balance + 1 as real_time_credit_balance, pending_amount,
            current_period_usage, unpaid_invoices_amount, false as is_cached_fallback,
            reverse(real_time_hash) as version_hash
        from changed;

        insert into {raw}.wallet_credits_available by name
        select
            wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, currency,
            kinds.credit_type,
            case when credit_type = 'free' then free_credits else purchased_credits + 1 end as credits_available,
            reverse(credits_hash) as version_hash
        from changed cross join (values ('free'), ('purchased')) as kinds (credit_type);
    """)
    [(count,)] = connection.execute("select count(*) from changed").fetchall()
    return int(count)


def _run(connection: duckdb.DuckDBPyConnection, script: str, scale: Scale, **values: int) -> None:
    connection.execute(
        Template(script).substitute(
            wallets=scale.wallets,
            versions=scale.versions,
            spread=scale.spread,
            snapshots=scale.snapshots,
            # When late wallets appear, and when some are frozen or closed.
            late=scale.versions // 8 * 4,
            half=scale.versions // 2,
            contract_version=CONTRACT_VERSION,
            hash_recipe=HASH_RECIPE,
            upkeep_version=upkeep_version(),
            **values,
        )
    )


def _ask(question: str) -> str:
    with duckdb.connect() as connection:
        connection.execute(rows.VALUES)
        [(answer,)] = connection.execute(question).fetchall()
    return str(answer)
