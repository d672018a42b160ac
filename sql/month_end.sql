-- grain: currency, month
create or replace view flexprice.month_end as
with
days as (
    select
        *,
        cast(date_trunc('month', cast(date_day as timestamp)) as date) as month
    from flexprice.currency_balance_daily
),

-- A month is over once a load has looked after its end.
months as (
    select
        cast(date_trunc('month', cast(date_day as timestamp)) as date) as month,
        max(date_day) as date_day,
        max(day_end) as day_end
    from flexprice_raw.stored_calendar
    group by cast(date_trunc('month', cast(date_day as timestamp)) as date)
),

last_month as (
    select max(month) as month
    from months
),

holders as (
    select
        balances.currency as currency,
        months.month as month,
        count(distinct balances.customer_id) as customers
    from flexprice.wallet_balance_history as balances
    inner join months
        on
            balances.valid_from < months.day_end
            and coalesce(balances.valid_to, timestamp with time zone '9999-12-31 00:00:00+00') >= months.day_end
    where balances.balance > 0 and balances.ended is null
    group by balances.currency, months.month
),

compared as (
    select
        days.*,
        lag(days.outstanding_balance) over (partition by days.currency order by days.month) as outstanding_before
    from days
    inner join months on days.date_day = months.date_day
)

select
    -- ids
    compared.currency as currency,
    compared.month as month,
    compared.month < last_month.month as is_over,

    -- figures
    compared.outstanding_balance as outstanding_balance,
    compared.purchased_balance as purchased_balance,
    compared.free_balance as free_balance,
    compared.other_balance as other_balance,
    compared.broken_down_balance as broken_down_balance,
    compared.broken_down_share as broken_down_share,
    compared.frozen_balance as frozen_balance,
    compared.overdrawn_balance as overdrawn_balance,
    compared.closed_balance as closed_balance,
    cast(
        cast(compared.outstanding_balance as decimal(37, 9)) - cast(compared.outstanding_before as decimal(37, 9))
        as decimal(38, 9)
    ) as outstanding_change,
    compared.wallets as wallets,
    coalesce(holders.customers, 0) as customers,
    compared.carried_forward_wallets as carried_forward_wallets,

    -- times
    compared.date_day as date_day,
    compared.last_snapshot_at as as_at,
    compared.last_observed_at as last_observed_at
from compared
cross join last_month
left join holders on compared.currency = holders.currency and compared.month = holders.month;
