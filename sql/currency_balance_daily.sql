-- grain: currency, date_day
create or replace view flexprice.currency_balance_daily as
with
snapshots as (
    select
        snapshot_at,
        cast(snapshot_at at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
),

daily_snapshots as (
    select
        date_day,
        max(snapshot_at) as snapshot_at
    from snapshots
    group by date_day
),

daily_moves as (
    select
        moves.currency as currency,
        moves.conversion_rate as conversion_rate,
        snapshots.date_day as date_day,
        sum(moves.positive_balance) as positive_balance,
        sum(moves.balance) as balance,
        sum(moves.positive_credits) as positive_credits,
        sum(moves.credits) as credits,
        sum(moves.frozen_balance) as frozen_balance,
        sum(moves.frozen_credits) as frozen_credits,
        sum(moves.free_credits) as free_credits,
        sum(moves.purchased_credits) as purchased_credits,
        sum(moves.other_credits) as other_credits,
        sum(moves.broken_down_balance) as broken_down_balance,
        sum(moves.closed_balance) as closed_balance,
        sum(moves.wallets) as wallets,
        sum(moves.overdrawn_wallets) as overdrawn_wallets,
        sum(moves.frozen_wallets) as frozen_wallets,
        sum(moves.broken_down_wallets) as broken_down_wallets,
        sum(moves.closed_wallets) as closed_wallets
    from flexprice_raw.stored_currency_moves as moves
    inner join snapshots on moves.snapshot_at = snapshots.snapshot_at
    group by moves.currency, moves.conversion_rate, snapshots.date_day
),

rates as (
    select
        currency,
        conversion_rate,
        min(date_day) as first_day
    from daily_moves
    group by currency, conversion_rate
),

-- Every day, with the last snapshot until its end.
days as (
    select
        calendar.date_day as date_day,
        max(daily_snapshots.snapshot_at) over (order by calendar.date_day) as last_snapshot_at,
        max(daily_snapshots.date_day) over (order by calendar.date_day) as last_snapshot_day
    from flexprice_raw.stored_calendar as calendar
    left join daily_snapshots on calendar.date_day = daily_snapshots.date_day
),

calendar as (
    select
        rates.currency as currency,
        rates.conversion_rate as conversion_rate,
        days.date_day as date_day
    from days
    inner join rates on days.date_day >= rates.first_day
),

levels as (
    select
        calendar.currency as currency,
        calendar.conversion_rate as conversion_rate,
        calendar.date_day as date_day,
        sum(daily_moves.positive_balance) over running as positive_balance,
        sum(daily_moves.balance) over running as balance,
        sum(daily_moves.positive_credits) over running as positive_credits,
        sum(daily_moves.credits) over running as credits,
        sum(daily_moves.frozen_balance) over running as frozen_balance,
        sum(daily_moves.frozen_credits) over running as frozen_credits,
        sum(daily_moves.free_credits) over running as free_credits,
        sum(daily_moves.purchased_credits) over running as purchased_credits,
        sum(daily_moves.other_credits) over running as other_credits,
        sum(daily_moves.broken_down_balance) over running as broken_down_balance,
        sum(daily_moves.closed_balance) over running as closed_balance,
        sum(daily_moves.wallets) over running as wallets,
        sum(daily_moves.overdrawn_wallets) over running as overdrawn_wallets,
        sum(daily_moves.frozen_wallets) over running as frozen_wallets,
        sum(daily_moves.broken_down_wallets) over running as broken_down_wallets,
        sum(daily_moves.closed_wallets) over running as closed_wallets
    from calendar
    left join daily_moves
        on
            calendar.currency = daily_moves.currency
            and calendar.conversion_rate = daily_moves.conversion_rate
            and calendar.date_day = daily_moves.date_day
    window running as (
        partition by calendar.currency, calendar.conversion_rate
        order by calendar.date_day
    )
),

-- Credits become money at the rate of the wallets that hold them; as credits they are one figure for one rate only.
sums as (
    select
        currency,
        date_day,
        sum(positive_balance) as positive_balance,
        sum(balance) as balance,
        sum(frozen_balance) as frozen_balance,
        sum(closed_balance) as closed_balance,
        sum(broken_down_balance) as broken_down_balance,
        sum(cast(free_credits as decimal(33, 11)) * conversion_rate) as free_balance,
        sum(cast(purchased_credits as decimal(33, 11)) * conversion_rate) as purchased_balance,
        sum(cast(other_credits as decimal(33, 11)) * conversion_rate) as other_balance,
        count(case when wallets > 0 then 1 end) as conversion_rates,
        sum(positive_credits) as positive_credits,
        sum(credits) as credits,
        sum(frozen_credits) as frozen_credits,
        sum(free_credits) as free_credits,
        sum(purchased_credits) as purchased_credits,
        sum(wallets) as wallets,
        sum(overdrawn_wallets) as overdrawn_wallets,
        sum(frozen_wallets) as frozen_wallets,
        sum(broken_down_wallets) as broken_down_wallets,
        sum(closed_wallets) as closed_wallets
    from levels
    group by currency, date_day
),

first_ledger as (
    select cast(min(snapshot_at) at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
    where ledger = 'complete'
),

daily_origins as (
    select
        moves.currency as currency,
        snapshots.date_day as date_day,
        sum(moves.purchased_balance) as purchased_balance,
        sum(moves.free_balance) as free_balance
    from flexprice_raw.stored_origin_moves as moves
    inner join snapshots on moves.snapshot_at = snapshots.snapshot_at
    group by moves.currency, snapshots.date_day
),

origins as (
    select
        sums.currency as currency,
        sums.date_day as date_day,
        coalesce(sum(daily_origins.purchased_balance) over running, 0) as purchased_balance,
        coalesce(sum(daily_origins.free_balance) over running, 0) as free_balance
    from sums
    inner join first_ledger on sums.date_day >= first_ledger.date_day
    left join daily_origins on sums.currency = daily_origins.currency and sums.date_day = daily_origins.date_day
    window running as (partition by sums.currency order by sums.date_day)
)

select
    -- ids
    sums.currency as currency,
    sums.date_day as date_day,

    -- figures
    cast(sums.positive_balance as decimal(38, 9)) as outstanding_balance,
    cast(case when sums.broken_down_wallets > 0 then sums.purchased_balance end as decimal(38, 16))
        as purchased_balance,
    cast(case when sums.broken_down_wallets > 0 then sums.free_balance end as decimal(38, 16)) as free_balance,
    cast(case when sums.broken_down_wallets > 0 then sums.other_balance end as decimal(38, 16)) as other_balance,
    cast(origins.purchased_balance as decimal(38, 9)) as ledger_purchased_balance,
    cast(origins.free_balance as decimal(38, 9)) as ledger_free_balance,
    cast(
        cast(sums.positive_balance as decimal(36, 9))
        - cast(origins.purchased_balance as decimal(36, 9))
        - cast(origins.free_balance as decimal(36, 9))
        as decimal(38, 9)
    ) as ledger_other_balance,
    cast(sums.broken_down_balance as decimal(38, 9)) as broken_down_balance,
    cast(
        case
            when sums.positive_balance > 0
                then
                    cast(sums.broken_down_balance as double precision)
                    / cast(sums.positive_balance as double precision)
        end as decimal(5, 4)
    ) as broken_down_share,
    cast(sums.frozen_balance as decimal(38, 9)) as frozen_balance,
    cast(cast(sums.positive_balance as decimal(37, 9)) - cast(sums.balance as decimal(37, 9)) as decimal(38, 9))
        as overdrawn_balance,
    cast(sums.closed_balance as decimal(38, 9)) as closed_balance,
    rates.reporting_currency as reporting_currency,
    rates.rate as reporting_rate,
    cast(cast(sums.positive_balance as decimal(38, 9)) * rates.rate as decimal(38, 19))
        as reporting_outstanding_balance,
    -- 14 decimals hold a product of the API's credits and rates, and leave room for that with an exchange rate.
    cast(
        case when sums.broken_down_wallets > 0 then cast(sums.purchased_balance as decimal(38, 14)) * rates.rate end
        as decimal(38, 19)
    ) as reporting_purchased_balance,
    cast(sums.conversion_rates as bigint) as conversion_rates,
    cast(case when sums.conversion_rates <= 1 then sums.positive_credits end as decimal(38, 9)) as outstanding_credits,
    cast(
        case
            when sums.conversion_rates <= 1
                then cast(sums.positive_credits as decimal(37, 9)) - cast(sums.credits as decimal(37, 9))
        end as decimal(38, 9)
    ) as overdrawn_credits,
    cast(case when sums.conversion_rates <= 1 then sums.frozen_credits end as decimal(38, 9)) as frozen_credits,
    cast(
        case when sums.conversion_rates <= 1 and sums.broken_down_wallets > 0 then sums.free_credits end
        as decimal(38, 16)
    ) as free_credits,
    cast(
        case when sums.conversion_rates <= 1 and sums.broken_down_wallets > 0 then sums.purchased_credits end
        as decimal(38, 16)
    ) as purchased_credits,
    cast(sums.wallets as bigint) as wallets,
    cast(sums.overdrawn_wallets as bigint) as overdrawn_wallets,
    cast(sums.frozen_wallets as bigint) as frozen_wallets,
    cast(sums.broken_down_wallets as bigint) as broken_down_wallets,
    cast(sums.closed_wallets as bigint) as closed_wallets,
    cast(
        case
            when days.last_snapshot_day = sums.date_day then sums.wallets - coalesce(observations.observed_wallets, 0)
            else sums.wallets
        end as bigint
    ) as carried_forward_wallets,

    -- times
    days.last_snapshot_at as last_snapshot_at,
    observations.last_observed_at as last_observed_at
from sums
inner join days on sums.date_day = days.date_day
left join origins on sums.currency = origins.currency and sums.date_day = origins.date_day
left join flexprice_raw.stored_currency_observations as observations
    on sums.currency = observations.currency and days.last_snapshot_day = observations.date_day
left join flexprice.exchange_rates as rates
    on sums.date_day = rates.date_day and lower(sums.currency) = rates.currency;
