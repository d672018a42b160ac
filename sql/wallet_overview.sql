-- grain: wallet
create or replace view flexprice.wallet_overview as
with
wallets as (
    select * from flexprice.wallets
),

customer_names as (
    select
        stored.customer_id as customer_id,
        versions.name as customer_name,
        versions.external_id as external_id
    from flexprice_raw.stored_customers as stored
    inner join flexprice_raw.customers as versions
        on stored.customer_id = versions.customer_id and stored.snapshot_at = versions.snapshot_at
),

-- Text as JSON writes it: what would end or break a string is escaped.
metadata_entries as (
    select
        wallet_id,
        customer_id,
        snapshot_at,
        key,
        '"' || replace(replace(key, '\', '\\'), '"', '\"') || '": "'
        || replace(replace(value, '\', '\\'), '"', '\"') || '"' as entry
    from flexprice_raw.wallet_metadata
),

metadata_texts as (
    select
        wallet_id,
        customer_id,
        snapshot_at,
        '{' || replace(
            replace(
                replace(
                    replace(
                        replace(string_agg(entry, ', ' order by entry), chr(8), '\b'),
                        chr(9),
                        '\t'
                    ),
                    chr(10),
                    '\n'
                ),
                chr(12),
                '\f'
            ),
            chr(13),
            '\r'
        ) || '}' as metadata
    from metadata_entries
    group by wallet_id, customer_id, snapshot_at
),

movements as (
    select
        wallet_id,
        max(case when movement_delta <> 0 then changed_by end) as last_moved_at,
        max(case when movement_delta > 0 then changed_by end) as last_topup_at,
        max(case when movement_delta < 0 then changed_by end) as last_used_at
    from flexprice.wallet_balance_changes
    where cause in ('balance', 'rate')
    group by wallet_id
),

-- The ledger knows the moment; where it has nothing of a wallet, loads tell between which of them it was.
ledgers as (
    select
        wallet_id,
        max(case when credit_delta > 0 then completed_at end) as last_topup_at,
        max(case when credit_delta < 0 and movement not in ('expired', 'terminated') then completed_at end)
            as last_used_at,
        max(case when credit_delta <> 0 then completed_at end) as last_moved_at
    from flexprice.wallet_transactions
    where transaction_status = 'completed'
    group by wallet_id
),

last_good as (
    select
        wallet_id,
        life_number,
        max(case when balance >= 0 then valid_to end) as good_until,
        min(valid_from) as first_valid_from
    from flexprice.wallet_balance_history
    where ended is null
    group by wallet_id, life_number
),

alerts as (
    select
        wallet_id,
        string_agg(level, ', ' order by level) as alerts_reached
    from flexprice.wallet_alerts
    where is_reached
    group by wallet_id
),

runways as (
    select
        wallet_id,
        state,
        days_left,
        balance_after_pending,
        depletion_day
    from flexprice.wallet_runway
)

select
    -- ids
    wallets.wallet_id as wallet_id,
    wallets.customer_id as customer_id,
    customer_names.external_id as external_id,
    customer_names.customer_name as customer_name,
    wallets.name as name,
    wallets.currency as currency,

    -- what it is, and how it stands
    wallets.wallet_type as wallet_type,
    wallets.wallet_status as wallet_status,
    wallets.ended as ended,
    runways.state as state,
    alerts.alerts_reached as alerts_reached,
    wallets.alert_state as alert_state,
    metadata_texts.metadata as metadata,

    -- figures
    wallets.balance as balance,
    runways.balance_after_pending as balance_after_pending,
    wallets.purchased_balance as purchased_balance,
    wallets.free_balance as free_balance,
    wallets.other_balance as other_balance,
    wallets.credit_balance as credit_balance,
    wallets.purchased_credits as purchased_credits,
    wallets.free_credits as free_credits,
    wallets.other_credits as other_credits,
    runways.days_left as days_left,

    -- times
    runways.depletion_day as depletion_day,
    case
        when wallets.ended is null and wallets.balance < 0
            then coalesce(last_good.good_until, last_good.first_valid_from)
    end as negative_since,
    case when ledgers.wallet_id is null then movements.last_moved_at else ledgers.last_moved_at end as last_moved_at,
    case when ledgers.wallet_id is null then movements.last_topup_at else ledgers.last_topup_at end as last_topup_at,
    case when ledgers.wallet_id is null then movements.last_used_at else ledgers.last_used_at end as last_used_at,
    ledgers.wallet_id is not null as is_from_ledger,
    wallets.split_valid_from as split_valid_from,
    wallets.first_observed_at as first_observed_at,
    wallets.last_observed_at as last_observed_at,
    wallets.ended_at as ended_at
from wallets
left join customer_names on wallets.customer_id = customer_names.customer_id
left join metadata_texts
    on
        wallets.wallet_id = metadata_texts.wallet_id
        and wallets.customer_id = metadata_texts.customer_id
        and wallets.settings_valid_from = metadata_texts.snapshot_at
left join movements on wallets.wallet_id = movements.wallet_id
left join ledgers on wallets.wallet_id = ledgers.wallet_id
left join last_good on wallets.wallet_id = last_good.wallet_id and wallets.life_number = last_good.life_number
left join alerts on wallets.wallet_id = alerts.wallet_id
left join runways on wallets.wallet_id = runways.wallet_id;
