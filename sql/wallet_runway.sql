-- grain: wallet, of those that live
create or replace view flexprice.wallet_runway as
with
wallets as (
    select
        wallet_id,
        customer_id,
        currency,
        name,
        wallet_type,
        wallet_status,
        life_number,
        balance,
        pending_amount,
        credit_balance,
        conversion_rate,
        life_started_at,
        last_observed_at
    from flexprice.wallets
    where ended is null
),

intervals as (
    select * from flexprice.wallet_balance_history
    where not is_current and ended is null
),

history as (
    select * from flexprice.wallet_balance_history
    -- What is taken out at the end of a wallet was not used.
    where ended is null
),

windows as (
    select
        max(snapshot_at) as window_end,
        max(snapshot_at) - interval '168' hour as start_7,
        max(snapshot_at) - interval '720' hour as start_30
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
),

-- The pace that people mean: of the last week, or of the last month where the last week saw no use.
paced as (
    select
        *,
        -- How much of its day had passed when the wallet was last observed, from 0 to 1.
        cast(
            extract(hour from last_observed_at at time zone 'UTC') * 3600
            + extract(minute from last_observed_at at time zone 'UTC') * 60
            + floor(extract(second from last_observed_at at time zone 'UTC')) as double precision
        ) / 86400 as day_passed,
        case
            when credits_per_day_7_days > 0 then credits_per_day_7_days
            when credits_per_day_30_days > 0 then credits_per_day_30_days
        end as credits_per_day,
        cast(balance as decimal(37, 16)) - cast(pending_amount as decimal(37, 16)) as balance_after_pending,
        case
            when wallet_type = 'POST_PAID' then 'post_paid'
            when wallet_status = 'frozen' then 'frozen'
            when coalesce(balance, 0) <= 0 then 'empty'
            when credits_used_30_days > 0 or coalesce(pending_amount, 0) > 0 then 'running'
            else 'not_used'
        end as state
    from remaining
),

-- What is pending is gone already; where it is unknown, the settled balance has to do.
told as (
    select
        *,
        case
            when state <> 'running' then null
            when coalesce(balance_after_pending, balance) <= 0 then cast(0 as decimal(38, 3))
            when credits_per_day > 0
                then cast(
                    cast(coalesce(balance_after_pending, balance) as double precision)
                    / cast(cast(credits_per_day as decimal(28, 9)) * conversion_rate as double precision)
                    as decimal(38, 3)
                )
        end as days_left
    from paced
)

select
    -- ids
    wallet_id,
    customer_id,
    currency,
    name,
    state,

    -- figures
    days_left,
    credit_balance,
    balance,
    pending_amount,
    cast(balance_after_pending as decimal(38, 16)) as balance_after_pending,
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
        when days_left <= 36500
            then
                cast(last_observed_at at time zone 'UTC' as date)
                + cast(floor(cast(days_left as double precision) + day_passed) as integer)
    end as depletion_day,
    case
        when days_left_7_days <= 36500
            then
                cast(last_observed_at at time zone 'UTC' as date)
                + cast(floor(cast(days_left_7_days as double precision) + day_passed) as integer)
    end as depletion_day_7_days,
    case
        when days_left_30_days <= 36500
            then
                cast(last_observed_at at time zone 'UTC' as date)
                + cast(floor(cast(days_left_30_days as double precision) + day_passed) as integer)
    end as depletion_day_30_days,
    last_observed_at
from told;
