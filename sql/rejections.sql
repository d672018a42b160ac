-- grain: snapshot_at, rejection_hash
create or replace view flexprice.rejections as
with
-- A rejection is written once and holds until it is cleared. Version 1 wrote it again in every snapshot that met it:
-- such a row takes the place of the one before.
written as (
    select
        rejected.*,
        lead(rejected.snapshot_at) over (
            partition by rejected.rejection_hash order by rejected.snapshot_at, rejected.record_number
        ) as written_again_at
    from flexprice_raw.rejected_records as rejected
),

cleared as (
    select
        written.rejection_hash as rejection_hash,
        written.snapshot_at as rejected_at,
        min(cleared.snapshot_at) as cleared_at
    from written
    inner join flexprice_raw.rejections_cleared as cleared
        on written.rejection_hash = cleared.rejection_hash and written.snapshot_at < cleared.snapshot_at
    group by written.rejection_hash, written.snapshot_at
)

select
    -- ids
    snapshots.snapshot_id as snapshot_id,
    written.rejection_hash as rejection_hash,
    written.resource as resource,
    written.field_group as field_group,
    written.customer_id as customer_id,
    written.wallet_id as wallet_id,
    written.transaction_id as transaction_id,

    -- what
    written.reason as reason,
    written.raw_record as raw_record,

    -- times
    snapshots.snapshot_at as snapshot_at,
    written.snapshot_at as rejected_at
from written
left join cleared
    on written.rejection_hash = cleared.rejection_hash and written.snapshot_at = cleared.rejected_at
inner join flexprice_raw.snapshots as snapshots
    on
        written.snapshot_at <= snapshots.snapshot_at
        and (written.written_again_at is null or written.written_again_at > snapshots.snapshot_at)
        and (cleared.cleared_at is null or cleared.cleared_at > snapshots.snapshot_at)
left join flexprice_raw.snapshot_customers as covered
    on snapshots.snapshot_at = covered.snapshot_at and written.customer_id = covered.customer_id
where
    -- A snapshot for selected customers says nothing of the others.
    (snapshots.scope = 'all' or covered.customer_id is not null or snapshots.snapshot_at = written.snapshot_at)
    -- One without the ledger says nothing of transactions.
    and (written.resource <> 'transaction' or snapshots.ledger = 'complete');
