"""A warehouse with a ledger of any size, as one load after a year left it; made by SQL, derived by the upkeep itself.

A wallet is known by its number w, a transaction of it by its place p, both counted from 0. The places 0, 3, 8, 13 …
are grants, the others debits of a tenth of them, so that something is left of each grant. Of one wallet in ten the
purchases waited for a payment and were completed a day after they were created. One wallet in fifty changed its rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Final

import duckdb

from flexprice_wallets.records.fingerprints import HASH_RECIPE
from flexprice_wallets.records.tables import CONTRACT_VERSION
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.database import create_database
from tests.benchmarks.generated_rows import CHANCE
from tests.views.history import empty_warehouse

#: Rows that are generated at once, about.
_ROWS_AT_ONCE: Final = 2_000_000

_VALUES: Final = (
    CHANCE
    + """
create or replace temp macro ledger_wallet_id(w) as
    format('wallet_01K{:07d}{:08X}{:08X}', w, mix(w, 13), mix(w, 14));
create or replace temp macro ledger_customer_id(w) as
    format('cust_01K{:07d}{:08X}{:08X}', w // 2, mix(w // 2, 11), mix(w // 2, 12));
create or replace temp macro transaction_id_of(w, p) as
    format('wtxn_01K{:010d}{:08X}{:05d}', mix(w, 20 + p), mix(w, 21 + p), p) || format('{:07d}', w);
create or replace temp macro is_grant(p) as p = 0 or p % 5 = 3;
create or replace temp macro unit_of(w) as 1 + mix(w, 15) % 40;
-- The grant that a debit takes from, and how many debits have taken from the grant of a place by another place.
create or replace temp macro grant_of(p) as case when p < 3 then 0 else p - (p - 3) % 5 end;
create or replace temp macro next_grant(p) as case when p = 0 then 3 else p + 5 end;
create or replace temp macro taken(grant_place, last_place) as
    greatest(0, least(next_grant(grant_place) - 1, last_place) - grant_place);
-- What is held after a place, in units: ten for each grant, less one for each debit.
create or replace temp macro units_held(p) as
    11 * (1 + case when p < 3 then 0 else (p - 3) // 5 + 1 end) - (p + 1);
-- Transactions come every 18 days, but never two of one wallet at once.
create or replace temp macro created_at_of(w, p) as
    timestamptz '2025-01-01 00:00:00+00' + to_minutes(p * 25920 + mix(w, 16) % 20000)
    + to_microseconds(mix(w, 40 + p) % 1000000000);
create or replace temp macro waits(w, p) as w % 10 = 7 and is_grant(p) and p % 10 = 3;
create or replace temp macro completed_at_of(w, p) as
    created_at_of(w, p) + case when waits(w, p) then interval 1 day else interval 0 day end;
create or replace temp macro rate_of(w, p) as
    cast(case when w % 50 = 9 and p >= 10 then 0.25 else 0.5 end as decimal(10, 5));

create or replace temp table last_snapshot as
select snapshot_at, strftime(snapshot_at, '%Y-%m-%dT%H:%M:%S.%fZ') as snapshot_id
from (select timestamptz '2026-01-20 03:00:00+00' + to_days($number * 18) as snapshot_at);
"""
)

_POPULATION: Final = """
insert into flexprice_raw.warehouse by name
select $contract_version as contract_version, '$hash_recipe' as hash_recipe;

insert into flexprice_raw.wallets by name
select
    ledger_wallet_id(w) as wallet_id, ledger_customer_id(w) as customer_id, snapshot_id, snapshot_at,
    snapshot_at as observed_at, 'h' as version_hash, 'Wallet ' || w as name, 'usd' as currency,
    'PRE_PAID' as wallet_type, 'active' as wallet_status, 'published' as record_status,
    rate_of(w, 0) as conversion_rate, true as is_listed
from range($wallets) as numbers (w) cross join last_snapshot
order by w;

insert into flexprice_raw.wallet_balances by name
select
    ledger_wallet_id(w) as wallet_id, ledger_customer_id(w) as customer_id, snapshot_id, snapshot_at,
    snapshot_at as observed_at, 'h' as version_hash, 'usd' as currency, rate_of(w, $last_place) as conversion_rate,
    units_held($last_place) * unit_of(w) as credit_balance,
    units_held($last_place) * unit_of(w) * rate_of(w, $last_place) as balance,
    snapshot_at as source_updated_at
from range($wallets) as numbers (w) cross join last_snapshot
order by w;
"""

#: The versions of the places `$first_place` to `$last_place`, and of grants that their debits took from, as the API
#: tells them once `$last_place` is there; of wallets whose number leaves `$every` no rest.
_TRANSACTIONS: Final = """
insert into flexprice_raw.wallet_transactions by name
with
places as (
    select * from range($first_grant, $last_place + 1) as numbers (p)
    where p >= $first_place or is_grant(p) and next_grant(p) > $first_place
),

versions as (
    select
        w,
        p,
        is_grant(p) as is_credit,
        unit_of(w) as unit,
        taken(p, $last_place) as taken
    from range($first_wallet, $end_wallet) as wallets (w)
    cross join places
    where w % $every = 0
)

select
    transaction_id_of(w, p) as transaction_id,
    ledger_wallet_id(w) as wallet_id,
    ledger_customer_id(w) as customer_id,
    snapshot_id,
    snapshot_at,
    snapshot_at as observed_at,
    format('{:08x}{:08x}', mix(w, 100 + p), mix(w, 200 + taken)) as version_hash,
    case when is_credit then 'credit' else 'debit' end as transaction_type,
    'completed' as transaction_status,
    case
        when not is_credit then case when p % 10 = 2 then 'MANUAL_BALANCE_DEBIT' else 'INVOICE_PAYMENT' end
        when waits(w, p) then 'PURCHASED_CREDIT_INVOICED'
        when p % 2 = 0 then 'FREE_CREDIT_GRANT'
        else 'PURCHASED_CREDIT_DIRECT'
    end as transaction_reason,
    'published' as record_status,
    'usd' as currency,
    case when is_credit then 10 * unit else unit end as credit_amount,
    credit_amount * rate_of(w, p) as amount,
    units_held(p) * unit as credit_balance_after,
    case when is_credit then (units_held(p) - 10) * unit else (units_held(p) + 1) * unit end
        as credit_balance_before,
    case when is_credit then (10 - taken) * unit else 0 end as credits_available,
    case when not is_credit then rate_of(w, p) end as conversion_rate,
    case when is_credit then rate_of(w, p) end as topup_conversion_rate,
    case when is_credit and p % 2 = 0 then created_at_of(w, p + 40) end as expires_at,
    case when is_credit then 1 end as priority,
    case when is_credit then 'EXTERNAL' else 'INVOICE' end as reference_type,
    'ref_' || transaction_id[6:] as reference_id,
    case when is_credit then null else 'Payment of an invoice' end as description,
    case when not is_credit
        then json_object('consumed_credit_tx_ids', transaction_id_of(w, grant_of(p)))
    end as metadata,
    created_at_of(w, p) as source_created_at,
    case when is_credit and taken > 0 then completed_at_of(w, p + taken) else completed_at_of(w, p) end
        as source_updated_at,
    'tenant_1' as tenant_id,
    'env_1' as environment_id,
    'system' as created_by,
    'system' as updated_by
from versions
cross join last_snapshot
order by source_updated_at, transaction_id;
"""

_SNAPSHOT: Final = """
insert into flexprice_raw.snapshots by name
select
    snapshot_id, snapshot_at, snapshot_at as started_at, snapshot_at + interval 10 minute as finished_at,
    'complete' as completeness, 'all' as scope, true as include_real_time_balance,
    true as include_credits_available_breakdown, ($wallets + 1) // 2 as customers_expected,
    ($wallets + 1) // 2 as customers_observed, 0 as customers_failed, $wallets as wallets_observed,
    0 as wallets_changed, 0 as records_rejected, 1 as api_requests, 0 as api_retries, 'complete' as ledger,
    snapshot_at as ledger_read_to, 0 as transactions_observed, 0 as transactions_changed, '1.0.0' as pipeline_version,
    snapshot_id as _dlt_load_id
from last_snapshot;

insert into flexprice_raw._dlt_loads by name
select snapshot_id as load_id, 0 as status, snapshot_at as inserted_at from last_snapshot;
"""


@dataclass(frozen=True)
class LedgerScale:
    """How much there is."""

    wallets: int
    transactions_per_wallet: int = 20

    @property
    def transactions(self) -> int:
        return self.wallets * self.transactions_per_wallet


def generate_ledger(path: Path, scale: LedgerScale) -> None:
    """Write the tables that a first load of that ledger writes into a new file, and create the views over them.

    Nothing is derived yet.
    """
    create_database(path)
    with empty_warehouse(str(path)) as connection:
        connection.execute(
            "set timezone = 'UTC'; set wal_autocheckpoint = '1TB'; set memory_limit = '6GB'"
        )
        create_views(connection)
        last_place = scale.transactions_per_wallet - 1
        _run(connection, _VALUES + _POPULATION + _SNAPSHOT, scale, number=0, last_place=last_place)
        step = max(1, _ROWS_AT_ONCE // scale.transactions_per_wallet)
        for first_wallet in range(0, scale.wallets, step):
            _run(
                connection,
                _TRANSACTIONS,
                scale,
                first_wallet=first_wallet,
                end_wallet=min(first_wallet + step, scale.wallets),
                every=1,
                first_place=0,
                first_grant=0,
                last_place=last_place,
            )
        connection.execute("checkpoint")


def write_ledger_snapshot(
    connection: duckdb.DuckDBPyConnection, scale: LedgerScale, number: int, *, every: int | None
) -> None:
    """Append the snapshot of a number, counted from 1, in which every so-many-th wallet has one transaction more.

    Only the tables that a load of the ledger writes are written. With the transaction comes a changed version of the
    grant that it took from. For `every` None the snapshot finds nothing new.
    """
    _run(connection, _VALUES + _SNAPSHOT, scale, number=number)
    if every is not None:
        place = scale.transactions_per_wallet - 1 + number
        _run(
            connection,
            _TRANSACTIONS,
            scale,
            first_wallet=0,
            end_wallet=scale.wallets,
            every=every,
            first_place=place,
            first_grant=max(0, place - 8),
            last_place=place,
        )


def ledger_wallet_id(number: int) -> str:
    """Return the id of the wallet of that number."""
    with duckdb.connect() as connection:
        connection.execute(Template(_VALUES).safe_substitute(number=0))
        [(answer,)] = connection.execute(f"select ledger_wallet_id({number})").fetchall()
    return str(answer)


def _run(
    connection: duckdb.DuckDBPyConnection, script: str, scale: LedgerScale, **values: int
) -> None:
    connection.execute(
        Template(script).substitute(
            wallets=scale.wallets,
            contract_version=CONTRACT_VERSION,
            hash_recipe=HASH_RECIPE,
            **values,
        )
    )
