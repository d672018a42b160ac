-- grain: wallet
create or replace view flexprice.wallets as
with
stored_wallets as (
    select * from flexprice_raw.stored_wallets
),

settings as (
    select * from flexprice_raw.wallets
),

thresholds as not materialized (
    select * from flexprice_raw.wallet_alert_thresholds
),

auto_topups as (
    select * from flexprice_raw.wallet_auto_topups
),

price_types as (
    select
        stored_wallets.wallet_id,
        stored_wallets.customer_id,
        string_agg(allowed.price_type, ', ' order by allowed.price_type) as allowed_price_types
    from flexprice_raw.stored_wallets as stored_wallets
    inner join flexprice_raw.wallet_allowed_price_types as allowed
        on
            stored_wallets.wallet_id = allowed.wallet_id
            and stored_wallets.settings_snapshot_at = allowed.snapshot_at
    group by stored_wallets.wallet_id, stored_wallets.customer_id
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all'
),

unobserved as (
    select missed.*
    from flexprice_raw.stored_unobserved_wallets as missed
    inner join last_snapshot on missed.snapshot_at = last_snapshot.snapshot_at
),

selected as (
    select
        wallet_id,
        max(snapshot_at) as snapshot_at
    from flexprice_raw.stored_selected_wallets
    group by wallet_id
)

select
    -- ids
    stored_wallets.wallet_id,
    stored_wallets.customer_id,
    settings.tenant_id,
    settings.environment_id,
    coalesce(stored_wallets.currency, settings.currency) as currency,

    -- settings
    settings.name,
    settings.description,
    settings.wallet_type,
    settings.wallet_status,
    settings.record_status,
    stored_wallets.is_listed,
    stored_wallets.ended,
    stored_wallets.life_number,
    settings.conversion_rate,
    settings.topup_conversion_rate,
    price_types.allowed_price_types,
    settings.alert_enabled,
    settings.alert_state,
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
    settings.unrecognized_fields,
    settings.unreadable_fields,

    -- figures
    stored_wallets.balance,
    stored_wallets.credit_balance,
    stored_wallets.real_time_balance,
    stored_wallets.real_time_credit_balance,
    stored_wallets.pending_amount,
    stored_wallets.current_period_usage,
    stored_wallets.unpaid_invoices_amount,
    stored_wallets.free_credits,
    stored_wallets.purchased_credits,
    stored_wallets.other_credits,

    -- times
    stored_wallets.first_observed_at,
    case
        when stored_wallets.ended is not null then stored_wallets.ended_at
        else
            greatest(
                stored_wallets.life_started_at,
                stored_wallets.valid_from,
                case
                    when unobserved.wallet_id is null then last_snapshot.snapshot_at
                    else unobserved.last_observed_at
                end,
                selected.snapshot_at
            )
    end as last_observed_at,
    stored_wallets.life_started_at,
    stored_wallets.ended_at,
    stored_wallets.valid_from as balance_valid_from,
    stored_wallets.balance_observed_at,
    stored_wallets.real_time_observed_at,
    stored_wallets.credits_observed_at,
    stored_wallets.settings_snapshot_at as settings_valid_from,
    settings.source_created_at,
    settings.source_updated_at
from stored_wallets
cross join last_snapshot
left join unobserved on stored_wallets.wallet_id = unobserved.wallet_id
left join selected on stored_wallets.wallet_id = selected.wallet_id
left join settings
    on stored_wallets.wallet_id = settings.wallet_id and stored_wallets.settings_snapshot_at = settings.snapshot_at
left join thresholds as threshold_default
    on
        stored_wallets.wallet_id = threshold_default.wallet_id
        and stored_wallets.settings_snapshot_at = threshold_default.snapshot_at
        and threshold_default.level = 'default'
left join thresholds as threshold_critical
    on
        stored_wallets.wallet_id = threshold_critical.wallet_id
        and stored_wallets.settings_snapshot_at = threshold_critical.snapshot_at
        and threshold_critical.level = 'critical'
left join thresholds as threshold_warning
    on
        stored_wallets.wallet_id = threshold_warning.wallet_id
        and stored_wallets.settings_snapshot_at = threshold_warning.snapshot_at
        and threshold_warning.level = 'warning'
left join thresholds as threshold_info
    on
        stored_wallets.wallet_id = threshold_info.wallet_id
        and stored_wallets.settings_snapshot_at = threshold_info.snapshot_at
        and threshold_info.level = 'info'
left join auto_topups
    on
        stored_wallets.wallet_id = auto_topups.wallet_id
        and stored_wallets.settings_snapshot_at = auto_topups.snapshot_at
left join price_types
    on stored_wallets.wallet_id = price_types.wallet_id and stored_wallets.customer_id = price_types.customer_id;
