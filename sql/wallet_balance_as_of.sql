-- grain: wallet, of those that lived at `as_of`
create or replace macro flexprice.wallet_balance_as_of(as_of) as table (
    with
    intervals as (
        select * from flexprice.wallet_balance_history
    ),

    -- Who the customers are now.
    customer_names as (
        select
            versions.customer_id as customer_id,
            versions.external_id as external_id,
            versions.name as customer_name
        from flexprice_raw.stored_customers as stored
        inner join flexprice_raw.customers as versions
            on stored.customer_id = versions.customer_id and stored.snapshot_at = versions.snapshot_at
    ),

    last_snapshot as (
        select max(snapshot_at) as snapshot_at
        from flexprice_raw.snapshots
        where scope = 'all' and snapshot_at <= cast(as_of as timestamp with time zone)
    ),

    held as (
        select
            intervals.*,
            customer_names.external_id as external_id,
            customer_names.customer_name as customer_name,
            coalesce(intervals.split_valid_from <= cast(as_of as timestamp with time zone), false) as is_split_known,
            greatest(
                intervals.valid_from,
                coalesce(exceptions.last_observed_at, last_snapshot.snapshot_at, intervals.valid_from)
            ) as last_observed_at
        from intervals
        cross join last_snapshot
        left join customer_names on intervals.customer_id = customer_names.customer_id
        left join flexprice_raw.stored_observation_exceptions as exceptions
            on
                intervals.wallet_id = exceptions.wallet_id
                and exceptions.exception_from <= cast(as_of as timestamp with time zone)
                and coalesce(exceptions.exception_to, timestamp with time zone '9999-12-31 00:00:00+00:00')
                > cast(as_of as timestamp with time zone)
        where
            intervals.valid_from <= cast(as_of as timestamp with time zone)
            and (intervals.valid_to is null or intervals.valid_to > cast(as_of as timestamp with time zone))
            and intervals.ended is null
    )

    select
        -- ids
        wallet_id,
        customer_id,
        external_id,
        customer_name,
        life_number,
        currency,

        -- figures
        conversion_rate,
        balance,
        credit_balance,
        real_time_balance,
        real_time_credit_balance,
        pending_amount,
        current_period_usage,
        unpaid_invoices_amount,
        is_cached_fallback,
        free_credits,
        purchased_credits,
        other_credits,
        case when is_split_known then free_balance end as free_balance,
        case when is_split_known then purchased_balance end as purchased_balance,
        case when is_split_known then other_balance end as other_balance,
        cast(
            floor(extract(epoch from cast(as_of as timestamp with time zone)) - extract(epoch from last_observed_at))
            as bigint
        ) as age_seconds,

        -- times
        valid_from,
        valid_to,
        is_current,
        balance_observed_at,
        real_time_observed_at,
        credits_observed_at,
        case when is_split_known then split_valid_from end as split_valid_from,
        last_observed_at
    from held
);
