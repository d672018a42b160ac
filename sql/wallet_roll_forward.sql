-- grain: wallet, currency, month
create or replace view flexprice.wallet_roll_forward as
with
-- What the wallet held when its rate changed leaves the balance at the old rate and comes back at the new one.
revaluations as (
    select
        wallets.wallet_id as wallet_id,
        rates.previous_currency as previous_currency,
        rates.currency as currency,
        cast(date_trunc('month', rates.valid_from at time zone 'UTC') as date) as month,
        transactions.credit_balance_after as credits,
        cast(transactions.credit_balance_after * rates.previous_conversion_rate as decimal(28, 9)) as previous_amount,
        cast(transactions.credit_balance_after * rates.conversion_rate as decimal(28, 9)) as amount
    from flexprice_raw.stored_rates as rates
    inner join flexprice_raw.stored_ledger_wallets as wallets on rates.wallet_id = wallets.wallet_id
    inner join flexprice_raw.stored_transactions as transactions
        on
            wallets.ledger_number = transactions.ledger_number
            and rates.valid_from > transactions.completed_at
            and (transactions.next_completed_at is null or rates.valid_from <= transactions.next_completed_at)
    where rates.previous_currency is not null
),

events as (
    select
        wallets.wallet_id as wallet_id,
        transactions.wallet_currency as currency,
        transactions.month as month,
        coalesce(reasons.movement, 'other') as line,
        transactions.credit_delta as credits,
        transactions.balance_delta as amount
    from flexprice_raw.stored_transactions as transactions
    inner join flexprice_raw.stored_ledger_wallets as wallets on transactions.ledger_number = wallets.ledger_number
    left join flexprice.transaction_reasons as reasons
        on transactions.transaction_reason = reasons.transaction_reason
    where transactions.ledger_position is not null
    union all
    select
        wallets.wallet_id as wallet_id,
        transactions.wallet_currency as currency,
        transactions.month as month,
        'missing' as line,
        transactions.missing_credits as credits,
        transactions.missing_balance as amount
    from flexprice_raw.stored_transactions as transactions
    inner join flexprice_raw.stored_ledger_wallets as wallets on transactions.ledger_number = wallets.ledger_number
    where transactions.missing_credits <> 0
    union all
    select
        wallet_id,
        previous_currency as currency,
        month,
        'revaluation' as line,
        -credits as credits,
        -previous_amount as amount
    from revaluations
    union all
    select
        wallet_id,
        currency,
        month,
        'revaluation' as line,
        credits,
        amount
    from revaluations
),

monthly as (
    select
        wallet_id,
        currency,
        sum(case when line = 'purchased' then credits else 0 end) as purchased_credits,
        sum(case when line = 'granted' then credits else 0 end) as granted_credits,
        sum(case when line = 'refunded' then credits else 0 end) as refunded_credits,
        sum(case when line = 'adjusted' then credits else 0 end) as adjusted_credits,
        sum(case when line = 'used' then credits else 0 end) as used_credits,
        sum(case when line = 'expired' then credits else 0 end) as expired_credits,
        sum(case when line = 'terminated' then credits else 0 end) as terminated_credits,
        sum(case when line = 'other' then credits else 0 end) as other_credits,
        sum(case when line = 'revaluation' then credits else 0 end) as revaluation_credits,
        sum(case when line = 'missing' then credits else 0 end) as missing_credits,
        sum(credits) as moved_credits,
        sum(case when line = 'purchased' then amount else 0 end) as purchased_amount,
        sum(case when line = 'granted' then amount else 0 end) as granted_amount,
        sum(case when line = 'refunded' then amount else 0 end) as refunded_amount,
        sum(case when line = 'adjusted' then amount else 0 end) as adjusted_amount,
        sum(case when line = 'used' then amount else 0 end) as used_amount,
        sum(case when line = 'expired' then amount else 0 end) as expired_amount,
        sum(case when line = 'terminated' then amount else 0 end) as terminated_amount,
        sum(case when line = 'other' then amount else 0 end) as other_amount,
        sum(case when line = 'revaluation' then amount else 0 end) as revaluation_amount,
        sum(case when line = 'missing' then amount else 0 end) as missing_amount,
        sum(amount) as moved_amount,
        month
    from events
    group by wallet_id, currency, month
),

