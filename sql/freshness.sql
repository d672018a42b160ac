-- grain: one row
create or replace view flexprice.freshness as
with
snapshots as (
    select * from flexprice_raw.snapshots
),

fetch_failures as (
    select * from flexprice_raw.fetch_failures
),

last_times as (
    select
        max(snapshot_at) as last_snapshot_at,
        max(case when scope = 'all' and completeness = 'complete' then snapshot_at end) as last_complete_snapshot_at,
        max(case when scope = 'all' and ledger = 'complete' then snapshot_at end) as last_ledger_at,
        max(ledger_read_to) as ledger_read_to,
        count(*) as snapshots
    from snapshots
),

last_snapshot as (
    select
        snapshots.snapshot_id as snapshot_id,
        snapshots.scope as scope,
        snapshots.completeness as completeness
    from snapshots
    inner join last_times on snapshots.snapshot_at = last_times.last_snapshot_at
),

-- Everything after the last complete snapshot, or ever, if none was complete.
failed_since as (
    select
        count(*) as failures,
        count(distinct fetch_failures.customer_id) as customers
    from fetch_failures
    cross join last_times
    where
        last_times.last_complete_snapshot_at is null
        or fetch_failures.snapshot_at > last_times.last_complete_snapshot_at
),

rejected_since as (
    select coalesce(cast(sum(snapshots.records_rejected) as bigint), 0) as rejections
    from snapshots
    cross join last_times
    where
        last_times.last_complete_snapshot_at is null
        or snapshots.snapshot_at > last_times.last_complete_snapshot_at
),

snapshots_since as (
    select
        count(case when snapshots.completeness = 'partial' then 1 end) as partial_snapshots,
        count(case when snapshots.scope = 'selected' then 1 end) as selected_snapshots
    from snapshots
    cross join last_times
    where
        last_times.last_complete_snapshot_at is null
        or snapshots.snapshot_at > last_times.last_complete_snapshot_at
)

select
    -- ids
    last_snapshot.snapshot_id as last_snapshot_id,
    last_snapshot.scope as last_snapshot_scope,
    last_snapshot.completeness as last_snapshot_completeness,

    -- figures
    last_times.snapshots as snapshots,
    cast(
        floor(extract(epoch from current_timestamp) - extract(epoch from last_times.last_snapshot_at)) as bigint
    ) as last_snapshot_age_seconds,
    cast(
        floor(extract(epoch from current_timestamp) - extract(epoch from last_times.last_complete_snapshot_at))
        as bigint
    ) as last_complete_snapshot_age_seconds,
    snapshots_since.partial_snapshots as partial_snapshots_since_complete,
    snapshots_since.selected_snapshots as selected_snapshots_since_complete,
    failed_since.failures as failures_since_complete,
    failed_since.customers as customers_failed_since_complete,
    rejected_since.rejections as rejections_since_complete,

    -- times
    last_times.last_snapshot_at as last_snapshot_at,
    last_times.last_complete_snapshot_at as last_complete_snapshot_at,
    last_times.last_ledger_at as last_ledger_at,
    last_times.ledger_read_to as ledger_read_to
from last_times
left join last_snapshot on 1 = 1
cross join failed_since
cross join rejected_since
cross join snapshots_since;
