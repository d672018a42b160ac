-- The wallets of one batch whose new transactions all come after those that are stored, in a chain with them: they are
-- appended, and of the stored ones only those values are written that change. All other wallets wait for `ledger`.

create or replace temp table appending_wallets as
select
    touched.wallet_id,
    wallets.ledger_number,
    wallets.last_position,
    wallets.last_credit_balance,
    wallets.settled_at
from touched_ledgers as touched
inner join flexprice_raw.stored_ledger_wallets as wallets on touched.wallet_id = wallets.wallet_id
where
    touched.is_candidate
    and touched.wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id');

create or replace temp table appending as
select
    wallets.ledger_number,
    written.* exclude (
        wallet_id, snapshot_id, version_hash, idempotency_key, metadata, tenant_id, environment_id, created_by,
        updated_by, unrecognized_fields
    )
from written_transactions as written
inner join appending_wallets as wallets on written.wallet_id = wallets.wallet_id
where written.wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id');

-- Of what is stored: the last completed transaction of each wallet, and what was written again.
create or replace temp table stored_before as
select
    stored.rowid as stored_row,
    stored.ledger_number,
    stored.transaction_id,
    stored.transaction_status,
    stored.credits_available,
    stored.source_updated_at,
    stored.observed_at,
    stored.snapshot_at,
    stored.pending_at,
    stored.is_completed_later,
    stored.ledger_position,
    stored.next_completed_at,
    stored.fixed_hash
from flexprice_raw.stored_transactions as stored
inner join appending_wallets as wallets on stored.ledger_number = wallets.ledger_number
where
    stored.ledger_number between (select min(ledger_number) from appending_wallets) and (
        select max(ledger_number) from appending_wallets
    )
    and (
        stored.ledger_position = wallets.last_position
        or stored.transaction_id in (select transaction_id from appending)
    );

create or replace temp table appended as
with
judged as (
    select
        fresh.ledger_number,
        fresh.transaction_id,
        fresh.transaction_status,
        fresh.credit_balance_before,
        fresh.credit_balance_after,
        fresh.source_created_at,
        wallets.last_position,
        wallets.last_credit_balance,
        old.transaction_id is not null as is_stored,
        case
            when old.transaction_id is null
                then
                    fresh.transaction_status <> 'completed'
                    or (
                        (wallets.settled_at is null or fresh.source_created_at > wallets.settled_at)
                        -- Surely completed when it was created, as `ledger` tells it.
                        and (
                            fresh.source_updated_at = fresh.source_created_at
                            or fresh.transaction_type <> 'credit'
                            or (
                                fresh.credits_available <> fresh.credit_amount
                                and fresh.transaction_reason is distinct from 'PURCHASED_CREDIT_INVOICED'
                                and fresh.parent_transaction_id is null
                            )
                        )
                    )
            -- Nothing moved but what is left of it, and its place does not depend on that.
            else
                old.transaction_status = 'completed'
                and fresh.credits_available <= old.credits_available
                and (not old.is_completed_later or old.pending_at is not null)
                and fresh.fixed_hash = old.fixed_hash
        end as is_fitting
    from appending as fresh
    inner join appending_wallets as wallets on fresh.ledger_number = wallets.ledger_number
    left join stored_before as old
        on fresh.ledger_number = old.ledger_number and fresh.transaction_id = old.transaction_id
),

placed as (
    select
        ledger_number,
        transaction_id,
        last_position + row_number() over by_time as ledger_position,
        lead(source_created_at) over by_time as next_completed_at,
        coalesce(lag(credit_balance_after) over by_time, last_credit_balance) <> credit_balance_before as is_gap
    from judged
    where not is_stored and transaction_status = 'completed'
    window by_time as (partition by ledger_number order by source_created_at, transaction_id)
),

unfit as (
    select ledger_number from judged
    where is_fitting is distinct from true
    union distinct
    select ledger_number from placed
    where is_gap
)

select
    judged.ledger_number,
    judged.transaction_id,
    judged.is_stored,
    placed.ledger_position,
    placed.next_completed_at
from judged
left join placed on judged.ledger_number = placed.ledger_number and judged.transaction_id = placed.transaction_id
where judged.ledger_number not in (select ledger_number from unfit);

-- The stored rows that change: of each grant what is left, of the last transaction when the next one was completed.
create or replace temp table stored_after as
with
next_ones as (
    select
        appended.ledger_number,
        min(fresh.source_created_at) as next_completed_at
    from appended
    inner join appending as fresh
        on appended.ledger_number = fresh.ledger_number and appended.transaction_id = fresh.transaction_id
    where appended.ledger_position is not null
    group by appended.ledger_number
),

again as (
    select fresh.*
    from appending as fresh
    inner join appended
        on fresh.ledger_number = appended.ledger_number and fresh.transaction_id = appended.transaction_id
    where appended.is_stored
)

