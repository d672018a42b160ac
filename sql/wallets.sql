-- grain: wallet
create or replace view flexprice.wallets as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
stored_wallets as (
    select * from flexprice_raw.stored_wallets
),

settings as (
    select * from flexprice_raw.wallets
),

auto_topups as (
    select * from flexprice_raw.wallet_auto_topups
),

-- Of every version of settings. The customer's id is there for those who ask for one customer.
thresholds as (
    select
        wallet_id,
        customer_id,
        snapshot_at,
        max(case when level = 'default' then threshold_type end) as alert_threshold_default_type,
        max(case when level = 'default' then threshold end) as alert_threshold_default,
        max(case when level = 'default' then condition end) as alert_condition_default,
        max(case when level = 'critical' then threshold end) as alert_threshold_critical,
        max(case when level = 'critical' then condition end) as alert_condition_critical,
        max(case when level = 'warning' then threshold end) as alert_threshold_warning,
        max(case when level = 'warning' then condition end) as alert_condition_warning,
        max(case when level = 'info' then threshold end) as alert_threshold_info,
        max(case when level = 'info' then condition end) as alert_condition_info
    from flexprice_raw.wallet_alert_thresholds
    group by wallet_id, customer_id, snapshot_at
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

last_snapshot as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all'
)

select
    -- ids
    stored_wallets.wallet_id as wallet_id,
    stored_wallets.customer_id as customer_id,
    settings.tenant_id as tenant_id,
    settings.environment_id as environment_id,
    coalesce(stored_wallets.currency, settings.currency) as currency,

    -- settings
    settings.name as name,
    settings.description as description,
    settings.wallet_type as wallet_type,
    settings.wallet_status as wallet_status,
    settings.record_status as record_status,
    stored_wallets.is_listed as is_listed,
    stored_wallets.ended as ended,
    stored_wallets.life_number as life_number,
    settings.conversion_rate as conversion_rate,
    settings.topup_conversion_rate as topup_conversion_rate,
    -- No restriction and ALL are the same; what could not be read is unknown.
    case
        when price_types.allowed_price_types is not null then price_types.allowed_price_types
        when cast(settings.unreadable_fields as varchar) like '%allowed_price_types%' then null
        else 'ALL'
    end as allowed_price_types,
    settings.alert_enabled as alert_enabled,
    settings.alert_state as alert_state,
    thresholds.alert_threshold_default_type as alert_threshold_default_type,
    thresholds.alert_threshold_default as alert_threshold_default,
    thresholds.alert_condition_default as alert_condition_default,
    thresholds.alert_threshold_critical as alert_threshold_critical,
    thresholds.alert_condition_critical as alert_condition_critical,
    thresholds.alert_threshold_warning as alert_threshold_warning,
    thresholds.alert_condition_warning as alert_condition_warning,
    thresholds.alert_threshold_info as alert_threshold_info,
    thresholds.alert_condition_info as alert_condition_info,
    auto_topups.is_enabled as auto_topup_enabled,
    auto_topups.threshold as auto_topup_threshold,
    auto_topups.amount as auto_topup_amount,
    auto_topups.is_invoiced as auto_topup_invoiced,
    auto_topups.cooldown_value as auto_topup_cooldown_value,
    auto_topups.cooldown_unit as auto_topup_cooldown_unit,
    cast(settings.unrecognized_fields as varchar) as unrecognized_fields,
    cast(settings.unreadable_fields as varchar) as unreadable_fields,

    -- figures
    stored_wallets.balance as balance,
    stored_wallets.credit_balance as credit_balance,
    stored_wallets.real_time_balance as real_time_balance,
    stored_wallets.real_time_credit_balance as real_time_credit_balance,
    stored_wallets.pending_amount as pending_amount,
    stored_wallets.current_period_usage as current_period_usage,
    stored_wallets.unpaid_invoices_amount as unpaid_invoices_amount,
    stored_wallets.is_cached_fallback as is_cached_fallback,
    stored_wallets.free_credits as free_credits,
    stored_wallets.purchased_credits as purchased_credits,
    stored_wallets.other_credits as other_credits,
    -- Null where the credits by kind are older than the balance, and once ended.
    case
        when stored_wallets.split_valid_from is not null
            then
                cast(
                    cast(coalesce(stored_wallets.free_credits, 0) as decimal(33, 11)) * stored_wallets.conversion_rate
                    as decimal(38, 16)
                )
    end as free_balance,
    case
        when stored_wallets.split_valid_from is not null
            then
                cast(
                    cast(coalesce(stored_wallets.purchased_credits, 0) as decimal(33, 11))
                    * stored_wallets.conversion_rate
                    as decimal(38, 16)
                )
    end as purchased_balance,
    case
        when stored_wallets.split_valid_from is not null
            then
                cast(
                    cast(coalesce(stored_wallets.other_credits, 0) as decimal(33, 11)) * stored_wallets.conversion_rate
                    as decimal(38, 16)
                )
    end as other_balance,

    -- times
    stored_wallets.first_observed_at as first_observed_at,
    case
        when stored_wallets.ended is not null then stored_wallets.ended_at
        else
            greatest(
                stored_wallets.life_started_at,
                coalesce(stored_wallets.valid_from, stored_wallets.life_started_at),
                coalesce(exceptions.last_observed_at, last_snapshot.snapshot_at, stored_wallets.life_started_at)
            )
    end as last_observed_at,
    stored_wallets.life_started_at as life_started_at,
    stored_wallets.ended_at as ended_at,
    case when stored_wallets.ended is null then stored_wallets.valid_from end as balance_valid_from,
    stored_wallets.balance_observed_at as balance_observed_at,
    stored_wallets.real_time_observed_at as real_time_observed_at,
    stored_wallets.credits_observed_at as credits_observed_at,
    stored_wallets.split_valid_from as split_valid_from,
    stored_wallets.settings_snapshot_at as settings_valid_from,
    settings.source_created_at as source_created_at,
    settings.source_updated_at as source_updated_at
from stored_wallets
-- Every wallet has settings: they are written at its first sight, unreadable ones as null, and when it moves.
inner join settings
    on
        stored_wallets.wallet_id = settings.wallet_id
        and stored_wallets.customer_id = settings.customer_id
        and stored_wallets.settings_snapshot_at = settings.snapshot_at
cross join last_snapshot
left join flexprice_raw.stored_observation_exceptions as exceptions
    on stored_wallets.wallet_id = exceptions.wallet_id and exceptions.exception_to is null
left join thresholds
    on
        stored_wallets.wallet_id = thresholds.wallet_id
        and stored_wallets.customer_id = thresholds.customer_id
        and stored_wallets.settings_snapshot_at = thresholds.snapshot_at
left join auto_topups
    on
        stored_wallets.wallet_id = auto_topups.wallet_id
        and stored_wallets.customer_id = auto_topups.customer_id
        and stored_wallets.settings_snapshot_at = auto_topups.snapshot_at
left join price_types
    on
        stored_wallets.wallet_id = price_types.wallet_id
        and stored_wallets.customer_id = price_types.customer_id
        and stored_wallets.settings_snapshot_at = price_types.snapshot_at;
