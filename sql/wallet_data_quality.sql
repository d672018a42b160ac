-- grain: finding, customer, currency, wallet (null where it concerns a customer)
create or replace view flexprice.wallet_data_quality as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
last_snapshot as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all'
),

rate_mismatches as (
    select
        'rate_mismatch' as finding,
        wallet_id,
        customer_id,
        currency,
        cast(balance as decimal(38, 16)) as actual_value,
        cast(credit_balance * conversion_rate as decimal(38, 16)) as expected_value,
        'balance is not credit_balance x conversion_rate' as detail,
        balance_snapshot_at as found_at
    from flexprice_raw.stored_wallets
    -- The balance is rounded to nine decimals.
    where abs(balance - credit_balance * conversion_rate) > 0.000000001
),

-- Sums of 37 digits: some engines round those of 38.
breakdowns as (
    select
        wallet_id,
        customer_id,
        currency,
        credit_balance,
        credits_observed_at,
        cast(
            cast(
                cast(coalesce(free_credits, 0) as decimal(37, 16))
                + cast(coalesce(purchased_credits, 0) as decimal(37, 16)) as decimal(37, 16)
            )
            + cast(coalesce(other_credits, 0) as decimal(37, 16)) as decimal(38, 16)
        ) as available_credits
    from flexprice_raw.stored_wallets
    where ended is null
),

breakdowns_above_balance as (
    select
        'breakdown_above_balance' as finding,
        wallet_id,
        customer_id,
        currency,
        available_credits as actual_value,
        cast(credit_balance as decimal(38, 16)) as expected_value,
        'more credits available by kind than the settled credit_balance' as detail,
        credits_observed_at as found_at
    from breakdowns
    where available_credits > greatest(coalesce(credit_balance, 0), 0)
),

restatements as (
    select
        case when intervals.currency <> wallets.currency then 'currency_changed' else 'rate_changed' end as finding,
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        wallets.currency as currency,
        cast(max(wallets.conversion_rate) as decimal(38, 16)) as actual_value,
        cast(max(intervals.conversion_rate) as decimal(38, 16)) as expected_value,
        max(intervals.currency) as former_currency,
        max(intervals.valid_to) as found_at
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.stored_balance_intervals as intervals on wallets.wallet_number = intervals.wallet_number
    where intervals.currency <> wallets.currency or intervals.conversion_rate <> wallets.conversion_rate
    group by
        case when intervals.currency <> wallets.currency then 'currency_changed' else 'rate_changed' end,
        wallets.wallet_id,
        wallets.customer_id,
        wallets.currency
),

-- Wallets of one customer and currency that were read by the same load must have the same amount pending.
disagreements as (
    select
        'pending_disagrees' as finding,
        customer_id,
        currency,
        max(pending_amount) as actual_value,
        min(pending_amount) as expected_value,
        max(real_time_observed_at) as found_at
    from flexprice.wallets
    where
        ended is null
        and is_listed
        and coalesce(wallet_type, 'PRE_PAID') = 'PRE_PAID'
        and pending_amount is not null
        and not coalesce(is_cached_fallback, false)
    group by customer_id, currency, last_observed_at
    having max(pending_amount) <> min(pending_amount)
),

stale_wallets as (
    select
        'stale' as finding,
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        wallets.currency as currency,
        cast(
            cast(extract(epoch from last_snapshot.snapshot_at) as decimal(18, 6))
            - cast(extract(epoch from wallets.last_observed_at) as decimal(18, 6))
            as decimal(38, 16)
        ) as actual_value,
        'seconds by which the last run for all customers is later than the last that observed the wallet' as detail,
        wallets.last_observed_at as found_at
    from flexprice.wallets as wallets
    cross join last_snapshot
    where wallets.ended is null and wallets.last_observed_at < last_snapshot.snapshot_at
),

ends_with_balance as (
    select
        case when ended = 'not_found' then 'vanished_with_balance' else 'ended_with_balance' end as finding,
        wallet_id,
        customer_id,
        currency,
        cast(balance as decimal(38, 16)) as actual_value,
        ended as detail,
        case when balance_snapshot_at > ended_at then balance_snapshot_at else ended_at end as found_at
    from flexprice_raw.stored_wallets
    where ended is not null and balance <> 0
),

unreadable_settings as (
    select
        'unreadable_settings' as finding,
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        settings.currency as currency,
        cast(settings.unreadable_fields as text) as detail,
        settings.snapshot_at as found_at
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.wallets as settings
        on wallets.wallet_id = settings.wallet_id and wallets.settings_snapshot_at = settings.snapshot_at
    where settings.unreadable_fields is not null
),

unrecognized_fields as (
    select
        'unrecognized_fields' as finding,
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        settings.currency as currency,
        cast(settings.unrecognized_fields as text) as detail,
        settings.snapshot_at as found_at
    from flexprice_raw.stored_wallets as wallets
    inner join flexprice_raw.wallets as settings
        on wallets.wallet_id = settings.wallet_id and wallets.settings_snapshot_at = settings.snapshot_at
    where settings.unrecognized_fields is not null
),

rejections as (
    select
        'rejected' as finding,
        rejections.wallet_id as wallet_id,
        rejections.customer_id as customer_id,
        wallets.currency as currency,
        count(*) as records,
        max(rejections.reason) as detail,
        max(rejections.snapshot_at) as found_at
    from flexprice.rejections as rejections
    left join flexprice_raw.stored_wallets as wallets on rejections.wallet_id = wallets.wallet_id
    group by rejections.wallet_id, rejections.customer_id, wallets.currency
)

select
    -- ids
    finding,
    wallet_id,
    customer_id,
    currency,

    -- figures
    actual_value,
    expected_value,
    detail,

    -- times
    found_at
from rate_mismatches
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    actual_value,
    expected_value,
    detail,
    found_at
from breakdowns_above_balance
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    actual_value,
    expected_value,
    case
        when finding = 'currency_changed' then concat('the currency was ', former_currency)
        else 'the conversion_rate was another one'
    end as detail,
    found_at
from restatements
union all
select
    finding,
    cast(null as text) as wallet_id,
    customer_id,
    currency,
    actual_value,
    expected_value,
    'wallets read by the same run have different amounts pending: highest and lowest' as detail,
    found_at
from disagreements
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    actual_value,
    cast(0 as decimal(38, 16)) as expected_value,
    detail,
    found_at
from stale_wallets
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    actual_value,
    cast(0 as decimal(38, 16)) as expected_value,
    detail,
    found_at
from ends_with_balance
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    cast(null as decimal(38, 16)) as actual_value,
    cast(null as decimal(38, 16)) as expected_value,
    detail,
    found_at
from unreadable_settings
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    cast(null as decimal(38, 16)) as actual_value,
    cast(null as decimal(38, 16)) as expected_value,
    detail,
    found_at
from unrecognized_fields
union all
select
    finding,
    wallet_id,
    customer_id,
    currency,
    cast(records as decimal(38, 16)) as actual_value,
    cast(0 as decimal(38, 16)) as expected_value,
    detail,
    found_at
from rejections;
