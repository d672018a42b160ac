-- Where what is outstanding came from, going by what is left of each grant: the change of it in each currency.

create or replace temp table fresh_origins as
with
changed as (
    select wallet_id from touched
    union distinct
    select wallet_id from touched_ledgers
),

available as (
    select
        ledgers.wallet_id,
        sum(case when reasons.origin = 'purchased' then grants.credits_available else 0 end) as purchased_credits,
        sum(case when reasons.origin = 'free' then grants.credits_available else 0 end) as free_credits
    from flexprice_raw.stored_transactions as grants
    inner join flexprice_raw.stored_ledger_wallets as ledgers on grants.ledger_number = ledgers.ledger_number
    inner join changed on ledgers.wallet_id = changed.wallet_id
    left join transaction_reasons as reasons on grants.transaction_reason = reasons.transaction_reason
    where grants.ledger_position is not null and grants.credits_available > 0
    group by ledgers.wallet_id
),

-- Where a wallet moved while it was read, there may be more left of its grants than it holds.
purchased as (
    select
        wallets.wallet_id,
        wallets.currency,
        wallets.conversion_rate,
        wallets.balance,
        available.free_credits,
        least(cast(available.purchased_credits * wallets.conversion_rate as decimal(28, 9)), wallets.balance)
            as purchased_balance
    from flexprice_raw.stored_wallets as wallets
    inner join available on wallets.wallet_id = available.wallet_id
    where wallets.ended is null and wallets.valid_from is not null and wallets.balance > 0
)

select
    wallet_id,
    currency,
    purchased_balance,
    least(cast(free_credits * conversion_rate as decimal(28, 9)), balance - purchased_balance) as free_balance
from purchased;

insert into flexprice_raw.stored_origin_moves
with
held as (
    select
        -1 as direction,
        *
    from flexprice_raw.stored_wallet_origins
    where
        wallet_id in (select wallet_id from touched)
        or wallet_id in (select wallet_id from touched_ledgers)
    union all by name
    select
        1 as direction,
        *
    from fresh_origins
),

sums as (
    select
        currency,
        sum(direction * purchased_balance) as purchased_balance,
        sum(direction * free_balance) as free_balance
    from held
    group by currency
)

select
    currency,
    (select snapshot_at from applying) as snapshot_at,
    purchased_balance,
    free_balance
from sums
where purchased_balance <> 0 or free_balance <> 0
order by currency;

delete from flexprice_raw.stored_wallet_origins
where
    wallet_id in (select wallet_id from touched)
    or wallet_id in (select wallet_id from touched_ledgers);

insert into flexprice_raw.stored_wallet_origins select * from fresh_origins order by wallet_id;

drop table fresh_origins;

drop table transaction_reasons;
