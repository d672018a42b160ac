-- grain: customer, currency, date_day
create or replace view flexprice.customer_balance_daily as
with
daily as (
    select * from flexprice.wallet_balance_daily
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

current_wallets as (
    select * from flexprice_raw.stored_wallets
),

-- What kind each wallet was, and at the ends of which days.
kinds as (
    select
        wallet_id,
        wallet_type,
        cast(valid_from at time zone 'UTC' as date) as first_day,
        cast(valid_to at time zone 'UTC' as date) as next_day
    from flexprice_raw.stored_settings_intervals
    union all
    select
        wallet_id,
        wallet_type,
        cast(settings_snapshot_at at time zone 'UTC' as date) as first_day,
        date '9999-12-31' as next_day
    from current_wallets
),

wallets as (
    select
        daily.*,
        not daily.is_ended as is_living,
        not daily.is_ended and daily.split_valid_from is not null as is_broken_down,
        not daily.is_ended and coalesce(kinds.wallet_type, 'PRE_PAID') = 'PRE_PAID' as is_prepaid
    from daily
    left join kinds
        on
            daily.wallet_id = kinds.wallet_id
            and daily.date_day >= kinds.first_day
            and daily.date_day < kinds.next_day
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
        count(distinct case when is_living then closing_conversion_rate end) as conversion_rates,
        coalesce(sum(case when is_living and closing_balance > 0 then closing_balance end), 0)
            as closing_outstanding_balance,
        sum(case when is_broken_down and closing_balance > 0 then closing_free_balance end) as closing_free_balance,
        sum(case when is_broken_down and closing_balance > 0 then closing_purchased_balance end)
            as closing_purchased_balance,
        sum(case when is_broken_down and closing_balance > 0 then closing_other_balance end) as closing_other_balance,
        coalesce(sum(case when is_broken_down and closing_balance > 0 then closing_balance end), 0)
            as closing_broken_down_balance,
        count(case when is_broken_down then 1 end) as broken_down_wallets,
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
    sums.customer_id as customer_id,
    sums.currency as currency,
    sums.date_day as date_day,
    customer_names.external_id as external_id,
    customer_names.customer_name as customer_name,

    -- figures
    sums.closing_balance as closing_balance,
    sums.closing_outstanding_balance as closing_outstanding_balance,
    cast(
        case when sums.broken_down_wallets > 0 then coalesce(sums.closing_purchased_balance, 0) end as decimal(38, 16)
    ) as closing_purchased_balance,
    cast(case when sums.broken_down_wallets > 0 then coalesce(sums.closing_free_balance, 0) end as decimal(38, 16))
        as closing_free_balance,
    cast(case when sums.broken_down_wallets > 0 then coalesce(sums.closing_other_balance, 0) end as decimal(38, 16))
        as closing_other_balance,
    sums.closing_broken_down_balance as closing_broken_down_balance,
    case when sums.conversion_rates <= 1 then sums.closing_credit_balance end as closing_credit_balance,
    sums.closing_prepaid_balance as closing_prepaid_balance,
    sums.closing_pending_amount as closing_pending_amount,
    cast(
        cast(sums.closing_prepaid_balance as decimal(37, 16)) - cast(sums.closing_pending_amount as decimal(37, 16))
        as decimal(38, 16)
    ) as closing_real_time_balance,
    rates.reporting_currency as reporting_currency,
    rates.rate as reporting_rate,
    cast(sums.closing_balance * rates.rate as decimal(38, 19)) as reporting_closing_balance,
    cast(sums.closing_outstanding_balance * rates.rate as decimal(38, 19)) as reporting_closing_outstanding_balance,
    sums.is_pending_cached as is_pending_cached,
    sums.living_wallets as living_wallets,
    sums.broken_down_wallets as broken_down_wallets,
    sums.ended_wallets as ended_wallets,
    sums.changed_wallets as changed_wallets,
    sums.carried_forward_wallets as carried_forward_wallets,

    -- times
    sums.last_observed_at as last_observed_at
from sums
left join customer_names on sums.customer_id = customer_names.customer_id
left join flexprice.exchange_rates as rates
    on sums.date_day = rates.date_day and lower(sums.currency) = rates.currency;
