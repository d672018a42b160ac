-- grain: wallet, of those that lived at `as_of`
create or replace macro flexprice.wallet_balance_as_of(as_of) as table (
    with
    intervals as (
        select * from flexprice.wallet_balance_history
    ),

    last_snapshot as (
        select max(snapshot_at) as snapshot_at
        from flexprice_raw.snapshots
        where scope = 'all' and snapshot_at <= cast(as_of as timestamp with time zone)
    ),

    selected as (
        select
            wallet_id,
            max(snapshot_at) as snapshot_at
        from flexprice_raw.stored_selected_wallets
        where snapshot_at <= cast(as_of as timestamp with time zone)
        group by wallet_id
    ),

    held as (
        select
            intervals.*,
            greatest(
                intervals.valid_from,
                coalesce(
                    case
                        when unobserved.wallet_id is null then last_snapshot.snapshot_at
                        else unobserved.last_observed_at
                    end,
                    intervals.valid_from
                ),
                coalesce(selected.snapshot_at, intervals.valid_from)
            ) as last_observed_at
        from intervals
        cross join last_snapshot
        left join flexprice_raw.stored_unobserved_wallets as unobserved
            on intervals.wallet_id = unobserved.wallet_id and last_snapshot.snapshot_at = unobserved.snapshot_at
        left join selected on intervals.wallet_id = selected.wallet_id
        where
            intervals.valid_from <= cast(as_of as timestamp with time zone)
            and (intervals.valid_to is null or intervals.valid_to > cast(as_of as timestamp with time zone))
            and intervals.ended is null
    )

    select
        -- ids
        wallet_id,
        customer_id,
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
        last_observed_at
    from held
);
