-- grain: wallet, date_day
create or replace view flexprice.credits_expiring as
with
last_snapshot as (
    select max(snapshot_at) as snapshot_at from flexprice_raw.snapshots
),

expiring as (
    select
        wallet_id,
        currency,
        cast(expires_at at time zone 'UTC' as date) as date_day,
        min(expires_at) as first_expires_at,
        count(*) as grants,
        sum(available_credits) as expiring_credits,
        sum(available_amount) as expiring_amount,
        sum(case when origin = 'purchased' then available_amount else 0 end) as purchased_amount
    from flexprice.credit_grants
    where expires_at is not null and available_credits > 0
    group by wallet_id, currency, cast(expires_at at time zone 'UTC' as date)
)

-- Whose money it is now: a grant may have been written for an earlier owner.
select
    -- ids
    expiring.wallet_id as wallet_id,
    wallets.customer_id as customer_id,
    expiring.currency as currency,
    expiring.date_day as date_day,
    expiring.first_expires_at < last_snapshot.snapshot_at as is_overdue,
    coalesce(wallets.ended is not null, false) as is_closed,

    -- figures
    cast(expiring.expiring_credits as decimal(38, 9)) as expiring_credits,
    cast(expiring.expiring_amount as decimal(38, 9)) as expiring_amount,
    cast(expiring.purchased_amount as decimal(38, 9)) as purchased_amount,
    cast(expiring.grants as bigint) as grants,

    -- times
    expiring.first_expires_at as first_expires_at
from expiring
cross join last_snapshot
left join flexprice_raw.stored_wallets as wallets on expiring.wallet_id = wallets.wallet_id;
