-- grain: date_day
create or replace view flexprice.completeness_daily as
with
snapshots as (
    select
        *,
        cast(snapshot_at at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
),

failures as (
    select
        snapshot_at,
        count(*) as failures
    from flexprice_raw.fetch_failures
    group by snapshot_at
),

days as (
    select
        snapshots.date_day as date_day,
        count(*) as snapshots,
        count(case when snapshots.scope = 'all' and snapshots.completeness = 'complete' then 1 end)
            as complete_snapshots,
        count(case when snapshots.completeness = 'partial' then 1 end) as partial_snapshots,
        count(case when snapshots.scope = 'selected' then 1 end) as selected_snapshots,
        sum(coalesce(failures.failures, 0)) as failures,
        sum(snapshots.records_rejected) as rejections,
        min(snapshots.snapshot_at) as first_snapshot_at,
        max(snapshots.snapshot_at) as last_snapshot_at,
        max(case when snapshots.scope = 'all' then snapshots.snapshot_at end) as last_all_at
    from snapshots
    left join failures on snapshots.snapshot_at = failures.snapshot_at
    group by snapshots.date_day
)

select
    -- ids
    calendar.date_day as date_day,
    case
        when days.complete_snapshots > 0 then 'complete'
        when days.last_all_at is not null then 'partial'
        when days.snapshots > 0 then 'selected'
        else 'none'
    end as completeness,

    -- figures
    cast(coalesce(days.snapshots, 0) as bigint) as snapshots,
    cast(coalesce(days.complete_snapshots, 0) as bigint) as complete_snapshots,
    cast(coalesce(days.partial_snapshots, 0) as bigint) as partial_snapshots,
    cast(coalesce(days.selected_snapshots, 0) as bigint) as selected_snapshots,
    cast(coalesce(days.failures, 0) as bigint) as failures,
    cast(coalesce(days.rejections, 0) as bigint) as rejections,
    last_all.customers_expected as customers_expected,
    last_all.customers_observed as customers_observed,
    last_all.wallets_observed as wallets_observed,

    -- times
    days.first_snapshot_at as first_snapshot_at,
    days.last_snapshot_at as last_snapshot_at
from flexprice_raw.stored_calendar as calendar
left join days on calendar.date_day = days.date_day
left join flexprice_raw.snapshots as last_all on days.last_all_at = last_all.snapshot_at;
