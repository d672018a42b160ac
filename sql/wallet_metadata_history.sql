-- grain: wallet, key, valid_from
create or replace view flexprice.wallet_metadata_history as
with
versions as (
    select
        wallets.wallet_id as wallet_id,
        wallets.snapshot_at as snapshot_at,
        wallets.ended as ended,
        intervals.valid_to as valid_to,
        row_number() over (partition by wallets.wallet_id order by wallets.snapshot_at) as version_number
    from flexprice_raw.wallets as wallets
    left join flexprice_raw.stored_settings_intervals as intervals
        on wallets.wallet_id = intervals.wallet_id and wallets.snapshot_at = intervals.valid_from
),

entries as (
    select
        versions.wallet_id as wallet_id,
        metadata.key as key,
        metadata.value as value,
        versions.snapshot_at as valid_from,
        versions.valid_to as valid_to,
        versions.version_number as version_number
    from versions
    inner join flexprice_raw.wallet_metadata as metadata
        on versions.wallet_id = metadata.wallet_id and versions.snapshot_at = metadata.snapshot_at
    where versions.ended is null
),

neighbours as (
    select
        *,
        lag(version_number) over (partition by wallet_id, key order by valid_from) as last_version_number,
        lag(value) over (partition by wallet_id, key order by valid_from) as last_value
    from entries
),

-- A value goes on through other changes of the settings: it begins anew only where the version before lacked it.
begun as (
    select
        *,
        case
            when
                last_version_number = version_number - 1
                and (value = last_value or (value is null and last_value is null))
                then 0
            else 1
        end as begins
    from neighbours
),

numbered as (
    select
        *,
        sum(begins) over (partition by wallet_id, key order by valid_from) as interval_number
    from begun
)

select
    -- ids
    wallet_id,
    key,

    -- what it said
    min(value) as value,

    -- times
    min(valid_from) as valid_from,
    case when count(*) = count(valid_to) then max(valid_to) end as valid_to,
    count(*) > count(valid_to) as is_current
from numbered
group by wallet_id, key, interval_number;
