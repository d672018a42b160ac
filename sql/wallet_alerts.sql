-- grain: wallet, level
create or replace view flexprice.wallet_alerts as
with
wallets as (
    select
        wallet_id,
        customer_id,
        currency,
        name,
        life_number,
        alert_enabled,
        alert_state,
        balance,
        real_time_balance,
        life_started_at,
        balance_observed_at,
        real_time_observed_at,
        last_observed_at,
        settings_valid_from
    from flexprice.wallets
    where ended is null
),

thresholds as (
    select * from flexprice_raw.wallet_alert_thresholds
),

intervals as (
    select * from flexprice_raw.stored_balance_intervals
),

compared as not materialized (
    select
        wallets.*,
        thresholds.level,
        thresholds.threshold_type,
        thresholds.threshold,
        coalesce(thresholds.condition, 'below') as condition,
        case
            when coalesce(thresholds.threshold_type, 'amount') <> 'amount' then null
            when coalesce(thresholds.condition, 'below') = 'below' then wallets.balance <= thresholds.threshold
            when thresholds.condition = 'above' then wallets.balance >= thresholds.threshold
        end as is_reached,
        case
            when coalesce(thresholds.threshold_type, 'amount') <> 'amount' then null
            when
                coalesce(thresholds.condition, 'below') = 'below'
                then wallets.real_time_balance <= thresholds.threshold
            when thresholds.condition = 'above' then wallets.real_time_balance >= thresholds.threshold
        end as is_reached_in_real_time
    from wallets
    inner join thresholds
        on wallets.wallet_id = thresholds.wallet_id and wallets.settings_valid_from = thresholds.snapshot_at
),

-- The last time that the wallet stood on the good side of its present threshold.
last_good as (
    select
        compared.wallet_id,
        compared.level,
        max(intervals.valid_to) as good_until
    from compared
    inner join intervals
        on compared.wallet_id = intervals.wallet_id and compared.life_number = intervals.life_number
    where
        compared.is_reached
        and (
            intervals.currency <> compared.currency
            or (compared.condition = 'below' and intervals.balance > compared.threshold)
            or (compared.condition = 'above' and intervals.balance < compared.threshold)
        )
    group by compared.wallet_id, compared.level
)

select
    -- ids
    compared.wallet_id,
    compared.level,
    compared.customer_id,
    compared.currency,

    -- settings
    compared.name,
    compared.alert_enabled,
    compared.alert_state,
    compared.threshold_type,
    compared.condition,
    compared.is_reached,
    compared.is_reached_in_real_time,

    -- figures
    compared.threshold,
    compared.balance,
    compared.real_time_balance,
    compared.balance - compared.threshold as distance,

    -- times
    case when compared.is_reached then coalesce(last_good.good_until, compared.life_started_at) end as reached_since,
    compared.balance_observed_at,
    compared.real_time_observed_at,
    compared.last_observed_at
from compared
left join last_good on compared.wallet_id = last_good.wallet_id and compared.level = last_good.level;
