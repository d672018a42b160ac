-- grain: transaction
create or replace view flexprice.wallet_transactions as
select
    -- ids
    transactions.transaction_id as transaction_id,
    wallets.wallet_id as wallet_id,
    transactions.customer_id as customer_id,
    transactions.currency as currency,

    -- what it is
    transactions.transaction_type as transaction_type,
    transactions.transaction_status as transaction_status,
    transactions.transaction_reason as transaction_reason,
    coalesce(reasons.movement, 'other') as movement,
    case when transactions.transaction_type = 'credit' then coalesce(reasons.origin, 'other') end as origin,
    transactions.record_status as record_status,
    transactions.description as description,
    transactions.reference_type as reference_type,
    transactions.reference_id as reference_id,
    transactions.parent_transaction_id as parent_transaction_id,
    transactions.priority as priority,
    transactions.ledger_position as ledger_position,

    -- figures
    transactions.credit_delta as credit_delta,
    transactions.balance_delta as balance_delta,
    transactions.credit_amount as credit_amount,
    transactions.amount as amount,
    transactions.credit_balance_before as credit_balance_before,
    transactions.credit_balance_after as credit_balance_after,
    transactions.credits_available as credits_available,
    transactions.conversion_rate as conversion_rate,
    transactions.topup_conversion_rate as topup_conversion_rate,
    transactions.missing_credits as missing_credits,

    -- times
    transactions.expires_at as expires_at,
    transactions.completed_at as completed_at,
    transactions.completed_after as completed_after,
    transactions.completed_after = transactions.completed_at and not transactions.is_completed_later
        as is_completed_at_exact,
    transactions.source_created_at as source_created_at,
    transactions.source_updated_at as source_updated_at,
    transactions.observed_at as observed_at,
    transactions.changed_at as changed_at,
    transactions.snapshot_at as snapshot_at
from flexprice_raw.stored_transactions as transactions
inner join flexprice_raw.stored_ledger_wallets as wallets on transactions.ledger_number = wallets.ledger_number
left join flexprice.transaction_reasons as reasons on transactions.transaction_reason = reasons.transaction_reason;