levels as (
    select
        monthly.*,
        sum(monthly.moved_credits) over by_month as closing_credits,
        sum(monthly.moved_amount) over by_month as closing_amount,
        lead(monthly.month) over by_month as next_month
    from monthly
    window by_month as (partition by monthly.wallet_id, monthly.currency order by monthly.month)
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at from flexprice_raw.snapshots
)

select
    -- ids
    levels.wallet_id as wallet_id,
    levels.currency as currency,
    months.month as month,
    months.month_end <= last_snapshot.snapshot_at as is_over,
    coalesce(wallets.ended is not null and wallets.ended_at < months.month_end, false) as is_closed,

    -- credits
    cast(
        cast(levels.closing_credits as decimal(37, 9))
        - cast(case when months.month = levels.month then levels.moved_credits else 0 end as decimal(37, 9))
        as decimal(38, 9)
    ) as opening_credits,
    cast(case when months.month = levels.month then levels.purchased_credits else 0 end as decimal(38, 9))
        as purchased_credits,
    cast(case when months.month = levels.month then levels.granted_credits else 0 end as decimal(38, 9))
        as granted_credits,
    cast(case when months.month = levels.month then levels.refunded_credits else 0 end as decimal(38, 9))
        as refunded_credits,
    cast(case when months.month = levels.month then levels.adjusted_credits else 0 end as decimal(38, 9))
        as adjusted_credits,
    cast(case when months.month = levels.month then levels.used_credits else 0 end as decimal(38, 9))
        as used_credits,
    cast(case when months.month = levels.month then levels.expired_credits else 0 end as decimal(38, 9))
        as expired_credits,
    cast(case when months.month = levels.month then levels.terminated_credits else 0 end as decimal(38, 9))
        as terminated_credits,
    cast(case when months.month = levels.month then levels.other_credits else 0 end as decimal(38, 9))
        as other_credits,
    cast(case when months.month = levels.month then levels.revaluation_credits else 0 end as decimal(38, 9))
        as revaluation_credits,
    cast(levels.closing_credits as decimal(38, 9)) as closing_credits,
    cast(case when months.month = levels.month then -levels.missing_credits else 0 end as decimal(38, 9))
        as unexplained_credits,

    -- amounts
    cast(
        cast(levels.closing_amount as decimal(37, 9))
        - cast(case when months.month = levels.month then levels.moved_amount else 0 end as decimal(37, 9))
        as decimal(38, 9)
    ) as opening_amount,
    cast(case when months.month = levels.month then levels.purchased_amount else 0 end as decimal(38, 9))
        as purchased_amount,
    cast(case when months.month = levels.month then levels.granted_amount else 0 end as decimal(38, 9))
        as granted_amount,
    cast(case when months.month = levels.month then levels.refunded_amount else 0 end as decimal(38, 9))
        as refunded_amount,
    cast(case when months.month = levels.month then levels.adjusted_amount else 0 end as decimal(38, 9))
        as adjusted_amount,
    cast(case when months.month = levels.month then levels.used_amount else 0 end as decimal(38, 9))
        as used_amount,
    cast(case when months.month = levels.month then levels.expired_amount else 0 end as decimal(38, 9))
        as expired_amount,
    cast(case when months.month = levels.month then levels.terminated_amount else 0 end as decimal(38, 9))
        as terminated_amount,
    cast(case when months.month = levels.month then levels.other_amount else 0 end as decimal(38, 9))
        as other_amount,
    cast(case when months.month = levels.month then levels.revaluation_amount else 0 end as decimal(38, 9))
        as revaluation_amount,
    cast(levels.closing_amount as decimal(38, 9)) as closing_amount,
    cast(case when months.month = levels.month then -levels.missing_amount else 0 end as decimal(38, 9))
        as unexplained_amount
from levels
inner join flexprice_raw.stored_months as months
    on levels.month <= months.month and (levels.next_month is null or levels.next_month > months.month)
cross join last_snapshot
left join flexprice_raw.stored_wallets as wallets on levels.wallet_id = wallets.wallet_id;