select
    old.stored_row,
    coalesce(again.credits_available, old.credits_available) as credits_available,
    coalesce(again.source_updated_at, old.source_updated_at) as source_updated_at,
    coalesce(again.observed_at, old.observed_at) as observed_at,
    coalesce(again.snapshot_at, old.snapshot_at) as snapshot_at,
    coalesce(
        case when old.ledger_position = wallets.last_position then next_ones.next_completed_at end,
        old.next_completed_at
    ) as next_completed_at
from stored_before as old
inner join appending_wallets as wallets on old.ledger_number = wallets.ledger_number
left join again on old.ledger_number = again.ledger_number and old.transaction_id = again.transaction_id
left join next_ones on old.ledger_number = next_ones.ledger_number
where
    again.transaction_id is not null
    or (old.ledger_position = wallets.last_position and next_ones.next_completed_at is not null);

update flexprice_raw.stored_transactions as stored
set
    credits_available = fresh.credits_available,
    source_updated_at = fresh.source_updated_at,
    observed_at = fresh.observed_at,
    snapshot_at = fresh.snapshot_at,
    next_completed_at = fresh.next_completed_at
from stored_after as fresh
where stored.rowid = fresh.stored_row;

insert into flexprice_raw.stored_transactions by name
with
rates as (
    select
        wallets.ledger_number,
        rates.currency as rate_currency,
        rates.conversion_rate as rate,
        rates.valid_from,
        rates.previous_currency is null as is_first,
        lead(rates.valid_from) over (partition by rates.wallet_id order by rates.valid_from) as valid_to
    from flexprice_raw.stored_rates as rates
    inner join appending_wallets as wallets on rates.wallet_id = wallets.wallet_id
),

fresh as (
    select
        fresh.*,
        appended.ledger_position,
        appended.next_completed_at,
        case when appended.ledger_position is not null then fresh.source_created_at end as completed_at,
        case when fresh.transaction_type = 'credit' then fresh.credit_amount else -fresh.credit_amount end as delta
    from appending as fresh
    inner join appended
        on fresh.ledger_number = appended.ledger_number and fresh.transaction_id = appended.transaction_id
    where not appended.is_stored
),

rated as (
    select
        fresh.*,
        case when fresh.ledger_position is not null then coalesce(rates.rate_currency, fresh.currency) end
            as wallet_currency,
        case
            when fresh.ledger_position is not null
                then
                    cast(
                        coalesce(rates.rate, fresh.conversion_rate, fresh.topup_conversion_rate, 0)
                        as decimal(10, 5)
                    )
        end as wallet_conversion_rate
    from fresh
    left join rates
        on
            fresh.ledger_number = rates.ledger_number
            and (rates.is_first or fresh.completed_at >= rates.valid_from)
            and (rates.valid_to is null or fresh.completed_at < rates.valid_to)
            and fresh.ledger_position is not null
),

-- Balances at the rate of that moment, each rounded as the wallet's balance is.
amounts as (
    select
        *,
        cast(credit_balance_before * wallet_conversion_rate as decimal(28, 9)) as balance_before,
        cast((credit_balance_before + delta) * wallet_conversion_rate as decimal(28, 9)) as balance_moved,
        cast(credit_balance_after * wallet_conversion_rate as decimal(28, 9)) as balance_after
    from rated
)

select
    * exclude (delta, balance_before, balance_moved, balance_after),
    case when transaction_status = 'pending' then snapshot_at end as pending_at,
    case when ledger_position is not null then source_updated_at end as completed_by,
    case when ledger_position is not null then false end as is_completed_later,
    completed_at as completed_after,
    cast(date_trunc('month', completed_at at time zone 'UTC') as date) as month,
    case when ledger_position is not null then delta else 0 end as credit_delta,
    coalesce(balance_moved - balance_before, 0) as balance_delta,
    case when ledger_position is not null then credit_balance_after - credit_balance_before - delta else 0 end
        as missing_credits,
    coalesce(balance_after - balance_before - (balance_moved - balance_before), 0) as missing_balance
from amounts
order by ledger_number, ledger_position;

update flexprice_raw.stored_ledger_wallets as wallets
set
    last_position = tails.last_position,
    last_credit_balance = tails.last_credit_balance,
    settled_at = tails.settled_at
from (
    select
        appended.ledger_number,
        max(appended.ledger_position) as last_position,
        max_by(fresh.credit_balance_after, appended.ledger_position) as last_credit_balance,
        max(fresh.source_created_at) as settled_at
    from appended
    inner join appending as fresh
        on appended.ledger_number = fresh.ledger_number and appended.transaction_id = fresh.transaction_id
    where appended.ledger_position is not null
    group by appended.ledger_number
) as tails
where wallets.ledger_number = tails.ledger_number;

update touched_ledgers set is_appended = true
where ledger_number in (select ledger_number from appended);

drop table appending_wallets;

drop table appending;

drop table stored_before;

drop table appended;

drop table stored_after;
