-- grain: wallet, level, valid_from
create or replace view flexprice.wallet_alert_history as
with
-- Every stretch of time in which a wallet had one balance and one threshold of a level.
settings as (
    select
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        wallets.currency as currency,
        wallets.alert_state as alert_state,
        wallets.ended as ended,
        wallets.snapshot_at as snapshot_at,
        intervals.valid_to as valid_to,
        row_number() over (partition by wallets.wallet_id order by wallets.snapshot_at) as version_number
    from flexprice_raw.wallets as wallets
    left join flexprice_raw.stored_settings_intervals as intervals
        on wallets.wallet_id = intervals.wallet_id and wallets.snapshot_at = intervals.valid_from
),

balances as (
    select * from flexprice.wallet_balance_history
),

compared as (
    select
        settings.wallet_id as wallet_id,
        balances.customer_id as customer_id,
        balances.currency as currency,
        thresholds.level as level,
        coalesce(thresholds.condition, 'below') as condition,
        thresholds.threshold as threshold,
        balances.balance as balance,
        balances.life_number as life_number,
        greatest(settings.snapshot_at, balances.valid_from) as valid_from,
        least(
            coalesce(settings.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00'),
            coalesce(balances.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
        ) as valid_to,
        case
            when thresholds.condition = 'above' then balances.balance >= thresholds.threshold
            else balances.balance <= thresholds.threshold
        end as is_reached
    from settings
    inner join flexprice_raw.wallet_alert_thresholds as thresholds
        on settings.wallet_id = thresholds.wallet_id and settings.snapshot_at = thresholds.snapshot_at
    inner join balances
        on
            settings.wallet_id = balances.wallet_id
            and settings.snapshot_at < coalesce(balances.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
            and balances.valid_from < coalesce(settings.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    where
        settings.ended is null
        and balances.ended is null
        and coalesce(thresholds.threshold_type, 'amount') = 'amount'
        and coalesce(thresholds.condition, 'below') in ('above', 'below')
),

reached as (
    select
        *,
        lag(valid_to) over (partition by wallet_id, level order by valid_from) as last_valid_to,
        lag(currency) over (partition by wallet_id, level order by valid_from) as last_currency,
        lag(condition) over (partition by wallet_id, level order by valid_from) as last_condition
    from compared
    where is_reached
),

-- An episode goes on where the threshold or the balance changes and it stays reached.
numbered as (
    select
        *,
        sum(
            case
                when last_valid_to = valid_from and last_currency = currency and last_condition = condition then 0
                else 1
            end
        ) over (partition by wallet_id, level order by valid_from) as episode_number
    from reached
),

states as (
    select
        *,
        lag(alert_state) over (partition by wallet_id order by snapshot_at) as last_state,
        lag(version_number) over (partition by wallet_id order by snapshot_at) as last_version_number
    from settings
    where ended is null and alert_state is not null
),

numbered_states as (
    select
        *,
        sum(
            case when last_state = alert_state and last_version_number = version_number - 1 then 0 else 1 end
        ) over (partition by wallet_id order by snapshot_at) as episode_number
    from states
),

state_episodes as (
    select
        wallet_id,
        alert_state,
        min(snapshot_at) as valid_from,
        case when count(*) = count(valid_to) then max(valid_to) end as valid_to
    from numbered_states
    where alert_state <> 'ok'
    group by wallet_id, alert_state, episode_number
),

episodes as (
    select
        wallet_id,
        level,
        cast(null as varchar) as alert_state,
        min(condition) as condition,
        min(currency) as currency,
        min(threshold) as lowest_threshold,
        max(threshold) as highest_threshold,
        min(balance) as lowest_balance,
        max(balance) as highest_balance,
        min(valid_from) as valid_from,
        case
            when max(valid_to) < timestamp with time zone '9999-12-31 00:00:00+00:00' then max(valid_to)
        end as valid_to
    from numbered
    group by wallet_id, level, episode_number
    union all
    select
        state_episodes.wallet_id as wallet_id,
        'alert_state' as level,
        state_episodes.alert_state as alert_state,
        cast(null as varchar) as condition,
        -- Amounts of two currencies have no order.
        case when min(balances.currency) = max(balances.currency) then min(balances.currency) end as currency,
        cast(null as decimal(28, 9)) as lowest_threshold,
        cast(null as decimal(28, 9)) as highest_threshold,
        case when min(balances.currency) = max(balances.currency) then min(balances.balance) end as lowest_balance,
        case when min(balances.currency) = max(balances.currency) then max(balances.balance) end as highest_balance,
        state_episodes.valid_from as valid_from,
        state_episodes.valid_to as valid_to
    from state_episodes
    left join balances
        on
            state_episodes.wallet_id = balances.wallet_id
            and balances.ended is null
            and state_episodes.valid_from
            < coalesce(balances.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
            and balances.valid_from
            < coalesce(state_episodes.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    group by state_episodes.wallet_id, state_episodes.alert_state, state_episodes.valid_from, state_episodes.valid_to
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
)

select
    -- ids
    episodes.wallet_id as wallet_id,
    episodes.level as level,
    episodes.currency as currency,

    -- what was reached
    episodes.alert_state as alert_state,
    episodes.condition as condition,

    -- figures
    episodes.lowest_threshold as lowest_threshold,
    episodes.highest_threshold as highest_threshold,
    episodes.lowest_balance as lowest_balance,
    episodes.highest_balance as highest_balance,
    cast(
        floor(
            extract(epoch from coalesce(episodes.valid_to, last_snapshot.snapshot_at))
            - extract(epoch from episodes.valid_from)
        ) as bigint
    ) as duration_seconds,

    -- times
    episodes.valid_from as valid_from,
    episodes.valid_to as valid_to,
    episodes.valid_to is null as is_current
from episodes
cross join last_snapshot;
