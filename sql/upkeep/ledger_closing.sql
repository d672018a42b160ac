-- What one batch of wallets' transactions changed, now that their order is known.

create or replace temp table ordered_transactions as
with
placed as (
    select
        fresh.row_id,
        fresh.ledger_number,
        fresh.currency,
        fresh.credit_balance_after,
        coalesce(fresh.conversion_rate, fresh.topup_conversion_rate) as stated_rate,
        fresh.source_created_at,
        fresh.pending_at,
        fresh.is_completed_later,
        fresh.latest_at,
        coalesce(chained.ledger_position, completed_order.ledger_position) as ledger_position
    from fresh_transactions as fresh
    inner join completed_order on fresh.row_id = completed_order.row_id
    left join chained on fresh.row_id = chained.row_id
),

-- A transaction was completed after all before it were created, and before all after it had been completed.
bounded as (
    select
        *,
        max(source_created_at) over (
            partition by ledger_number order by ledger_position
            rows between unbounded preceding and current row
        ) as not_before
    from placed
),

timed as (
    select
        *,
        greatest(
            not_before,
            min(case when is_completed_later then latest_at else not_before end) over (
                partition by ledger_number order by ledger_position
                rows between current row and unbounded following
            )
        ) as completed_at
    from bounded
),

linked as (
    select
        *,
        case
            -- What the last load saw pending is by another clock.
            when is_completed_later then least(greatest(not_before, coalesce(pending_at, not_before)), completed_at)
            else source_created_at
        end as completed_after,
        lead(completed_at) over (partition by ledger_number order by ledger_position) as next_completed_at,
        coalesce(lag(credit_balance_after) over (partition by ledger_number order by ledger_position), 0)
            as credit_balance_behind
    from timed
),

rates as (
    select
        batch.ledger_number,
        rates.currency,
        rates.conversion_rate,
        case when rates.previous_currency is null then timestamptz '-infinity' else rates.valid_from end as valid_from,
        lead(rates.valid_from) over (partition by rates.wallet_id order by rates.valid_from) as valid_to
    from flexprice_raw.stored_rates as rates
    inner join ledger_batch as batch on rates.wallet_id = batch.wallet_id
)

select
    linked.row_id,
    linked.ledger_position,
    linked.completed_after,
    linked.completed_at,
    linked.next_completed_at,
    linked.credit_balance_behind,
    coalesce(rates.currency, linked.currency) as wallet_currency,
    cast(coalesce(rates.conversion_rate, linked.stated_rate, 0) as decimal(10, 5)) as wallet_conversion_rate
from linked
left join rates
    on
        linked.ledger_number = rates.ledger_number
        and linked.completed_at >= rates.valid_from
        and (rates.valid_to is null or linked.completed_at < rates.valid_to);

delete from flexprice_raw.stored_transactions
where
    ledger_number between (select min(ledger_number) from ledger_batch) and (
        select max(ledger_number) from ledger_batch
    )
    and ledger_number in (select ledger_number from ledger_batch);

insert into flexprice_raw.stored_transactions
with
deltas as (
    select
        ordered.*,
        fresh.credit_balance_before,
        fresh.credit_balance_after,
        case when fresh.transaction_type = 'credit' then fresh.credit_amount else -fresh.credit_amount end as delta
    from ordered_transactions as ordered
    inner join fresh_transactions as fresh on ordered.row_id = fresh.row_id
),

-- Balances at the rate of that moment, each rounded as the wallet's balance is.
amounts as (
    select
        *,
        cast(credit_balance_before * wallet_conversion_rate as decimal(28, 9)) as balance_before,
        cast((credit_balance_before + delta) * wallet_conversion_rate as decimal(28, 9)) as balance_moved,
        cast(credit_balance_behind * wallet_conversion_rate as decimal(28, 9)) as balance_behind,
        cast(credit_balance_after * wallet_conversion_rate as decimal(28, 9)) as balance_after
    from deltas
)

select
    fresh.ledger_number,
    fresh.transaction_id,
    fresh.customer_id,
    fresh.transaction_type,
    fresh.transaction_status,
    fresh.transaction_reason,
    fresh.record_status,
    fresh.currency,
    fresh.credit_amount,
    fresh.amount,
    fresh.credit_balance_before,
    fresh.credit_balance_after,
    fresh.credits_available,
    fresh.conversion_rate,
    fresh.topup_conversion_rate,
    fresh.expires_at,
    fresh.priority,
    fresh.reference_type,
    fresh.reference_id,
    fresh.parent_transaction_id,
    fresh.description,
    fresh.source_created_at,
    fresh.source_updated_at,
    fresh.observed_at,
    fresh.snapshot_at,
    fresh.pending_at,
    fresh.completed_by,
    fresh.changed_at,
    fresh.is_completed_later,
    placed.ledger_position,
    placed.completed_after,
    placed.completed_at,
    placed.next_completed_at,
    cast(date_trunc('month', placed.completed_at at time zone 'UTC') as date) as month,
    placed.wallet_currency,
    placed.wallet_conversion_rate,
    coalesce(placed.delta, 0) as credit_delta,
    coalesce(placed.balance_moved - placed.balance_before, 0) as balance_delta,
    -- What the balances of this transaction and the one before say that moved without a transaction.
    coalesce(fresh.credit_balance_after - placed.credit_balance_behind - placed.delta, 0) as missing_credits,
    coalesce(
        placed.balance_after - placed.balance_behind - (placed.balance_moved - placed.balance_before), 0
    ) as missing_balance,
    fresh.fixed_hash
from fresh_transactions as fresh
left join amounts as placed on fresh.row_id = placed.row_id
order by fresh.ledger_number, placed.ledger_position;

update flexprice_raw.stored_ledger_wallets as wallets
set
    last_position = tails.last_position,
    last_credit_balance = tails.last_credit_balance,
    settled_at = tails.settled_at,
    is_in_order = tails.is_in_order
from (
    select
        batch.ledger_number,
        count(ordered.row_id) as last_position,
        coalesce(max_by(fresh.credit_balance_after, ordered.ledger_position), 0) as last_credit_balance,
        max(greatest(fresh.latest_at, fresh.source_created_at)) as settled_at,
        coalesce(not bool_or(guessed.is_gap), true) as is_in_order
    from ledger_batch as batch
    left join fresh_transactions as fresh
        on batch.ledger_number = fresh.ledger_number and fresh.transaction_status = 'completed'
    left join ordered_transactions as ordered on fresh.row_id = ordered.row_id
    left join completed_order as guessed on fresh.row_id = guessed.row_id
    group by batch.ledger_number
) as tails
where wallets.ledger_number = tails.ledger_number;

drop table ordered_transactions;

drop table fresh_transactions;

drop table completed_order;

drop table disordered;

drop table ledger_batch;
