-- The transactions of one batch of wallets as the snapshot leaves them, in the order that their times suggest.

create or replace temp table ledger_batch as
select
    wallet_id,
    ledger_number
from rebuilt_ledgers
where wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id');

create or replace temp table fresh_transactions as
with
bounds as (
    select
        min(ledger_number) as first_number,
        max(ledger_number) as last_number
    from ledger_batch
),

-- The last load before this one that would have seen any completion.
last_ledger as (
    select max(snapshots.snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    cross join applying
    where
        snapshots.ledger = 'complete'
        and snapshots.scope = 'all'
        and snapshots.snapshot_at < applying.snapshot_at
),

old as (
    select *
    from flexprice_raw.stored_transactions
    where
        ledger_number between (select first_number from bounds) and (select last_number from bounds)
        and ledger_number in (select ledger_number from ledger_batch)
),

fresh as (
    select
        batch.ledger_number,
        written.*
    from written_transactions as written
    inner join ledger_batch as batch on written.wallet_id = batch.wallet_id
    where
        written.wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
),

news as (
    select
        fresh.*,
        case
            when fresh.transaction_status = 'pending' then fresh.snapshot_at
            when old.transaction_status = 'pending' and last_ledger.snapshot_at > old.pending_at
                then last_ledger.snapshot_at
            else old.pending_at
        end as pending_at,
        case
            when fresh.transaction_status <> 'completed' then null
            when old.transaction_status = 'completed' then old.completed_by
            else fresh.source_updated_at
        end as completed_by,
        case
            when
                old.transaction_status = 'completed'
                and (
                    fresh.transaction_status <> 'completed'
                    or fresh.transaction_type <> old.transaction_type
                    or fresh.credit_amount <> old.credit_amount
                    or fresh.amount <> old.amount
                    or fresh.credit_balance_before <> old.credit_balance_before
                    or fresh.credit_balance_after <> old.credit_balance_after
                    or fresh.currency <> old.currency
                    or fresh.transaction_reason is distinct from old.transaction_reason
                    or fresh.source_created_at <> old.source_created_at
                    or fresh.credits_available > old.credits_available
                )
                then fresh.snapshot_at
            else old.changed_at
        end as changed_at,
        case
            when fresh.transaction_status <> 'completed' then null
            when old.transaction_status = 'completed' then old.is_completed_later
            when fresh.source_updated_at = fresh.source_created_at then false
            when old.transaction_status is not null then true
            when fresh.transaction_type <> 'credit' then false
            -- Nothing has touched it but its completion.
            when fresh.credits_available = fresh.credit_amount then true
            -- What was consumed since does not say any more when it was completed. These wait for a payment, and
            -- bonuses for that of their purchase; other reasons are known to be completed when they are created.
            else
                coalesce(fresh.transaction_reason = 'PURCHASED_CREDIT_INVOICED', false)
                or fresh.parent_transaction_id is not null
        end as is_completed_later,
        -- Whether completed_by is its best guess.
        old.transaction_status is not null or fresh.credits_available = fresh.credit_amount as is_dated
    from fresh
    left join old on fresh.transaction_id = old.transaction_id
    cross join last_ledger
),

known as (
    select
        ledger_number,
        transaction_id,
        customer_id,
        transaction_type,
        transaction_status,
        transaction_reason,
        record_status,
        currency,
        credit_amount,
        amount,
        credit_balance_before,
        credit_balance_after,
        credits_available,
        conversion_rate,
        topup_conversion_rate,
        expires_at,
        priority,
        reference_type,
        reference_id,
        parent_transaction_id,
        description,
        source_created_at,
        source_updated_at,
        observed_at,
        snapshot_at,
        pending_at,
        completed_by,
        changed_at,
        is_completed_later,
        fixed_hash
    from news
    union all
    select
        ledger_number,
        transaction_id,
        customer_id,
        transaction_type,
        transaction_status,
        transaction_reason,
        record_status,
        currency,
        credit_amount,
        amount,
        credit_balance_before,
        credit_balance_after,
        credits_available,
        conversion_rate,
        topup_conversion_rate,
        expires_at,
        priority,
        reference_type,
        reference_id,
        parent_transaction_id,
        description,
        source_created_at,
        source_updated_at,
        observed_at,
        snapshot_at,
        pending_at,
        completed_by,
        changed_at,
        is_completed_later,
        fixed_hash
    from old
    where transaction_id not in (select transaction_id from fresh)
)

select
    *,
    row_number() over () as row_id,
    case
        when transaction_status <> 'completed' then null
        when is_completed_later then completed_by
        else source_created_at
    end as latest_at
from known;

create or replace temp table completed_order as
select
    row_id,
    ledger_number,
    row_number() over by_time as ledger_position,
    coalesce(lag(credit_balance_after) over by_time, 0) <> credit_balance_before as is_gap
from fresh_transactions
where transaction_status = 'completed'
-- Of what may have been completed later and was consumed since, when it was created is the better guess: where that is
-- wrong, the chain says so.
window by_time as (
    partition by ledger_number
    order by
        case
            when is_completed_later and (pending_at is not null or credits_available = credit_amount) then latest_at
            else source_created_at
        end,
        source_created_at,
        transaction_id
);

-- What does not make a chain in that order is put in order outside; see `ledger_order`.
create or replace temp table disordered as
select
    fresh.ledger_number,
    fresh.row_id,
    fresh.credit_balance_before,
    fresh.credit_balance_after,
    epoch_us(fresh.source_created_at) as earliest,
    epoch_us(greatest(fresh.latest_at, fresh.source_created_at)) as latest,
    guessed.ledger_position
from fresh_transactions as fresh
inner join completed_order as guessed on fresh.row_id = guessed.row_id
where fresh.ledger_number in (select ledger_number from completed_order where is_gap);
