-- Which wallets the snapshot in the temporary table `applying` (one row of snapshots) wrote anything for, and which it
-- failed to observe: read before the derived tables change.

-- Every wallet for which the snapshot wrote anything, in batches: however many there are, one batch fits in memory.
create or replace temp table touched as
with
written as (
    select
        wallet_id,
        customer_id
    from flexprice_raw.wallets
    where snapshot_at = (select snapshot_at from applying)
    union distinct
    select
        wallet_id,
        customer_id
    from flexprice_raw.wallet_balances
    where snapshot_at = (select snapshot_at from applying)
    union distinct
    select
        wallet_id,
        customer_id
    from flexprice_raw.wallet_real_time_balances
    where snapshot_at = (select snapshot_at from applying)
    union distinct
    select
        wallet_id,
        customer_id
    from flexprice_raw.wallet_credits_available
    where snapshot_at = (select snapshot_at from applying)
    union distinct
    select
        wallet_id,
        customer_id
    from flexprice_raw.wallet_figures_given
    where snapshot_at = (select snapshot_at from applying)
),

-- Where the credits by kind are older than the balance, a load that observes both confirms them without writing them.
unconfirmed as (
    select
        wallets.wallet_id,
        wallets.customer_id
    from flexprice_raw.stored_wallets as wallets
    cross join applying
    where
        wallets.split_valid_from is null
        and wallets.credits_snapshot_at is not null
        and wallets.ended is null
        and wallets.is_listed
        and wallets.is_credits_available_given
        and applying.include_credits_available_breakdown
        and (
            applying.scope = 'all'
            or wallets.customer_id in (
                select customer_id from flexprice_raw.snapshot_customers
                where snapshot_at = (select snapshot_at from applying)
            )
        )
        and wallets.wallet_id not in (select wallet_id from written)
),

all_touched as (
    select * from written
    union all
    select * from unconfirmed
)

select
    wallet_id,
    customer_id,
    (dense_rank() over (order by wallet_id) - 1) // getvariable('wallets_per_batch') as batch
from all_touched
order by wallet_id;

-- Wallets that had a failure or rejection in the snapshot, of their own or of their customer's.
create or replace temp table blemished as
with
blemishes as (
    select
        customer_id,
        wallet_id
    from flexprice_raw.fetch_failures
    where snapshot_at = (select snapshot_at from applying)
    union distinct
    -- A rejection is written once and holds until it is cleared, in every snapshot that covers its customer.
    select
        rejected.customer_id,
        rejected.wallet_id
    from flexprice_raw.rejected_records as rejected
    cross join applying
    left join flexprice_raw.snapshot_customers as covered
        on applying.snapshot_at = covered.snapshot_at and rejected.customer_id = covered.customer_id
    left join flexprice_raw.rejections_cleared as cleared
        on
            rejected.rejection_hash = cleared.rejection_hash
            and rejected.snapshot_at < cleared.snapshot_at
            and applying.snapshot_at >= cleared.snapshot_at
    where
        rejected.resource = 'wallet'
        and rejected.snapshot_at <= applying.snapshot_at
        and cleared.snapshot_at is null
        and (
            applying.scope = 'all' or covered.customer_id is not null or rejected.snapshot_at = applying.snapshot_at
        )
)

select wallet_id from blemishes where wallet_id is not null
union distinct
select wallets.wallet_id
from blemishes
inner join flexprice_raw.stored_wallets as wallets on blemishes.customer_id = wallets.customer_id
left join touched on wallets.wallet_id = touched.wallet_id
-- A wallet that was read under another customer has moved: a failure of its former customer does not matter to it.
where blemishes.wallet_id is null and coalesce(touched.customer_id, wallets.customer_id) = blemishes.customer_id;

-- Each batch adds what it moves in each currency.
create or replace temp table moves as
select * from flexprice_raw.stored_currency_moves
where false;
