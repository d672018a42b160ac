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
        first_observed_at,
        life_started_at,
        balance_observed_at,
        real_time_observed_at,
        last_observed_at,
        settings_valid_from
    from flexprice.wallets
    where ended is null
),

compared as (
    select
        wallets.*,
        thresholds.level as level,
        thresholds.threshold_type as threshold_type,
        thresholds.threshold as threshold,
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
    inner join flexprice_raw.wallet_alert_thresholds as thresholds
        on wallets.wallet_id = thresholds.wallet_id and wallets.settings_valid_from = thresholds.snapshot_at
),

-- The last time that a wallet now on the bad side of a threshold stood on the good side of it.
last_good as (
    select
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        thresholds.level as level,
        max(intervals.valid_to) as good_until
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.wallet_alert_thresholds as thresholds
        on wallets.wallet_id = thresholds.wallet_id and wallets.settings_snapshot_at = thresholds.snapshot_at
    inner join flexprice_raw.stored_balance_intervals as intervals
        on wallets.wallet_number = intervals.wallet_number and wallets.life_number = intervals.life_number
    where
        intervals.ended is null
        and (
            (
                coalesce(thresholds.condition, 'below') = 'below'
                and wallets.balance <= thresholds.threshold
                and (intervals.currency <> wallets.currency or intervals.balance > thresholds.threshold)
            )
            or (
                thresholds.condition = 'above'
                and wallets.balance >= thresholds.threshold
                and (intervals.currency <> wallets.currency or intervals.balance < thresholds.threshold)
            )
        )
    group by wallets.wallet_id, wallets.customer_id, thresholds.level
),

-- The end of the last version of settings in which a threshold of today was another one, or missing.
set_again as (
    select
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        thresholds.level as level,
        max(versions.valid_to) as set_at
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.wallet_alert_thresholds as thresholds
        on wallets.wallet_id = thresholds.wallet_id and wallets.settings_snapshot_at = thresholds.snapshot_at
    inner join flexprice_raw.stored_settings_intervals as versions
        on wallets.wallet_id = versions.wallet_id
    left join flexprice_raw.wallet_alert_thresholds as earlier
        on
            versions.wallet_id = earlier.wallet_id
            and versions.valid_from = earlier.snapshot_at
            and thresholds.level = earlier.level
    where
        earlier.wallet_id is null
        or earlier.threshold <> thresholds.threshold
        or coalesce(earlier.condition, 'below') <> coalesce(thresholds.condition, 'below')
        or coalesce(earlier.threshold_type, 'amount') <> coalesce(thresholds.threshold_type, 'amount')
    group by wallets.wallet_id, wallets.customer_id, thresholds.level
)

select
    -- ids
    compared.wallet_id as wallet_id,
    compared.level as level,
    compared.customer_id as customer_id,
    compared.currency as currency,

    -- settings
    compared.name as name,
    compared.alert_enabled as alert_enabled,
    compared.alert_state as alert_state,
    compared.threshold_type as threshold_type,
    compared.condition as condition,
    compared.is_reached as is_reached,
    compared.is_reached_in_real_time as is_reached_in_real_time,

    -- figures
    compared.threshold as threshold,
    compared.balance as balance,
    compared.real_time_balance as real_time_balance,
    compared.balance - compared.threshold as distance,

    -- times
    case when compared.is_reached then coalesce(last_good.good_until, compared.life_started_at) end as reached_since,
    coalesce(set_again.set_at, compared.first_observed_at) as threshold_set_at,
    compared.balance_observed_at as balance_observed_at,
    compared.real_time_observed_at as real_time_observed_at,
    compared.last_observed_at as last_observed_at
from compared
left join last_good
    on
        compared.wallet_id = last_good.wallet_id
        and compared.customer_id = last_good.customer_id
        and compared.level = last_good.level
left join set_again
    on
        compared.wallet_id = set_again.wallet_id
        and compared.customer_id = set_again.customer_id
        and compared.level = set_again.level;
