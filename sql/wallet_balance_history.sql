-- grain: wallet, valid_from
create or replace view flexprice.wallet_balance_history as
with
-- A wallet's intervals are found by its number, which is much faster than by its id.
intervals as (
    select
        wallets.wallet_id as wallet_id,
        closed.customer_id as customer_id,
        closed.life_number as life_number,
        closed.ended as ended,
        closed.currency as currency,
        closed.conversion_rate as conversion_rate,
        closed.balance as balance,
        closed.credit_balance as credit_balance,
        closed.real_time_balance as real_time_balance,
        closed.real_time_credit_balance as real_time_credit_balance,
        closed.pending_amount as pending_amount,
        closed.current_period_usage as current_period_usage,
        closed.unpaid_invoices_amount as unpaid_invoices_amount,
        closed.is_cached_fallback as is_cached_fallback,
        closed.free_credits as free_credits,
        closed.purchased_credits as purchased_credits,
        closed.other_credits as other_credits,
        closed.valid_from as valid_from,
        closed.valid_to as valid_to,
        closed.balance_observed_at as balance_observed_at,
        closed.real_time_observed_at as real_time_observed_at,
        closed.credits_observed_at as credits_observed_at,
        closed.balance_snapshot_at as balance_snapshot_at,
        closed.real_time_snapshot_at as real_time_snapshot_at,
        closed.credits_snapshot_at as credits_snapshot_at,
        closed.split_valid_from as split_valid_from
    from flexprice_raw.stored_balance_intervals as closed
    inner join flexprice_raw.stored_wallets as wallets on closed.wallet_number = wallets.wallet_number
    union all
    select
        wallets.wallet_id as wallet_id,
        wallets.balance_customer_id as customer_id,
        wallets.life_number as life_number,
        wallets.ended as ended,
        wallets.currency as currency,
        wallets.conversion_rate as conversion_rate,
        wallets.balance as balance,
        wallets.credit_balance as credit_balance,
        wallets.real_time_balance as real_time_balance,
        wallets.real_time_credit_balance as real_time_credit_balance,
        wallets.pending_amount as pending_amount,
        wallets.current_period_usage as current_period_usage,
        wallets.unpaid_invoices_amount as unpaid_invoices_amount,
        wallets.is_cached_fallback as is_cached_fallback,
        wallets.free_credits as free_credits,
        wallets.purchased_credits as purchased_credits,
        wallets.other_credits as other_credits,
        wallets.valid_from as valid_from,
        cast(null as timestamp with time zone) as valid_to,
        wallets.balance_observed_at as balance_observed_at,
        wallets.real_time_observed_at as real_time_observed_at,
        wallets.credits_observed_at as credits_observed_at,
        wallets.balance_snapshot_at as balance_snapshot_at,
        wallets.real_time_snapshot_at as real_time_snapshot_at,
        wallets.credits_snapshot_at as credits_snapshot_at,
        wallets.split_valid_from as split_valid_from
    from flexprice_raw.stored_wallets as wallets
    where wallets.valid_from is not null
)

-- What else was read of an ended wallet belongs to the life that is over.
select
    -- ids
    intervals.wallet_id as wallet_id,
    intervals.customer_id as customer_id,
    intervals.life_number as life_number,
    intervals.ended as ended,
    intervals.currency as currency,

    -- figures
    intervals.conversion_rate as conversion_rate,
    intervals.balance as balance,
    intervals.credit_balance as credit_balance,
    case when intervals.ended is null then intervals.real_time_balance end as real_time_balance,
    case when intervals.ended is null then intervals.real_time_credit_balance end as real_time_credit_balance,
    case when intervals.ended is null then intervals.pending_amount end as pending_amount,
    case when intervals.ended is null then intervals.current_period_usage end as current_period_usage,
    case when intervals.ended is null then intervals.unpaid_invoices_amount end as unpaid_invoices_amount,
    case when intervals.ended is null then intervals.is_cached_fallback end as is_cached_fallback,
    case when intervals.ended is null then intervals.free_credits end as free_credits,
    case when intervals.ended is null then intervals.purchased_credits end as purchased_credits,
    case when intervals.ended is null then intervals.other_credits end as other_credits,
    -- Null where the credits by kind are older than the balance.
    case
        when intervals.ended is null and intervals.split_valid_from is not null
            then
                cast(
                    cast(coalesce(intervals.free_credits, 0) as decimal(33, 11)) * intervals.conversion_rate
                    as decimal(38, 16)
                )
    end as free_balance,
    case
        when intervals.ended is null and intervals.split_valid_from is not null
            then
                cast(
                    cast(coalesce(intervals.purchased_credits, 0) as decimal(33, 11)) * intervals.conversion_rate
                    as decimal(38, 16)
                )
    end as purchased_balance,
    case
        when intervals.ended is null and intervals.split_valid_from is not null
            then
                cast(
                    cast(coalesce(intervals.other_credits, 0) as decimal(33, 11)) * intervals.conversion_rate
                    as decimal(38, 16)
                )
    end as other_balance,

    -- times
    intervals.valid_from as valid_from,
    intervals.valid_to as valid_to,
    intervals.valid_to is null as is_current,
    intervals.balance_observed_at as balance_observed_at,
    case when intervals.ended is null then intervals.real_time_observed_at end as real_time_observed_at,
    case when intervals.ended is null then intervals.credits_observed_at end as credits_observed_at,
    intervals.balance_snapshot_at as balance_snapshot_at,
    case when intervals.ended is null then intervals.real_time_snapshot_at end as real_time_snapshot_at,
    case when intervals.ended is null then intervals.credits_snapshot_at end as credits_snapshot_at,
    case when intervals.ended is null then intervals.split_valid_from end as split_valid_from
from intervals;
