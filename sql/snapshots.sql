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
    snapshots.snapshot_id,
    snapshots.tenant_id,
    snapshots.environment_id,

    -- what was asked for, and how it went
    snapshots.scope,
    snapshots.completeness,
    snapshots.include_real_time_balance,
    snapshots.include_credits_available_breakdown,
    snapshots.pipeline_version,

    -- figures
    snapshots.customers_expected,
    snapshots.customers_observed,
    snapshots.customers_failed,
    snapshots.wallets_observed,
    snapshots.wallets_changed,
    snapshots.records_rejected,
    snapshots.api_requests,
    snapshots.api_retries,
    cast(
        extract(epoch from snapshots.finished_at) - extract(epoch from snapshots.started_at) as decimal(18, 3)
    ) as duration_seconds,

    -- times
    cast(snapshots.snapshot_at at time zone 'UTC' as date) as date_day,
    snapshots.snapshot_at,
    snapshots.started_at,
    snapshots.finished_at,
    loads.inserted_at as loaded_at
from snapshots
left join loads on snapshots._dlt_load_id = loads.load_id;
