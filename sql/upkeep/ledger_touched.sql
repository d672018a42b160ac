-- Whose ledger the snapshot in the temporary table `applying` wrote anything for, or whose rate changed.

create or replace temp view written_transactions as
select
    *,
    cast(
        hash(
            customer_id, transaction_type, transaction_status, transaction_reason, record_status, currency,
            credit_amount, amount, credit_balance_before, credit_balance_after, conversion_rate, topup_conversion_rate,
            expires_at, priority, reference_type, reference_id, parent_transaction_id, description, source_created_at
        ) // 2 as bigint
    ) as fixed_hash
from flexprice_raw.wallet_transactions
where snapshot_at = (select snapshot_at from applying);

-- Debits that state the only rate of their wallet say nothing new: but for the first, only those of wallets with
-- several rates are looked at one by one. There may be very many.
create or replace temp table rated_wallets as
with
rates as (
    select
        wallet_id,
        currency,
        conversion_rate,
        snapshot_at as valid_from,
        null as first_debit_at
    from flexprice_raw.wallet_balances
    where snapshot_at = (select snapshot_at from applying)
    union all
    select
        wallet_id,
        currency,
        conversion_rate,
        source_created_at as valid_from,
        source_created_at as first_debit_at
    from flexprice_raw.wallet_transactions
    where
        snapshot_at = (select snapshot_at from applying)
        and transaction_type = 'debit'
        and transaction_status = 'completed'
        and conversion_rate > 0
)

select
    rates.wallet_id,
    min(rates.first_debit_at) as first_debit_at,
    min(rates.currency) as currency,
    min(rates.conversion_rate) as conversion_rate,
    min(rates.currency) <> max(rates.currency)
    or min(rates.conversion_rate) <> max(rates.conversion_rate)
    or bool_or(stored.currency <> rates.currency or stored.conversion_rate <> rates.conversion_rate) as is_mixed
from rates
left join flexprice_raw.stored_rates as stored on rates.wallet_id = stored.wallet_id
group by rates.wallet_id
-- The one rate that is stored already, from no earlier on, is no news.
having not coalesce(not is_mixed and min(rates.valid_from) >= min(stored.valid_from), false);

create or replace temp table rate_events as
with
-- Where a load and a debit speak of the same instant, the load saw what came of it.
fresh as (
    select
        wallet_id,
        snapshot_at as valid_from,
        currency,
        conversion_rate,
        1 as rank
    from flexprice_raw.wallet_balances
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id in (select wallet_id from rated_wallets)
    union all
    select
        wallet_id,
        first_debit_at as valid_from,
        currency,
        conversion_rate,
        3 as rank
    from rated_wallets
    where first_debit_at is not null and not coalesce(is_mixed, false)
    union all
    select
        wallet_id,
        source_created_at as valid_from,
        currency,
        conversion_rate,
        3 as rank
    from flexprice_raw.wallet_transactions
    where
        snapshot_at = (select snapshot_at from applying)
        and transaction_type = 'debit'
        and transaction_status = 'completed'
        and conversion_rate > 0
        and wallet_id in (select wallet_id from rated_wallets where is_mixed)
),

events as (
    select * from fresh
    union all
    select
        wallet_id,
        valid_from,
        currency,
        conversion_rate,
        2 as rank
    from flexprice_raw.stored_rates
    where wallet_id in (select wallet_id from fresh)
),

instants as (
    select * from events
    qualify row_number() over (partition by wallet_id, valid_from order by rank) = 1
)

select
    wallet_id,
    valid_from,
    currency,
    conversion_rate,
    lag(currency) over by_time as previous_currency,
    lag(conversion_rate) over by_time as previous_conversion_rate,
    rank = 2 as is_stored
from instants
window by_time as (partition by wallet_id order by valid_from);

create or replace temp table changed_rates as
select distinct wallet_id
from rate_events
where
    not is_stored
    and (
        previous_currency is null
        or previous_currency <> currency
        or previous_conversion_rate <> conversion_rate
    );

delete from flexprice_raw.stored_rates where wallet_id in (select wallet_id from changed_rates);

insert into flexprice_raw.stored_rates
select * exclude (is_stored)
from rate_events
where
    wallet_id in (select wallet_id from changed_rates)
    and (
        previous_currency is null
        or previous_currency <> currency
        or previous_conversion_rate <> conversion_rate
    )
order by wallet_id, valid_from;

create or replace temp table written_ledgers as
select
    wallet_id,
    count(*) as transactions
from flexprice_raw.wallet_transactions
where snapshot_at = (select snapshot_at from applying)
group by wallet_id;

insert into flexprice_raw.stored_ledger_wallets
select
    wallet_id,
    (select coalesce(max(ledger_number), 0) from flexprice_raw.stored_ledger_wallets)
    + row_number() over (order by wallet_id) as ledger_number,
    0 as last_position,
    0 as last_credit_balance,
    null as settled_at,
    true as is_in_order
from written_ledgers
where wallet_id not in (select wallet_id from flexprice_raw.stored_ledger_wallets)
order by wallet_id;

-- Candidates for `ledger_append`, in batches of so many written transactions: where a rate changed, stored rows do.
create or replace temp table touched_ledgers as
with
touched as (
    select
        wallets.wallet_id,
        wallets.ledger_number,
        coalesce(written.transactions, 0) as written_transactions,
        wallets.is_in_order and (
            wallets.last_position = 0 or wallets.wallet_id not in (select wallet_id from changed_rates)
        ) as is_candidate
    from flexprice_raw.stored_ledger_wallets as wallets
    left join written_ledgers as written on wallets.wallet_id = written.wallet_id
    where written.wallet_id is not null or wallets.wallet_id in (select wallet_id from changed_rates)
)

-- Transactions that are appended take half of the memory of those that are put in order.
select
    *,
    cast(
        sum(case when is_candidate then written_transactions else 0 end) over (order by wallet_id)
        // (2 * getvariable('transactions_per_batch')) as bigint
    ) as append_batch,
    false as is_appended
from touched
order by wallet_id;

drop table rate_events;

drop table rated_wallets;

drop table changed_rates;

drop table written_ledgers;
