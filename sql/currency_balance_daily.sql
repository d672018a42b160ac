-- grain: currency, date_day
create or replace view flexprice.currency_balance_daily as
with
snapshots as (
    select
        snapshot_at,
        cast(snapshot_at at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
),

daily_moves as (
    select
        moves.currency as currency,
        snapshots.date_day as date_day,
        sum(moves.positive_balance) as positive_balance,
        sum(moves.balance) as balance,
        sum(moves.positive_credits) as positive_credits,
        sum(moves.credits) as credits,
        sum(moves.frozen_balance) as frozen_balance,
        sum(moves.frozen_credits) as frozen_credits,
        sum(moves.free_credits) as free_credits,
        sum(moves.purchased_credits) as purchased_credits,
        sum(moves.closed_balance) as closed_balance,
        sum(moves.wallets) as wallets,
        sum(moves.overdrawn_wallets) as overdrawn_wallets,
        sum(moves.frozen_wallets) as frozen_wallets,
        sum(moves.broken_down_wallets) as broken_down_wallets,
        sum(moves.closed_wallets) as closed_wallets
    from flexprice_raw.stored_currency_moves as moves
    inner join snapshots on moves.snapshot_at = snapshots.snapshot_at
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
        currencies.currency as currency,
        days.date_day as date_day
    from flexprice_raw.stored_calendar as days
    inner join currencies on days.date_day >= currencies.first_day
),

levels as (
    select
        calendar.currency as currency,
        calendar.date_day as date_day,
        sum(daily_moves.positive_balance) over running as positive_balance,
        sum(daily_moves.balance) over running as balance,
        sum(daily_moves.positive_credits) over running as positive_credits,
        sum(daily_moves.credits) over running as credits,
        sum(daily_moves.frozen_balance) over running as frozen_balance,
        sum(daily_moves.frozen_credits) over running as frozen_credits,
        sum(daily_moves.free_credits) over running as free_credits,
        sum(daily_moves.purchased_credits) over running as purchased_credits,
        sum(daily_moves.closed_balance) over running as closed_balance,
        sum(daily_moves.wallets) over running as wallets,
        sum(daily_moves.overdrawn_wallets) over running as overdrawn_wallets,
        sum(daily_moves.frozen_wallets) over running as frozen_wallets,
        sum(daily_moves.broken_down_wallets) over running as broken_down_wallets,
        sum(daily_moves.closed_wallets) over running as closed_wallets
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
    cast(cast(positive_balance as decimal(37, 9)) - cast(balance as decimal(37, 9)) as decimal(38, 9))
        as overdrawn_balance,
    cast(frozen_balance as decimal(38, 9)) as frozen_balance,
    cast(closed_balance as decimal(38, 9)) as closed_balance,
    cast(positive_credits as decimal(38, 9)) as outstanding_credits,
    cast(cast(positive_credits as decimal(37, 9)) - cast(credits as decimal(37, 9)) as decimal(38, 9))
        as overdrawn_credits,
    cast(frozen_credits as decimal(38, 9)) as frozen_credits,
    cast(case when broken_down_wallets > 0 then free_credits end as decimal(38, 16)) as free_credits,
    cast(case when broken_down_wallets > 0 then purchased_credits end as decimal(38, 16)) as purchased_credits,
    cast(wallets as bigint) as wallets,
    cast(overdrawn_wallets as bigint) as overdrawn_wallets,
    cast(frozen_wallets as bigint) as frozen_wallets,
    cast(broken_down_wallets as bigint) as broken_down_wallets,
    cast(closed_wallets as bigint) as closed_wallets
from levels;
