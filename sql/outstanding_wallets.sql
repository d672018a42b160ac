-- grain: wallet, of those with money that counts
create or replace view flexprice.outstanding_wallets as
with
wallets as (
    select * from flexprice.wallets
    where ended is null and balance > 0
),

-- Who the customers are now.
customer_names as (
    select
        versions.customer_id as customer_id,
        versions.external_id as external_id,
        versions.name as customer_name
    from flexprice_raw.stored_customers as stored
    inner join flexprice_raw.customers as versions
        on stored.customer_id = versions.customer_id and stored.snapshot_at = versions.snapshot_at
)

select
    -- ids
    wallets.wallet_id as wallet_id,
    wallets.customer_id as customer_id,
    customer_names.external_id as external_id,
    customer_names.customer_name as customer_name,
    wallets.currency as currency,

    -- settings
    wallets.name as name,
    wallets.wallet_type as wallet_type,
    wallets.wallet_status = 'frozen' as is_frozen,
    wallets.conversion_rate as conversion_rate,

    -- figures
    wallets.balance as outstanding_balance,
    wallets.purchased_balance as purchased_balance,
    wallets.free_balance as free_balance,
    wallets.other_balance as other_balance,
    wallets.credit_balance as outstanding_credits,

    -- times
    wallets.balance_observed_at as balance_observed_at,
    wallets.split_valid_from as split_valid_from,
    wallets.last_observed_at as last_observed_at
from wallets
left join customer_names on wallets.customer_id = customer_names.customer_id;
