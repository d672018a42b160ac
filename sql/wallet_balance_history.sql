-- grain: wallet, valid_from
create or replace view flexprice.wallet_balance_history as
with
-- A wallet's intervals are found by its number, which is much faster than by its id.
closed_intervals as (
    select
        wallets.wallet_id,
        intervals.customer_id,
        intervals.life_number,
        intervals.currency,
        intervals.conversion_rate,
        intervals.balance,
        intervals.credit_balance,
        intervals.real_time_balance,
        intervals.real_time_credit_balance,
        intervals.pending_amount,
        intervals.current_period_usage,
        intervals.unpaid_invoices_amount,
        intervals.free_credits,
        intervals.purchased_credits,
        intervals.other_credits,
        intervals.valid_from,
        intervals.valid_to,
        intervals.balance_observed_at,
        intervals.real_time_observed_at,
        intervals.credits_observed_at,
        intervals.balance_snapshot_at,
        intervals.real_time_snapshot_at,
        intervals.credits_snapshot_at
    from flexprice_raw.stored_balance_intervals as intervals
    inner join flexprice_raw.stored_wallets as wallets on intervals.wallet_number = wallets.wallet_number
),

current_wallets as (
    select * from flexprice_raw.stored_wallets
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
    free_credits,
    purchased_credits,
    other_credits,

    -- times
    valid_from,
    valid_to,
    false as is_current,
    balance_observed_at,
    real_time_observed_at,
    credits_observed_at,
    balance_snapshot_at,
    real_time_snapshot_at,
    credits_snapshot_at
from closed_intervals
union all
select
    wallet_id,
    balance_customer_id as customer_id,
    life_number,
    currency,
    conversion_rate,
    balance,
    credit_balance,
    real_time_balance,
    real_time_credit_balance,
    pending_amount,
    current_period_usage,
    unpaid_invoices_amount,
    free_credits,
    purchased_credits,
    other_credits,
    valid_from,
    cast(null as timestamp with time zone) as valid_to,
    true as is_current,
    balance_observed_at,
    real_time_observed_at,
    credits_observed_at,
    balance_snapshot_at,
    real_time_snapshot_at,
    credits_snapshot_at
from current_wallets
where valid_from is not null;
