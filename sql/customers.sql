-- grain: customer
create or replace view flexprice.customers as
with
stored_customers as (
    select * from flexprice_raw.stored_customers
),

versions as (
    select * from flexprice_raw.customers
),

stored_wallets as (
    select * from flexprice_raw.stored_wallets
),

wallet_counts as (
    select
        customer_id,
        count(*) as wallets,
        count(case when ended is null then 1 end) as living_wallets
    from stored_wallets
    group by customer_id
),

all_snapshots as (
    select
        snapshot_at,
        row_number() over (order by snapshot_at desc) as recency
    from flexprice_raw.snapshots
    where scope = 'all'
),

blemishes as (
    select
        customer_id,
        snapshot_at
    from flexprice_raw.fetch_failures
    where customer_id is not null and wallet_id is null
    union distinct
    select
        customer_id,
        snapshot_at
    from flexprice.rejections
    where customer_id is not null and wallet_id is null
),

missed as (
    select
        blemishes.customer_id as customer_id,
        all_snapshots.recency as recency,
        row_number() over (partition by blemishes.customer_id order by all_snapshots.recency) as misses
    from blemishes
    inner join all_snapshots on blemishes.snapshot_at = all_snapshots.snapshot_at
),

-- How many of the last snapshots missed a customer without a break.
last_missed as (
    select
        customer_id,
        count(*) as snapshots
    from missed
    where recency = misses
    group by customer_id
),

selected as (
    select
        covered.customer_id as customer_id,
        max(covered.snapshot_at) as snapshot_at
    from flexprice_raw.snapshot_customers as covered
    left join blemishes
        on covered.customer_id = blemishes.customer_id and covered.snapshot_at = blemishes.snapshot_at
    where blemishes.customer_id is null
    group by covered.customer_id
)

select
    -- ids
    stored_customers.customer_id as customer_id,
    versions.external_id as external_id,
    versions.parent_customer_id as parent_customer_id,
    versions.tenant_id as tenant_id,
    versions.environment_id as environment_id,

    -- who
    versions.name as name,
    versions.email as email,
    versions.contact as contact,
    versions.address_line1 as address_line1,
    versions.address_line2 as address_line2,
    versions.address_city as address_city,
    versions.address_state as address_state,
    versions.address_postal_code as address_postal_code,
    versions.address_country as address_country,
    versions.timezone as timezone,
    cast(versions.metadata as varchar) as metadata,
    versions.record_status as record_status,
    stored_customers.is_listed as is_listed,

    -- figures
    coalesce(wallet_counts.living_wallets, 0) as living_wallets,
    coalesce(wallet_counts.wallets, 0) as wallets,

    -- times
    stored_customers.first_observed_at as first_observed_at,
    case
        when stored_customers.is_listed
            then
                greatest(
                    stored_customers.snapshot_at,
                    coalesce(all_snapshots.snapshot_at, stored_customers.snapshot_at),
                    coalesce(selected.snapshot_at, stored_customers.snapshot_at)
                )
        else stored_customers.snapshot_at
    end as last_observed_at,
    stored_customers.snapshot_at as last_changed_at,
    versions.source_created_at as source_created_at,
    versions.source_updated_at as source_updated_at
from stored_customers
left join versions
    on stored_customers.customer_id = versions.customer_id and stored_customers.snapshot_at = versions.snapshot_at
left join wallet_counts on stored_customers.customer_id = wallet_counts.customer_id
left join last_missed on stored_customers.customer_id = last_missed.customer_id
left join all_snapshots on coalesce(last_missed.snapshots, 0) + 1 = all_snapshots.recency
left join selected on stored_customers.customer_id = selected.customer_id;
