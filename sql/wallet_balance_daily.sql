-- grain: wallet, date_day
create or replace view flexprice.wallet_balance_daily as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
-- A wallet's intervals are found by its number, which is much faster than by its id.
snapshots as (
    select
        *,
        cast(snapshot_at at time zone 'UTC' as date) as date_day
    from flexprice_raw.snapshots
),

daily_snapshots as (
    select
        date_day,
        max(case when scope = 'all' then snapshot_at end) as last_all_at,
        min(case when scope = 'all' and include_real_time_balance then snapshot_at end) as real_time_asked_from,
        max(case when scope = 'all' and include_real_time_balance then snapshot_at end) as real_time_asked_to,
        min(case when scope = 'all' and include_credits_available_breakdown then snapshot_at end)
            as credits_asked_from,
        max(case when scope = 'all' and include_credits_available_breakdown then snapshot_at end) as credits_asked_to
    from snapshots
    group by date_day
),

-- Every day, with the last snapshot of scope 'all' until its end, and the first and last that asked for the optional
-- figures on it.
calendar as (
    select
        days.date_day as date_day,
        days.day_start as day_start,
        days.day_end as day_end,
        max(daily_snapshots.last_all_at) over (order by days.date_day) as last_all_at,
        daily_snapshots.real_time_asked_from as real_time_asked_from,
        daily_snapshots.real_time_asked_to as real_time_asked_to,
        daily_snapshots.credits_asked_from as credits_asked_from,
        daily_snapshots.credits_asked_to as credits_asked_to
    from flexprice_raw.stored_calendar as days
    left join daily_snapshots on days.date_day = daily_snapshots.date_day
),

later_lives as (
    select * from flexprice_raw.stored_wallet_lives
    where life_number > 1
),

-- Each end of a life, and the day of the wallet's return.
ends as (
    select
        lives.wallet_id as wallet_id,
        lives.life_number as life_number,
        lives.customer_id as customer_id,
        lives.currency as currency,
        lives.balance as balance,
        lives.credit_balance as credit_balance,
        lives.conversion_rate as conversion_rate,
        lives.ended_at as ended_at,
        lives.ended as ended,
        lives.balance_snapshot_at as balance_snapshot_at,
        snapshots.date_day as date_day,
        return_snapshots.date_day as return_day
    from flexprice_raw.stored_wallet_lives as lives
    inner join snapshots on lives.ended_at = snapshots.snapshot_at
    left join later_lives on lives.wallet_id = later_lives.wallet_id and lives.life_number + 1 = later_lives.life_number
    left join snapshots as return_snapshots on later_lives.started_at = return_snapshots.snapshot_at
),

-- What a day closes with: the interval that holds at its end, or what was read at the wallet's end.
closings as (
    select
        wallets.wallet_id as wallet_id,
        intervals.customer_id as customer_id,
        intervals.life_number as life_number,
        intervals.valid_from as valid_from,
        cast(null as timestamp with time zone) as ended_at,
        false as is_lost,
        intervals.currency as currency,
        intervals.balance as balance,
        intervals.credit_balance as credit_balance,
        intervals.conversion_rate as conversion_rate,
        intervals.real_time_balance as real_time_balance,
        intervals.real_time_credit_balance as real_time_credit_balance,
        intervals.pending_amount as pending_amount,
        intervals.is_cached_fallback as is_cached_fallback,
        intervals.free_credits as free_credits,
        intervals.purchased_credits as purchased_credits,
        intervals.other_credits as other_credits,
        intervals.split_valid_from as split_valid_from,
        intervals.balance_snapshot_at as balance_snapshot_at,
        intervals.real_time_snapshot_at as real_time_snapshot_at,
        intervals.credits_snapshot_at as credits_snapshot_at,
        calendar.date_day as date_day
    from flexprice_raw.stored_balance_intervals as intervals
    inner join flexprice_raw.stored_wallets as wallets on intervals.wallet_number = wallets.wallet_number
    inner join calendar on intervals.valid_from < calendar.day_end and intervals.valid_to >= calendar.day_end
    where intervals.ended is null
    union all
    select
        wallets.wallet_id as wallet_id,
        wallets.balance_customer_id as customer_id,
        wallets.life_number as life_number,
        wallets.valid_from as valid_from,
        cast(null as timestamp with time zone) as ended_at,
        false as is_lost,
        wallets.currency as currency,
        wallets.balance as balance,
        wallets.credit_balance as credit_balance,
        wallets.conversion_rate as conversion_rate,
        wallets.real_time_balance as real_time_balance,
        wallets.real_time_credit_balance as real_time_credit_balance,
        wallets.pending_amount as pending_amount,
        wallets.is_cached_fallback as is_cached_fallback,
        wallets.free_credits as free_credits,
        wallets.purchased_credits as purchased_credits,
        wallets.other_credits as other_credits,
        wallets.split_valid_from as split_valid_from,
        wallets.balance_snapshot_at as balance_snapshot_at,
        wallets.real_time_snapshot_at as real_time_snapshot_at,
        wallets.credits_snapshot_at as credits_snapshot_at,
        calendar.date_day as date_day
    from flexprice_raw.stored_wallets as wallets
    inner join calendar on wallets.valid_from < calendar.day_end
    where wallets.ended is null
    union all
    select
        wallet_id,
        customer_id,
        life_number,
        ended_at as valid_from,
        ended_at,
        ended = 'not_found' as is_lost,
        currency,
        balance,
        credit_balance,
        conversion_rate,
        cast(null as decimal(38, 16)) as real_time_balance,
        cast(null as decimal(38, 16)) as real_time_credit_balance,
        cast(null as decimal(38, 16)) as pending_amount,
        cast(null as boolean) as is_cached_fallback,
        cast(null as decimal(38, 16)) as free_credits,
        cast(null as decimal(38, 16)) as purchased_credits,
        cast(null as decimal(38, 16)) as other_credits,
        cast(null as timestamp with time zone) as split_valid_from,
        balance_snapshot_at,
        cast(null as timestamp with time zone) as real_time_snapshot_at,
        cast(null as timestamp with time zone) as credits_snapshot_at,
        date_day
    from ends
    where return_day is null or return_day > date_day
),

