-- grain: wallet, of those that live
create or replace view flexprice.wallet_runway as
with
wallets as (
    select
        wallet_id,
        customer_id,
        currency,
        name,
        life_number,
        balance,
        credit_balance,
        conversion_rate,
        life_started_at,
        last_observed_at
    from flexprice.wallets
    where ended is null
),

intervals as (
    select * from flexprice.wallet_balance_history
    where not is_current
),

history as (
    select * from flexprice.wallet_balance_history
),

windows as (
    select
        max(snapshot_at) as window_end,
        max(snapshot_at) - interval '168 hours' as start_7,
        max(snapshot_at) - interval '720 hours' as start_30
    from flexprice_raw.snapshots
),

decreases as (
    select
        earlier.wallet_id as wallet_id,
        earlier.life_number as life_number,
        earlier.valid_to as seen_at,
        earlier.credit_balance - later.credit_balance as credits
    from intervals as earlier
    cross join windows
    inner join history as later
        on
            earlier.wallet_id = later.wallet_id
            and earlier.life_number = later.life_number
            and earlier.valid_to = later.valid_from
    where
        earlier.valid_to > windows.start_30
        and later.valid_from > windows.start_30
        -- Another rate or currency restates the credits: that is no use of them.
        and earlier.currency = later.currency
        and earlier.conversion_rate = later.conversion_rate
        and earlier.credit_balance > later.credit_balance
),

used as (
    select
        decreases.wallet_id as wallet_id,
        decreases.life_number as life_number,
        sum(case when decreases.seen_at > windows.start_7 then decreases.credits else 0 end) as credits_7,
        sum(decreases.credits) as credits_30
    from decreases
    cross join windows
    group by decreases.wallet_id, decreases.life_number
),

-- Days of each window that lie between the wallet's first and last observation.
spans as (
    select
        wallets.*,
        coalesce(used.credits_7, 0) as credits_used_7_days,
        coalesce(used.credits_30, 0) as credits_used_30_days,
        cast(
            greatest(
                extract(epoch from wallets.last_observed_at)
                - extract(epoch from greatest(wallets.life_started_at, windows.start_7)),
                0
            ) / 86400 as decimal(18, 6)
        ) as days_7,
        cast(
            greatest(
                extract(epoch from wallets.last_observed_at)
                - extract(epoch from greatest(wallets.life_started_at, windows.start_30)),
                0
            ) / 86400 as decimal(18, 6)
        ) as days_30
    from wallets
    cross join windows
    left join used on wallets.wallet_id = used.wallet_id and wallets.life_number = used.life_number
),

rates as (
    select
        *,
        case
            when
                days_7 >= 1
                then
                    cast(
                        cast(credits_used_7_days as double precision)
                        / cast(days_7 as double precision) as decimal(28, 9)
                    )
        end as credits_per_day_7_days,
        case
            when
                days_30 >= 1
                then
                    cast(
                        cast(credits_used_30_days as double precision)
                        / cast(days_30 as double precision) as decimal(28, 9)
                    )
        end
            as credits_per_day_30_days
    from spans
),

remaining as (
    select
        *,
        case
            when credits_per_day_7_days > 0
                then cast(
                    cast(greatest(coalesce(credit_balance, 0), 0) as double precision)
                    / cast(credits_per_day_7_days as double precision) as decimal(38, 3)
                )
        end as days_left_7_days,
        case
            when credits_per_day_30_days > 0
                then cast(
                    cast(greatest(coalesce(credit_balance, 0), 0) as double precision)
                    / cast(credits_per_day_30_days as double precision) as decimal(38, 3)
                )
        end as days_left_30_days
    from rates
)

select
    -- ids
    wallet_id,
    customer_id,
    currency,
    name,

    -- figures
    credit_balance,
    balance,
    cast(credits_used_7_days as decimal(38, 9)) as credits_used_7_days,
    cast(credits_used_30_days as decimal(38, 9)) as credits_used_30_days,
    credits_per_day_7_days,
    credits_per_day_30_days,
    days_left_7_days,
    days_left_30_days,
    cast(cast(days_7 as double precision) / 7 as decimal(7, 4)) as observed_share_7_days,
    cast(cast(days_30 as double precision) / 30 as decimal(7, 4)) as observed_share_30_days,

    -- times
    case
        when days_left_7_days <= 36500
            then cast(last_observed_at at time zone 'UTC' as date) + cast(floor(days_left_7_days) as integer)
    end as depletion_day_7_days,
    case
        when days_left_30_days <= 36500
            then cast(last_observed_at at time zone 'UTC' as date) + cast(floor(days_left_30_days) as integer)
    end as depletion_day_30_days,
    last_observed_at
from remaining;
