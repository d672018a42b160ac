-- grain: currency, date_day
create or replace view flexprice.currency_balance_daily as
with
snapshots as (
    select
        snapshot_at,
        cast(snapshot_at at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
),

current_wallets as (
    select * from flexprice_raw.stored_wallets
),

bounds as (
    select
        cast(min(date_day) as timestamp) as first_day,
        cast(max(date_day) as timestamp) as last_day
    from snapshots
),

freezes as (
    select
        wallet_id,
        valid_from,
        valid_to
    from flexprice_raw.stored_settings_intervals
    where wallet_status = 'frozen'
    union all
    select
        wallet_id,
        settings_snapshot_at as valid_from,
        timestamp with time zone 'infinity' as valid_to
    from current_wallets
    where wallet_status = 'frozen'
),

frozen_history as (
    select
        history.currency,
        history.balance,
        history.credit_balance,
        greatest(history.valid_from, freezes.valid_from) as valid_from,
        least(coalesce(history.valid_to, timestamp with time zone 'infinity'), freezes.valid_to) as valid_to
    from freezes
    inner join flexprice.wallet_balance_history as history
        on
            freezes.wallet_id = history.wallet_id
            and freezes.valid_from < coalesce(history.valid_to, timestamp with time zone 'infinity')
            and freezes.valid_to > history.valid_from
),

-- A figure is added when its interval begins and taken off when it ends.
-- The history is named where it is read: a CTE that is read twice is computed whole, which takes longer.
moves as (
    select
        currency,
        valid_from as moved_at,
        sum(case when balance > 0 then balance else 0 end) as positive_balance,
        sum(balance) as balance,
        sum(case when credit_balance > 0 then credit_balance else 0 end) as positive_credits,
        sum(credit_balance) as credits,
        0 as frozen_balance,
        0 as frozen_credits,
        coalesce(sum(free_credits), 0) as free_credits,
        coalesce(sum(purchased_credits), 0) as purchased_credits,
        count(*) as wallets,
        count(case when balance < 0 then 1 end) as overdrawn_wallets,
        0 as frozen_wallets,
        count(credits_snapshot_at) as broken_down_wallets
    from flexprice.wallet_balance_history
    group by currency, valid_from
    union all
    select
        currency,
        valid_to as moved_at,
        -sum(case when balance > 0 then balance else 0 end) as positive_balance,
        -sum(balance) as balance,
        -sum(case when credit_balance > 0 then credit_balance else 0 end) as positive_credits,
        -sum(credit_balance) as credits,
        0 as frozen_balance,
        0 as frozen_credits,
        -coalesce(sum(free_credits), 0) as free_credits,
        -coalesce(sum(purchased_credits), 0) as purchased_credits,
        -count(*) as wallets,
        -count(case when balance < 0 then 1 end) as overdrawn_wallets,
        0 as frozen_wallets,
        -count(credits_snapshot_at) as broken_down_wallets
    from flexprice.wallet_balance_history
    where valid_to is not null
    group by currency, valid_to
    union all
    select
        currency,
        valid_from as moved_at,
        0 as positive_balance,
        0 as balance,
        0 as positive_credits,
        0 as credits,
        sum(case when balance > 0 then balance else 0 end) as frozen_balance,
        sum(case when credit_balance > 0 then credit_balance else 0 end) as frozen_credits,
        0 as free_credits,
        0 as purchased_credits,
        0 as wallets,
        0 as overdrawn_wallets,
        count(*) as frozen_wallets,
        0 as broken_down_wallets
    from frozen_history
    group by currency, valid_from
    union all
    select
        currency,
        valid_to as moved_at,
        0 as positive_balance,
        0 as balance,
        0 as positive_credits,
        0 as credits,
        -sum(case when balance > 0 then balance else 0 end) as frozen_balance,
        -sum(case when credit_balance > 0 then credit_balance else 0 end) as frozen_credits,
        0 as free_credits,
        0 as purchased_credits,
        0 as wallets,
        0 as overdrawn_wallets,
        -count(*) as frozen_wallets,
        0 as broken_down_wallets
    from frozen_history
    group by currency, valid_to
),

daily_moves as (
    select
        moves.currency,
        snapshots.date_day,
        sum(moves.positive_balance) as positive_balance,
        sum(moves.balance) as balance,
        sum(moves.positive_credits) as positive_credits,
        sum(moves.credits) as credits,
        sum(moves.frozen_balance) as frozen_balance,
        sum(moves.frozen_credits) as frozen_credits,
        sum(moves.free_credits) as free_credits,
        sum(moves.purchased_credits) as purchased_credits,
        sum(moves.wallets) as wallets,
        sum(moves.overdrawn_wallets) as overdrawn_wallets,
        sum(moves.frozen_wallets) as frozen_wallets,
        sum(moves.broken_down_wallets) as broken_down_wallets
    from moves
    -- What holds still is never taken off.
    inner join snapshots on moves.moved_at = snapshots.snapshot_at
    group by moves.currency, snapshots.date_day
),

currencies as (
    select
        currency,
        min(date_day) as first_day
    from daily_moves
    group by currency
),

calendar as (
    select
        currencies.currency,
        cast(days.day_start as date) as date_day
    from bounds
    cross join lateral generate_series(bounds.first_day, bounds.last_day, interval '1 day') as days (day_start)
    inner join currencies on cast(days.day_start as date) >= currencies.first_day
),

levels as (
    select
        calendar.currency,
        calendar.date_day,
        sum(daily_moves.positive_balance) over running as positive_balance,
        sum(daily_moves.balance) over running as balance,
        sum(daily_moves.positive_credits) over running as positive_credits,
        sum(daily_moves.credits) over running as credits,
        sum(daily_moves.frozen_balance) over running as frozen_balance,
        sum(daily_moves.frozen_credits) over running as frozen_credits,
        sum(daily_moves.free_credits) over running as free_credits,
        sum(daily_moves.purchased_credits) over running as purchased_credits,
        sum(daily_moves.wallets) over running as wallets,
        sum(daily_moves.overdrawn_wallets) over running as overdrawn_wallets,
        sum(daily_moves.frozen_wallets) over running as frozen_wallets,
        sum(daily_moves.broken_down_wallets) over running as broken_down_wallets
    from calendar
    left join daily_moves
        on calendar.currency = daily_moves.currency and calendar.date_day = daily_moves.date_day
    window running as (partition by calendar.currency order by calendar.date_day)
)

select
    -- ids
    currency,
    date_day,

    -- figures
    cast(positive_balance as decimal(38, 9)) as outstanding_balance,
    cast(positive_balance - balance as decimal(38, 9)) as overdrawn_balance,
    cast(frozen_balance as decimal(38, 9)) as frozen_balance,
    cast(positive_credits as decimal(38, 9)) as outstanding_credits,
    cast(positive_credits - credits as decimal(38, 9)) as overdrawn_credits,
    cast(frozen_credits as decimal(38, 9)) as frozen_credits,
    cast(case when broken_down_wallets > 0 then free_credits end as decimal(38, 16)) as free_credits,
    cast(case when broken_down_wallets > 0 then purchased_credits end as decimal(38, 16)) as purchased_credits,
    cast(wallets as bigint) as wallets,
    cast(overdrawn_wallets as bigint) as overdrawn_wallets,
    cast(frozen_wallets as bigint) as frozen_wallets,
    cast(broken_down_wallets as bigint) as broken_down_wallets
from levels;