-- What begins on a day and closes it: only such a day held anything else.
begun as (
    select
        history.wallet_id as wallet_id,
        history.customer_id as customer_id,
        history.currency as currency,
        snapshots.date_day as date_day
    from flexprice.wallet_balance_history as history
    inner join snapshots on history.valid_from = snapshots.snapshot_at
    left join snapshots as later_snapshots on history.valid_to = later_snapshots.snapshot_at
    where
        history.ended is null
        and (later_snapshots.date_day is null or later_snapshots.date_day > snapshots.date_day)
    union all
    select
        wallet_id,
        customer_id,
        currency,
        date_day
    from ends
    where return_day is null or return_day > date_day
),

-- What was held earlier on a day.
earlier as (
    select
        wallets.wallet_id as wallet_id,
        snapshots.date_day as date_day,
        intervals.currency as currency,
        intervals.valid_from as valid_from,
        intervals.balance as balance
    from flexprice_raw.stored_balance_intervals as intervals
    inner join flexprice_raw.stored_wallets as wallets on intervals.wallet_number = wallets.wallet_number
    inner join snapshots on intervals.valid_to = snapshots.snapshot_at
    where intervals.ended is null
    union all
    select
        wallet_id,
        date_day,
        currency,
        ended_at as valid_from,
        balance
    from ends
    where return_day = date_day
),

earlier_in_currency as (
    select
        begun.wallet_id as wallet_id,
        begun.customer_id as customer_id,
        begun.date_day as date_day,
        min(earlier.balance) as lowest_balance,
        max(earlier.balance) as highest_balance,
        max(case when earlier.valid_from < calendar.day_start then earlier.balance end) as opening_balance
    from begun
    inner join calendar on begun.date_day = calendar.date_day
    inner join earlier
        on
            begun.wallet_id = earlier.wallet_id
            and begun.date_day = earlier.date_day
            and begun.currency = earlier.currency
    group by begun.wallet_id, begun.customer_id, begun.date_day
),

