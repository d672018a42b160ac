-- grain: customer, currency, date_day
create or replace view flexprice.customer_balance_daily as
with
daily as (
    select * from flexprice.wallet_balance_daily
),

current_wallets as (
    select * from flexprice_raw.stored_wallets
),

-- What kind each wallet was, and when.
kinds as (
    select
        wallet_id,
        wallet_type,
        valid_from,
        valid_to
    from flexprice_raw.stored_settings_intervals
    union all
    select
        wallet_id,
        wallet_type,
        settings_snapshot_at as valid_from,
        timestamp with time zone '9999-12-31 00:00:00+00' as valid_to
    from current_wallets
),

wallets as (
    select
        daily.*,
        not daily.is_ended as is_living,
        not daily.is_ended and coalesce(kinds.wallet_type, 'PRE_PAID') = 'PRE_PAID' as is_prepaid
    from daily
    left join kinds
        on
            daily.wallet_id = kinds.wallet_id
            and (cast(daily.date_day as timestamp) + interval '1 day') at time zone 'UTC' > kinds.valid_from
            and (cast(daily.date_day as timestamp) + interval '1 day') at time zone 'UTC' <= kinds.valid_to
),

-- Pending charges are the same for each prepaid wallet of a currency: the latest observed stands for all.
ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, currency, date_day
            order by
                case when is_prepaid and closing_pending_amount is not null then 0 else 1 end asc,
                -- A figure from the server's cache may lack the latest movements.
                case when closing_is_cached_fallback then 1 else 0 end asc,
                -- A wallet observed later may have been so without real-time figures, as a frozen one is.
                real_time_valid_from desc,
                last_observed_at desc,
                wallet_id asc
        ) as pending_rank
    from wallets
),

sums as (
    select
        customer_id,
        currency,
        date_day,
        coalesce(sum(case when is_living then closing_balance end), 0) as closing_balance,
        coalesce(sum(case when is_living then closing_credit_balance end), 0) as closing_credit_balance,
        coalesce(sum(case when is_prepaid then closing_balance end), 0) as closing_prepaid_balance,
        max(case when pending_rank = 1 and is_prepaid then closing_pending_amount end) as closing_pending_amount,
        max(case when pending_rank = 1 and is_prepaid and closing_is_cached_fallback then 1 else 0 end) = 1
            as is_pending_cached,
        count(case when is_living then 1 end) as living_wallets,
        count(case when is_ended then 1 end) as ended_wallets,
        count(case when observation = 'changed' then 1 end) as changed_wallets,
        count(case when observation = 'carried_forward' then 1 end) as carried_forward_wallets,
        min(case when is_living then last_observed_at end) as last_observed_at
    from ranked
    group by customer_id, currency, date_day
)

select
    -- ids
    customer_id,
    currency,
    date_day,

    -- figures
    closing_balance,
    closing_credit_balance,
    closing_prepaid_balance,
    closing_pending_amount,
    cast(
        cast(closing_prepaid_balance as decimal(37, 16)) - cast(closing_pending_amount as decimal(37, 16))
        as decimal(38, 16)
    ) as closing_real_time_balance,
    is_pending_cached,
    living_wallets,
    ended_wallets,
    changed_wallets,
    carried_forward_wallets,

    -- times
    last_observed_at
from sums;
