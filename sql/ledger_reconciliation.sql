-- grain: wallet
create or replace view flexprice.ledger_reconciliation as
with
last_ledger as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all' and ledger = 'complete'
),

last_snapshot as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all'
),

-- The last observed balance of each wallet, and the last moment at which it was seen to hold.
observed as (
    select
        wallets.wallet_id as wallet_id,
        wallets.customer_id as customer_id,
        wallets.currency as currency,
        wallets.ended as ended,
        wallets.credit_balance as credit_balance,
        wallets.first_observed_at as first_observed_at,
        wallets.balance_snapshot_at as balance_snapshot_at,
        wallets.balance_observed_at as balance_observed_at,
        case
            when wallets.ended = 'not_found' then wallets.balance_snapshot_at
            when wallets.ended is not null then greatest(wallets.ended_at, wallets.balance_snapshot_at)
            else
                greatest(
                    wallets.life_started_at,
                    wallets.balance_snapshot_at,
                    coalesce(exceptions.last_observed_at, last_snapshot.snapshot_at, wallets.life_started_at)
                )
        end as last_observed_at
    from flexprice_raw.stored_wallets as wallets
    cross join last_snapshot
    left join flexprice_raw.stored_observation_exceptions as exceptions
        on wallets.wallet_id = exceptions.wallet_id and exceptions.exception_to is null
    where wallets.credit_balance is not null
),

sums as (
    select
        observed.wallet_id as wallet_id,
        count(*) as transactions,
        sum(transactions.credit_delta) as credits,
        sum(case when transactions.completed_at <= observed.last_observed_at then transactions.credit_delta else 0 end)
            as credits_then,
        sum(case when transactions.ledger_position is not null then transactions.credits_available else 0 end)
            as credits_available,
        sum(abs(transactions.missing_credits)) as missing_credits,
        sum(case when transactions.changed_at is not null then 1 else 0 end) as changed_transactions,
        -- The clocks of both sides may differ by some minutes.
        max(
            case
                when
                    transactions.credit_balance_after = observed.credit_balance
                    and (
                        transactions.next_completed_at is null
                        or transactions.next_completed_at > observed.last_observed_at - interval '5' minute
                    )
                    then 1
                when
                    transactions.credit_balance_before = observed.credit_balance
                    and transactions.completed_at > observed.last_observed_at - interval '5' minute
                    then 1
                else 0
            end
        ) as held_about_then,
        max(case when transactions.source_updated_at > transactions.snapshot_at then 1 else 0 end) as moved_when_read
    from observed
    inner join flexprice_raw.stored_ledger_wallets as ledgers on observed.wallet_id = ledgers.wallet_id
    inner join flexprice_raw.stored_transactions as transactions on ledgers.ledger_number = transactions.ledger_number
    group by observed.wallet_id
),

compared as (
    select
        observed.wallet_id as wallet_id,
        observed.customer_id as customer_id,
        observed.currency as currency,
        observed.credit_balance as observed_credits,
        case
            when sums.credits_then = observed.credit_balance then sums.credits_then
            else coalesce(sums.credits, 0)
        end as ledger_credits,
        coalesce(sums.missing_credits, 0) as missing_credits,
        coalesce(sums.transactions, 0) as transactions,
        coalesce(sums.changed_transactions, 0) as changed_transactions,
        sums.held_about_then as held_about_then,
        case
            when sums.moved_when_read = 1 then false
            when sums.credits > 0 then sums.credits <> sums.credits_available
            else sums.credits_available <> 0
        end as is_available_wrong,
        sums.wallet_id is null
        and (last_ledger.snapshot_at is null or last_ledger.snapshot_at < observed.first_observed_at)
            as is_without_ledger,
        last_ledger.snapshot_at is null or last_ledger.snapshot_at < observed.balance_snapshot_at
            as is_ledger_older,
        observed.balance_observed_at as balance_observed_at,
        observed.last_observed_at as last_observed_at,
        last_ledger.snapshot_at as ledger_read_at
    from observed
    cross join last_ledger
    left join sums on observed.wallet_id = sums.wallet_id
),

judged as (
    select
        compared.*,
        case
            when compared.is_without_ledger then 'no ledger was read for the wallet'
            when compared.changed_transactions > 0 then 'a transaction changed after it was completed'
            when compared.missing_credits <> 0
                then 'the balances of two transactions do not join: one between them is missing'
            when compared.is_available_wrong then 'what is left of the credits does not add up to the balance'
            when compared.ledger_credits = compared.observed_credits then null
            when compared.held_about_then = 1 then 'the wallet moved while it was read'
            when compared.is_ledger_older then 'the ledger was not read since the balance moved'
            else 'the balance differs from the sum of the transactions'
        end as finding
    from compared
)

select
    -- ids
    wallet_id,
    customer_id,
    currency,

    -- what was found
    case
        when is_without_ledger then 'no_ledger'
        when finding is null then 'reconciled'
        when changed_transactions > 0 or missing_credits <> 0 or is_available_wrong then 'differs'
        when held_about_then = 1 or is_ledger_older then 'in_flight'
        else 'differs'
    end as state,
    finding,

    -- figures
    observed_credits,
    case when not is_without_ledger then cast(ledger_credits as decimal(38, 9)) end as ledger_credits,
    case
        when not is_without_ledger
            then cast(observed_credits - cast(ledger_credits as decimal(37, 9)) as decimal(38, 9))
    end as difference_credits,
    cast(missing_credits as decimal(38, 9)) as missing_credits,
    cast(transactions as bigint) as transactions,
    cast(changed_transactions as bigint) as changed_transactions,

    -- times
    balance_observed_at,
    last_observed_at,
    ledger_read_at
from judged;
