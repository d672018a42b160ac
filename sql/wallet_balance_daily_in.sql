-- grain: wallet, date_day of the zone
create or replace macro flexprice.wallet_balance_daily_in(zone) as table (
    with
    intervals as (
        select * from flexprice.wallet_balance_history
        where ended is null
    ),

    loads as (
        select
            min(snapshot_at) as first_at,
            max(snapshot_at) as last_at
        from flexprice_raw.snapshots
    ),

    -- On its own: DuckDB 1.5 takes the macro's argument beside an aggregate for a column.
    bounds as (
        select
            date_trunc('day', first_at at time zone zone) as first_midnight,
            date_trunc('day', last_at at time zone zone) as last_midnight
        from loads
    ),

    midnights as (
        select unnest(generate_series(first_midnight, last_midnight + interval '1 day', interval '1 day')) as midnight
        from bounds
    ),

    -- Where clocks go back over midnight there are two, and the day begins with the earlier.
    beginnings as (
        select
            midnight,
            case
                when ((midnight at time zone zone) - interval '1 hour') at time zone zone >= midnight
                    then (midnight at time zone zone) - interval '1 hour'
                else midnight at time zone zone
            end as begins_at
        from midnights
    ),

    spans as (
        select
            cast(midnight as date) as date_day,
            begins_at as day_start,
            lead(begins_at) over (order by midnight) as day_end
        from beginnings
    ),

    days as (
        select
            spans.date_day as date_day,
            spans.day_start as day_start,
            spans.day_end as day_end,
            max(snapshots.snapshot_at) as last_all_at
        from spans
        left join flexprice_raw.snapshots as snapshots
            on spans.day_end > snapshots.snapshot_at and snapshots.scope = 'all'
        where spans.day_end is not null
        group by spans.date_day, spans.day_start, spans.day_end
    ),

    held as (
        select
            intervals.*,
            days.date_day as date_day,
            days.day_start as day_start,
            days.day_end as day_end,
            greatest(
                intervals.valid_from,
                coalesce(exceptions.last_observed_at, days.last_all_at, intervals.valid_from)
            ) as last_observed_at
        from intervals
        inner join days
            on
                intervals.valid_from < days.day_end
                and coalesce(intervals.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00') >= days.day_end
        left join flexprice_raw.stored_observation_exceptions as exceptions
            on
                intervals.wallet_id = exceptions.wallet_id
                and days.day_end > exceptions.exception_from
                and days.day_end
                <= coalesce(exceptions.exception_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
    )

    select
        -- ids
        wallet_id,
        date_day,
        customer_id,
        currency,
        life_number,

        -- figures
        balance as closing_balance,
        credit_balance as closing_credit_balance,
        last_observed_at < day_start as is_carried_forward,

        -- times
        day_start,
        day_end,
        last_observed_at
    from held
);
