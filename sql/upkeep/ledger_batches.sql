-- The wallets that were not appended, in batches of so many transactions, whatever number of wallets they belong to.
create or replace temp table rebuilt_ledgers as
with
held as (
    select
        ledger_number,
        count(*) as transactions
    from flexprice_raw.stored_transactions
    where ledger_number in (select ledger_number from touched_ledgers where not is_appended)
    group by ledger_number
)

select
    touched.wallet_id,
    touched.ledger_number,
    (sum(touched.written_transactions + coalesce(held.transactions, 0)) over (order by touched.wallet_id))
    // getvariable('transactions_per_batch') as batch
from touched_ledgers as touched
left join held on touched.ledger_number = held.ledger_number
where not touched.is_appended
order by touched.wallet_id;
