-- grain: grant
create or replace view flexprice.credit_grants as
with
-- An expiry names the grant whose rest it takes.
expiries as (
    select
        wallets.wallet_id as wallet_id,
        transactions.reference_id as transaction_id,
        sum(transactions.credit_amount) as credits
    from flexprice_raw.stored_transactions as transactions
    inner join flexprice_raw.stored_ledger_wallets as wallets on transactions.ledger_number = wallets.ledger_number
    where
        transactions.transaction_reason = 'CREDIT_EXPIRED'
        and transactions.ledger_position is not null
        and transactions.transaction_type = 'debit'
    group by wallets.wallet_id, transactions.reference_id
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at from flexprice_raw.snapshots
),

-- The rate that the wallet has now, where it was ever observed.
grants as (
    select
        ledgers.wallet_id as wallet_id,
        grants.transaction_id as transaction_id,
        grants.customer_id as customer_id,
        grants.transaction_reason as transaction_reason,
        coalesce(reasons.origin, 'other') as origin,
        grants.parent_transaction_id as parent_transaction_id,
        grants.priority as priority,
        coalesce(wallets.currency, grants.wallet_currency) as currency,
        coalesce(wallets.conversion_rate, grants.wallet_conversion_rate) as conversion_rate,
        grants.credit_amount as granted_credits,
        coalesce(expiries.credits, 0) as expired_credits,
        grants.credits_available as available_credits,
        grants.expires_at as expires_at,
        grants.source_created_at as source_created_at,
        grants.completed_at as completed_at
    from flexprice_raw.stored_transactions as grants
    inner join flexprice_raw.stored_ledger_wallets as ledgers on grants.ledger_number = ledgers.ledger_number
    left join flexprice.transaction_reasons as reasons on grants.transaction_reason = reasons.transaction_reason
    left join flexprice_raw.stored_wallets as wallets on ledgers.wallet_id = wallets.wallet_id
    left join expiries
        on ledgers.wallet_id = expiries.wallet_id and grants.transaction_id = expiries.transaction_id
    where grants.ledger_position is not null and grants.transaction_type = 'credit'
)

select
    -- ids
    grants.transaction_id as transaction_id,
    grants.wallet_id as wallet_id,
    grants.customer_id as customer_id,
    grants.currency as currency,

    -- what it is
    grants.origin as origin,
    grants.transaction_reason as transaction_reason,
    grants.parent_transaction_id as parent_transaction_id,
    grants.priority as priority,

    -- figures
    grants.conversion_rate as conversion_rate,
    grants.granted_credits as granted_credits,
    cast(grants.granted_credits - grants.available_credits - grants.expired_credits as decimal(28, 9))
        as used_credits,
    cast(grants.expired_credits as decimal(28, 9)) as expired_credits,
    grants.available_credits as available_credits,
    cast(grants.granted_credits * grants.conversion_rate as decimal(28, 9)) as granted_amount,
    cast(grants.available_credits * grants.conversion_rate as decimal(28, 9)) as available_amount,
    cast(
        floor((extract(epoch from last_snapshot.snapshot_at) - extract(epoch from grants.completed_at)) / 86400)
        as bigint
    ) as age_days,

    -- times
    grants.expires_at as expires_at,
    grants.completed_at as completed_at,
    grants.source_created_at as source_created_at
from grants
cross join last_snapshot;
