-- grain: snapshot
create or replace view flexprice.snapshots as
with
snapshots as (
    select * from flexprice_raw.snapshots
),

loads as (
    select * from flexprice_raw._dlt_loads
)

select
    -- ids
    snapshots.snapshot_id as snapshot_id,
    snapshots.tenant_id as tenant_id,
    snapshots.environment_id as environment_id,

    -- what was asked for, and how it went
    snapshots.scope as scope,
    snapshots.completeness as completeness,
    snapshots.include_real_time_balance as include_real_time_balance,
    snapshots.include_credits_available_breakdown as include_credits_available_breakdown,
    snapshots.ledger as ledger,
    snapshots.pipeline_version as pipeline_version,

    -- figures
    snapshots.customers_expected as customers_expected,
    snapshots.customers_observed as customers_observed,
    snapshots.customers_failed as customers_failed,
    snapshots.wallets_observed as wallets_observed,
    snapshots.wallets_changed as wallets_changed,
    snapshots.transactions_observed as transactions_observed,
    snapshots.transactions_changed as transactions_changed,
    snapshots.records_rejected as records_rejected,
    snapshots.api_requests as api_requests,
    snapshots.api_retries as api_retries,
    -- Microseconds first, exactly: a binary fraction would round halves down in one engine and up in the other.
    cast(
        cast(extract(epoch from snapshots.finished_at) as decimal(18, 6))
        - cast(extract(epoch from snapshots.started_at) as decimal(18, 6)) as decimal(18, 3)
    ) as duration_seconds,

    -- times
    cast(snapshots.snapshot_at at time zone 'UTC' as date) as date_day,
    snapshots.snapshot_at as snapshot_at,
    snapshots.started_at as started_at,
    snapshots.finished_at as finished_at,
    snapshots.ledger_read_to as ledger_read_to,
    loads.inserted_at as loaded_at
from snapshots
left join loads on snapshots._dlt_load_id = loads.load_id;
