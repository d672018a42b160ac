-- What the snapshot in the temporary table `applying` (one row of snapshots) touched, and whom it missed: read before
-- anything is carried over.

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
)

select
    wallet_id,
    customer_id,
    (dense_rank() over (order by wallet_id) - 1) // getvariable('wallets_per_batch') as batch
from written
order by wallet_id;

-- Who was not observed although the snapshot covered all, and since when.
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
-- A wallet read under another customer has moved: what happened to the customer it left does not concern it.
where blemishes.wallet_id is null and coalesce(touched.customer_id, wallets.customer_id) = blemishes.customer_id;

insert into flexprice_raw.stored_unobserved_wallets
with
previous as (
    select max(snapshots.snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where snapshots.scope = 'all' and snapshots.snapshot_at < (select snapshot_at from applying)
),

selected as (
    select
        wallet_id,
        max(snapshot_at) as snapshot_at
    from flexprice_raw.stored_selected_wallets
    where wallet_id in (select wallet_id from blemished)
    group by wallet_id
)

select
    wallets.wallet_id,
    (select snapshot_at from applying) as snapshot_at,
    greatest(
        case when earlier.wallet_id is not null then earlier.last_observed_at else previous.snapshot_at end,
        selected.snapshot_at,
        wallets.first_observed_at
    ) as last_observed_at
from flexprice_raw.stored_wallets as wallets
inner join blemished on wallets.wallet_id = blemished.wallet_id
cross join previous
left join flexprice_raw.stored_unobserved_wallets as earlier
    on wallets.wallet_id = earlier.wallet_id and previous.snapshot_at = earlier.snapshot_at
left join selected on wallets.wallet_id = selected.wallet_id
where wallets.ended is null and (select scope from applying) = 'all'
order by wallets.wallet_id;

-- Each batch adds what it moves in each currency.
create or replace temp table moves as
select * from flexprice_raw.stored_currency_moves
where false;
