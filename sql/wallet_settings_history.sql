-- grain: wallet, valid_from
create or replace view flexprice.wallet_settings_history as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
versions as (
    select * from flexprice_raw.wallets
),

auto_topups as (
    select * from flexprice_raw.wallet_auto_topups
),

price_types as (
    select
        wallet_id,
        customer_id,
        snapshot_at,
        case
            when max(case when price_type = 'ALL' then 1 else 0 end) = 1 then 'ALL'
            else string_agg(price_type, ', ' order by price_type)
        end as allowed_price_types
    from flexprice_raw.wallet_allowed_price_types
    group by wallet_id, customer_id, snapshot_at
),

closed_intervals as (
    select * from flexprice_raw.stored_settings_intervals
),

intervals as (
    select
        versions.*,
        versions.snapshot_at as valid_from,
        closed_intervals.valid_to as valid_to
    from versions
    left join closed_intervals
        on versions.wallet_id = closed_intervals.wallet_id and versions.snapshot_at = closed_intervals.valid_from
)

select
    -- ids
    intervals.wallet_id as wallet_id,
    intervals.customer_id as customer_id,
    intervals.tenant_id as tenant_id,
    intervals.environment_id as environment_id,
    intervals.currency as currency,

    -- settings
    intervals.name as name,
    intervals.description as description,
    intervals.wallet_type as wallet_type,
    intervals.wallet_status as wallet_status,
    intervals.record_status as record_status,
    intervals.is_listed as is_listed,
    intervals.ended as ended,
    intervals.conversion_rate as conversion_rate,
    intervals.topup_conversion_rate as topup_conversion_rate,
    -- No restriction and ALL are the same; what could not be read is unknown.
    case
        when price_types.allowed_price_types is not null then price_types.allowed_price_types
        when cast(intervals.unreadable_fields as varchar) like '%allowed_price_types%' then null
        else 'ALL'
    end as allowed_price_types,
    intervals.alert_enabled as alert_enabled,
    intervals.alert_state as alert_state,
    threshold_default.threshold_type as alert_threshold_default_type,
    threshold_default.threshold as alert_threshold_default,
    threshold_default.condition as alert_condition_default,
    threshold_critical.threshold as alert_threshold_critical,
    threshold_critical.condition as alert_condition_critical,
    threshold_warning.threshold as alert_threshold_warning,
    threshold_warning.condition as alert_condition_warning,
    threshold_info.threshold as alert_threshold_info,
    threshold_info.condition as alert_condition_info,
    auto_topups.is_enabled as auto_topup_enabled,
    auto_topups.threshold as auto_topup_threshold,
    auto_topups.amount as auto_topup_amount,
    auto_topups.is_invoiced as auto_topup_invoiced,
    auto_topups.cooldown_value as auto_topup_cooldown_value,
    auto_topups.cooldown_unit as auto_topup_cooldown_unit,
    cast(intervals.unrecognized_fields as varchar) as unrecognized_fields,
    cast(intervals.unreadable_fields as varchar) as unreadable_fields,

    -- times
    intervals.valid_from as valid_from,
    intervals.valid_to as valid_to,
    intervals.valid_to is null as is_current,
    intervals.observed_at as observed_at,
    intervals.source_created_at as source_created_at,
    intervals.source_updated_at as source_updated_at
from intervals
left join flexprice_raw.wallet_alert_thresholds as threshold_default
    on
        intervals.wallet_id = threshold_default.wallet_id
        and intervals.snapshot_at = threshold_default.snapshot_at
        and threshold_default.level = 'default'
left join flexprice_raw.wallet_alert_thresholds as threshold_critical
    on
        intervals.wallet_id = threshold_critical.wallet_id
        and intervals.snapshot_at = threshold_critical.snapshot_at
        and threshold_critical.level = 'critical'
left join flexprice_raw.wallet_alert_thresholds as threshold_warning
    on
        intervals.wallet_id = threshold_warning.wallet_id
        and intervals.snapshot_at = threshold_warning.snapshot_at
        and threshold_warning.level = 'warning'
left join flexprice_raw.wallet_alert_thresholds as threshold_info
    on
        intervals.wallet_id = threshold_info.wallet_id
        and intervals.snapshot_at = threshold_info.snapshot_at
        and threshold_info.level = 'info'
left join auto_topups
    on intervals.wallet_id = auto_topups.wallet_id and intervals.snapshot_at = auto_topups.snapshot_at
left join price_types
    on
        intervals.wallet_id = price_types.wallet_id
        and intervals.customer_id = price_types.customer_id
        and intervals.snapshot_at = price_types.snapshot_at;
