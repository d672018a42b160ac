-- grain: wallet, of those with a transaction by `as_of`
create or replace macro flexprice.wallet_ledger_as_of(as_of) as table (
    select
        -- ids
        wallet_id,
        customer_id,
        transaction_id,
        currency,

        -- figures
        conversion_rate,
        credit_balance,
        balance,

        -- times
        changed_after,
        valid_from,
        valid_to,
        is_current
    from flexprice.wallet_ledger_history
    where
        valid_from <= cast(as_of as timestamp with time zone)
        and (valid_to is null or valid_to > cast(as_of as timestamp with time zone))
);
