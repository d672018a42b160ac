-- grain: currency, month
create or replace view flexprice.currency_roll_forward as
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

-- Reasons are looked up once summed: there are very many transactions.
sums as (
    select
        wallet_currency,
        month,
        transaction_reason,
        sum(credit_delta) as credits,
        sum(balance_delta) as amount
    from flexprice_raw.stored_transactions
    where ledger_position is not null
    group by wallet_currency, month, transaction_reason
),

-- What ended wallets hold counts as theirs from their end on.
ended as (
    select
        ledgers.ledger_number as ledger_number,
        cast(date_trunc('month', wallets.ended_at at time zone 'UTC') as date) as ended_month
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.stored_ledger_wallets as ledgers on wallets.wallet_id = ledgers.wallet_id
    where wallets.ended is not null
),

events as (
    select
        sums.wallet_currency as currency,
        sums.month as month,
        coalesce(reasons.movement, 'other') as line,
        sums.credits as credits,
        sums.amount as amount
    from sums
    left join flexprice.transaction_reasons as reasons on sums.transaction_reason = reasons.transaction_reason
    union all
    select
        wallet_currency as currency,
        month,
        'missing' as line,
        missing_credits as credits,
        missing_balance as amount
    from flexprice_raw.stored_transactions
    where missing_credits <> 0
    union all
    select
        previous_currency as currency,
        month,
        'revaluation' as line,
        -credits as credits,
        -previous_amount as amount
    from revaluations
    union all
    select
        currency,
        month,
        'revaluation' as line,
        credits,
        amount
    from revaluations
    union all
    select
        transactions.wallet_currency as currency,
        case when transactions.month < ended.ended_month then ended.ended_month else transactions.month end as month,
        'ended' as line,
        transactions.credit_delta + transactions.missing_credits as credits,
        transactions.balance_delta + transactions.missing_balance as amount
    from flexprice_raw.stored_transactions as transactions
    inner join ended on transactions.ledger_number = ended.ledger_number
    where transactions.ledger_position is not null
    union all
    select
        revaluations.previous_currency as currency,
        case when revaluations.month < ended.ended_month then ended.ended_month else revaluations.month end as month,
        'ended' as line,
        -revaluations.credits as credits,
        -revaluations.previous_amount as amount
    from revaluations
    inner join flexprice_raw.stored_ledger_wallets as ledgers on revaluations.wallet_id = ledgers.wallet_id
    inner join ended on ledgers.ledger_number = ended.ledger_number
    union all
    select
        revaluations.currency as currency,
        case when revaluations.month < ended.ended_month then ended.ended_month else revaluations.month end as month,
        'ended' as line,
        revaluations.credits as credits,
        revaluations.amount as amount
    from revaluations
    inner join flexprice_raw.stored_ledger_wallets as ledgers on revaluations.wallet_id = ledgers.wallet_id
    inner join ended on ledgers.ledger_number = ended.ledger_number
),

monthly as (
    select
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
        sum(case when line <> 'ended' then credits else 0 end) as moved_credits,
        sum(case when line = 'ended' then credits else 0 end) as ended_credits,
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
        sum(case when line <> 'ended' then amount else 0 end) as moved_amount,
        sum(case when line = 'ended' then amount else 0 end) as ended_amount,
        month
    from events
    group by currency, month
),

levels as (
    select
        monthly.*,
        sum(monthly.moved_credits) over by_month as closing_credits,
        sum(monthly.moved_amount) over by_month as closing_amount,
        sum(monthly.ended_credits) over by_month as closing_ended_credits,
        sum(monthly.ended_amount) over by_month as closing_ended_amount,
        lead(monthly.month) over by_month as next_month
    from monthly
    window by_month as (partition by monthly.currency order by monthly.month)
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at from flexprice_raw.snapshots
)

select
    -- ids
    levels.currency as currency,
    months.month as month,
    months.month_end <= last_snapshot.snapshot_at as is_over,

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
    cast(levels.closing_ended_credits as decimal(38, 9)) as closing_ended_credits,

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
        as unexplained_amount,
    cast(levels.closing_ended_amount as decimal(38, 9)) as closing_ended_amount
from levels
inner join flexprice_raw.stored_months as months
    on levels.month <= months.month and (levels.next_month is null or levels.next_month > months.month)
cross join last_snapshot;
