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
            and coalesce(balances.valid_to, timestamp with time zone '9999-12-31 00:00:00+00:00') >= months.day_end
    where balances.balance > 0 and balances.ended is null
    group by balances.currency, months.month
),

-- The ledger tells the split of a month that ends with a ledger read whole, and none left out since: one that is older
-- than the balances beside it would look fresh.
loads as (
    select
        snapshot_at,
        max(case when scope = 'all' and ledger = 'complete' then snapshot_at end) over (order by snapshot_at)
            as last_read_at,
        max(case when coalesce(ledger, 'not_asked') <> 'complete' then snapshot_at end) over (order by snapshot_at)
            as last_missed_at
    from flexprice_raw.snapshots
),

compared as (
    select
        days.*,
        loads.last_read_at is not null
        and (loads.last_missed_at is null or loads.last_read_at > loads.last_missed_at) as is_told_by_ledger,
        lag(days.outstanding_balance) over (partition by days.currency order by days.month) as outstanding_before
    from days
    inner join months on days.date_day = months.date_day
    left join loads on days.last_snapshot_at = loads.snapshot_at
),

split as (
    select
        *,
        cast(case when is_told_by_ledger then ledger_purchased_balance else purchased_balance end as decimal(38, 16))
            as split_purchased_balance,
        cast(case when is_told_by_ledger then ledger_free_balance else free_balance end as decimal(38, 16))
            as split_free_balance,
        cast(case when is_told_by_ledger then ledger_other_balance else other_balance end as decimal(38, 16))
            as split_other_balance,
        case when is_told_by_ledger then 'ledger' when broken_down_wallets > 0 then 'breakdown' end as split_source,
        case when is_told_by_ledger then outstanding_balance else broken_down_balance end as split_balance
    from compared
)

select
    -- ids
    split.currency as currency,
    split.month as month,
    split.month < last_month.month as is_over,

    -- figures
    split.outstanding_balance as outstanding_balance,
    split.split_purchased_balance as purchased_balance,
    split.split_free_balance as free_balance,
    split.split_other_balance as other_balance,
    split.split_source as split_source,
    split.split_balance as broken_down_balance,
    case
        when split.is_told_by_ledger and split.outstanding_balance > 0 then cast(1 as decimal(5, 4))
        else split.broken_down_share
    end as broken_down_share,
    split.frozen_balance as frozen_balance,
    split.overdrawn_balance as overdrawn_balance,
    split.closed_balance as closed_balance,
    cast(
        cast(split.outstanding_balance as decimal(37, 9)) - cast(split.outstanding_before as decimal(37, 9))
        as decimal(38, 9)
    ) as outstanding_change,
    split.reporting_currency as reporting_currency,
    split.reporting_rate as reporting_rate,
    split.reporting_outstanding_balance as reporting_outstanding_balance,
    cast(cast(split.split_purchased_balance as decimal(38, 14)) * split.reporting_rate as decimal(38, 19))
        as reporting_purchased_balance,
    split.wallets as wallets,
    coalesce(holders.customers, 0) as customers,
    split.carried_forward_wallets as carried_forward_wallets,

    -- times
    split.date_day as date_day,
    split.last_snapshot_at as as_at,
    split.last_observed_at as last_observed_at
from split
cross join last_month
left join holders on split.currency = holders.currency and split.month = holders.month;