-- Snapshots of scope 'selected' that asked for an optional figure and got it.
selected_figures as (
    select
        covered.wallet_id as wallet_id,
        snapshots.date_day as date_day,
        count(case when snapshots.include_real_time_balance and real_time_gaps.wallet_id is null then 1 end)
            as got_real_time,
        count(case when snapshots.include_credits_available_breakdown and credits_gaps.wallet_id is null then 1 end)
            as got_credits
    from flexprice_raw.stored_selected_wallets as covered
    inner join snapshots on covered.snapshot_at = snapshots.snapshot_at
    left join flexprice_raw.stored_figure_gaps as real_time_gaps
        on
            covered.wallet_id = real_time_gaps.wallet_id
            and real_time_gaps.figure = 'real_time'
            and covered.snapshot_at >= real_time_gaps.gap_from
            and covered.snapshot_at
            < coalesce(real_time_gaps.gap_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    left join flexprice_raw.stored_figure_gaps as credits_gaps
        on
            covered.wallet_id = credits_gaps.wallet_id
            and credits_gaps.figure = 'credits_available'
            and covered.snapshot_at >= credits_gaps.gap_from
            and covered.snapshot_at
            < coalesce(credits_gaps.gap_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    group by covered.wallet_id, snapshots.date_day
),

observed as (
    select
        closings.*,
        calendar.day_start as day_start,
        closings.split_valid_from < calendar.day_end as is_split_known,
        closings.is_lost or closings.balance_snapshot_at >= calendar.day_start as is_changed,
        case
            when closings.ended_at is not null then closings.ended_at
            else
                greatest(
                    closings.valid_from,
                    coalesce(exceptions.last_observed_at, calendar.last_all_at, closings.valid_from)
                )
        end as last_observed_at,
        closings.real_time_snapshot_at >= calendar.day_start
        or (calendar.real_time_asked_from is not null and real_time_gaps.wallet_id is null)
        or coalesce(selected_figures.got_real_time, 0) > 0 as is_real_time_observed,
        closings.credits_snapshot_at >= calendar.day_start
        or (calendar.credits_asked_from is not null and credits_gaps.wallet_id is null)
        or coalesce(selected_figures.got_credits, 0) > 0 as is_credits_observed
    from closings
    inner join calendar on closings.date_day = calendar.date_day
    left join flexprice_raw.stored_observation_exceptions as exceptions
        on
            closings.wallet_id = exceptions.wallet_id
            and calendar.day_end > exceptions.exception_from
            and calendar.day_end
            <= coalesce(exceptions.exception_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    -- A gap that spans every snapshot of the day that asked.
    left join flexprice_raw.stored_figure_gaps as real_time_gaps
        on
            closings.wallet_id = real_time_gaps.wallet_id
            and real_time_gaps.figure = 'real_time'
            and calendar.real_time_asked_from >= real_time_gaps.gap_from
            and calendar.real_time_asked_to
            < coalesce(real_time_gaps.gap_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    left join flexprice_raw.stored_figure_gaps as credits_gaps
        on
            closings.wallet_id = credits_gaps.wallet_id
            and credits_gaps.figure = 'credits_available'
            and calendar.credits_asked_from >= credits_gaps.gap_from
            and calendar.credits_asked_to
            < coalesce(credits_gaps.gap_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    left join selected_figures
        on closings.wallet_id = selected_figures.wallet_id and closings.date_day = selected_figures.date_day
)

select
    -- ids
    observed.wallet_id as wallet_id,
    observed.date_day as date_day,
    observed.customer_id as customer_id,
    observed.currency as currency,
    observed.life_number as life_number,
    case
        when observed.is_changed then 'changed'
        when observed.last_observed_at >= observed.day_start then 'unchanged'
        else 'carried_forward'
    end as observation,
    observed.ended_at is not null as is_ended,

    -- figures
    case
        when observed.ended_at is null and observed.valid_from < observed.day_start then observed.balance
        else earlier_in_currency.opening_balance
    end as opening_balance,
    observed.balance as closing_balance,
    least(
        coalesce(observed.balance, earlier_in_currency.lowest_balance),
        coalesce(earlier_in_currency.lowest_balance, observed.balance)
    ) as lowest_balance,
    greatest(
        coalesce(observed.balance, earlier_in_currency.highest_balance),
        coalesce(earlier_in_currency.highest_balance, observed.balance)
    ) as highest_balance,
    observed.credit_balance as closing_credit_balance,
    observed.conversion_rate as closing_conversion_rate,
    case when observed.is_real_time_observed then observed.real_time_balance end as closing_real_time_balance,
    case when observed.is_real_time_observed then observed.real_time_credit_balance end
        as closing_real_time_credit_balance,
    case when observed.is_real_time_observed then observed.pending_amount end as closing_pending_amount,
    case when observed.is_real_time_observed then coalesce(observed.is_cached_fallback, false) end
        as closing_is_cached_fallback,
    case when observed.is_credits_observed then observed.free_credits end as closing_free_credits,
    case when observed.is_credits_observed then observed.purchased_credits end as closing_purchased_credits,
    -- Carried forward with the balance they belong to; null where the credits by kind are older.
    case
        when observed.is_split_known
            then
                cast(
                    cast(coalesce(observed.free_credits, 0) as decimal(33, 11)) * observed.conversion_rate
                    as decimal(38, 16)
                )
    end as closing_free_balance,
    case
        when observed.is_split_known
            then
                cast(
                    cast(coalesce(observed.purchased_credits, 0) as decimal(33, 11)) * observed.conversion_rate
                    as decimal(38, 16)
                )
    end as closing_purchased_balance,
    case
        when observed.is_split_known
            then
                cast(
                    cast(coalesce(observed.other_credits, 0) as decimal(33, 11)) * observed.conversion_rate
                    as decimal(38, 16)
                )
    end as closing_other_balance,
    rates.reporting_currency as reporting_currency,
    rates.rate as reporting_rate,
    cast(observed.balance * rates.rate as decimal(38, 19)) as reporting_closing_balance,

    -- times
    observed.last_observed_at as last_observed_at,
    case when observed.is_real_time_observed then observed.real_time_snapshot_at end as real_time_valid_from,
    case when observed.is_split_known then observed.split_valid_from end as split_valid_from,
    observed.ended_at as ended_at
from observed
left join earlier_in_currency
    on
        observed.wallet_id = earlier_in_currency.wallet_id
        and observed.customer_id = earlier_in_currency.customer_id
        and observed.date_day = earlier_in_currency.date_day
left join flexprice.exchange_rates as rates
    on observed.date_day = rates.date_day and lower(observed.currency) = rates.currency;
