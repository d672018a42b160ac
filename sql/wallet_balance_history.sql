-- grain: wallet, valid_from
create or replace view flexprice.wallet_balance_history as
with
-- A wallet's intervals are found by its number, which is much faster than by its id.
intervals as (
    select
        wallets.wallet_id,
        closed.customer_id,
        closed.life_number,
        closed.ended,
        closed.currency,
        closed.conversion_rate,
        closed.balance,
        closed.credit_balance,
        closed.real_time_balance,
        closed.real_time_credit_balance,
        closed.pending_amount,
        closed.current_period_usage,
        closed.unpaid_invoices_amount,
        closed.is_cached_fallback,
        closed.free_credits,
        closed.purchased_credits,
        closed.other_credits,
        closed.valid_from,
        closed.valid_to,
        closed.balance_observed_at,
        closed.real_time_observed_at,
        closed.credits_observed_at,
        closed.balance_snapshot_at,
        closed.real_time_snapshot_at,
        closed.credits_snapshot_at
    from flexprice_raw.stored_balance_intervals as closed
    inner join flexprice_raw.stored_wallets as wallets on closed.wallet_number = wallets.wallet_number
    union all
    select
        wallets.wallet_id,
        wallets.balance_customer_id as customer_id,
        wallets.life_number,
        wallets.ended,
        wallets.currency,
        wallets.conversion_rate,
        wallets.balance,
        wallets.credit_balance,
        wallets.real_time_balance,
        wallets.real_time_credit_balance,
        wallets.pending_amount,
        wallets.current_period_usage,
        wallets.unpaid_invoices_amount,
        wallets.is_cached_fallback,
        wallets.free_credits,
        wallets.purchased_credits,
        wallets.other_credits,
        wallets.valid_from,
        cast(null as timestamp with time zone) as valid_to,
        wallets.balance_observed_at,
        wallets.real_time_observed_at,
        wallets.credits_observed_at,
        wallets.balance_snapshot_at,
        wallets.real_time_snapshot_at,
        wallets.credits_snapshot_at
    from flexprice_raw.stored_wallets as wallets
    where wallets.valid_from is not null
)

-- What else was read of an ended wallet belongs to the life that is over.
select
    -- ids
    intervals.wallet_id,
    intervals.customer_id,
    intervals.life_number,
    intervals.ended,
    intervals.currency,

    -- figures
    intervals.conversion_rate,
    intervals.balance,
    intervals.credit_balance,
    case when intervals.ended is null then intervals.real_time_balance end as real_time_balance,
    case when intervals.ended is null then intervals.real_time_credit_balance end as real_time_credit_balance,
    case when intervals.ended is null then intervals.pending_amount end as pending_amount,
    case when intervals.ended is null then intervals.current_period_usage end as current_period_usage,
    case when intervals.ended is null then intervals.unpaid_invoices_amount end as unpaid_invoices_amount,
    case when intervals.ended is null then intervals.is_cached_fallback end as is_cached_fallback,
    case when intervals.ended is null then intervals.free_credits end as free_credits,
    case when intervals.ended is null then intervals.purchased_credits end as purchased_credits,
    case when intervals.ended is null then intervals.other_credits end as other_credits,

    -- times
    intervals.valid_from,
    intervals.valid_to,
    intervals.valid_to is null as is_current,
    intervals.balance_observed_at,
    case when intervals.ended is null then intervals.real_time_observed_at end as real_time_observed_at,
    case when intervals.ended is null then intervals.credits_observed_at end as credits_observed_at,
    intervals.balance_snapshot_at,
    case when intervals.ended is null then intervals.real_time_snapshot_at end as real_time_snapshot_at,
    case when intervals.ended is null then intervals.credits_snapshot_at end as credits_snapshot_at
from intervals;
