-- grain: wallet, valid_from
create or replace view flexprice.wallet_ledger_history as
with
-- Changes of the rate, with what the wallet held then.
revaluations as (
    select
        wallets.wallet_id as wallet_id,
        transactions.transaction_id as transaction_id,
        transactions.customer_id as customer_id,
        transactions.credit_balance_after as credit_balance,
        transactions.next_completed_at as next_completed_at,
        rates.currency as currency,
        rates.conversion_rate as conversion_rate,
        rates.valid_from as valid_from
    from flexprice_raw.stored_rates as rates
    inner join flexprice_raw.stored_ledger_wallets as wallets on rates.wallet_id = wallets.wallet_id
    inner join flexprice_raw.stored_transactions as transactions
        on
            wallets.ledger_number = transactions.ledger_number
            and rates.valid_from > transactions.completed_at
            and (transactions.next_completed_at is null or rates.valid_from < transactions.next_completed_at)
    where rates.previous_currency is not null
),

first_revaluations as (
    select
        wallet_id,
        transaction_id,
        min(valid_from) as valid_from
    from revaluations
    group by wallet_id, transaction_id
),

intervals as (
    select
        wallets.wallet_id as wallet_id,
        transactions.customer_id as customer_id,
        transactions.wallet_currency as currency,
        transactions.wallet_conversion_rate as conversion_rate,
        transactions.credit_balance_after as credit_balance,
        transactions.transaction_id as transaction_id,
        transactions.completed_after as changed_after,
        transactions.completed_at as valid_from,
        coalesce(first_revaluations.valid_from, transactions.next_completed_at) as valid_to
    from flexprice_raw.stored_transactions as transactions
    inner join flexprice_raw.stored_ledger_wallets as wallets on transactions.ledger_number = wallets.ledger_number
    left join first_revaluations
        on
            wallets.wallet_id = first_revaluations.wallet_id
            and transactions.transaction_id = first_revaluations.transaction_id
    where
        transactions.ledger_position is not null
        -- Of several at one instant, the last counts.
        and (transactions.next_completed_at is null or transactions.next_completed_at > transactions.completed_at)
    union all
    select
        revaluations.wallet_id as wallet_id,
        revaluations.customer_id as customer_id,
        revaluations.currency as currency,
        revaluations.conversion_rate as conversion_rate,
        revaluations.credit_balance as credit_balance,
        revaluations.transaction_id as transaction_id,
        revaluations.valid_from as changed_after,
        revaluations.valid_from as valid_from,
        coalesce(
            lead(revaluations.valid_from) over (
                partition by revaluations.wallet_id, revaluations.transaction_id order by revaluations.valid_from
            ),
            revaluations.next_completed_at
        ) as valid_to
    from revaluations
)

select
    -- ids
    wallet_id,
    customer_id,
    transaction_id,
    currency,

    -- figures
    conversion_rate,
    credit_balance,
    cast(credit_balance * conversion_rate as decimal(28, 9)) as balance,

    -- times
    changed_after,
    valid_from,
    valid_to,
    valid_to is null as is_current
from intervals;
