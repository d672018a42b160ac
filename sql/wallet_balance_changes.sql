-- grain: wallet, changed_by
create or replace view flexprice.wallet_balance_changes as
with
-- Large tables are named where they are read: a CTE that is read twice is computed whole, whatever is asked for.
movements as (
    select
        later.wallet_id as wallet_id,
        later.customer_id as customer_id,
        case
            when earlier.currency <> later.currency then 'currency'
            when earlier.conversion_rate <> later.conversion_rate then 'rate'
            else 'balance'
        end as cause,
        earlier.currency as currency_before,
        later.currency as currency_after,
        earlier.conversion_rate as conversion_rate_before,
        later.conversion_rate as conversion_rate_after,
        earlier.balance as balance_before,
        later.balance as balance_after,
        earlier.credit_balance as credit_balance_before,
        later.credit_balance as credit_balance_after,
        earlier.valid_from as known_at,
        later.valid_from as changed_by
    from flexprice.wallet_balance_history as later
    inner join flexprice.wallet_balance_history as earlier
        on later.wallet_id = earlier.wallet_id and later.valid_from = earlier.valid_to
    where
        -- What ended wallets hold is compared below.
        later.ended is null
        and earlier.ended is null
        and (
            later.balance <> earlier.balance
            or later.credit_balance <> earlier.credit_balance
            or later.conversion_rate <> earlier.conversion_rate
            or later.currency <> earlier.currency
        )
),

-- Each end of a life, and the return after it (null: none).
closures as (
    select
        ended_lives.wallet_id as wallet_id,
        ended_lives.ended_at as ended_at,
        next_lives.started_at as returned_at
    from flexprice_raw.stored_wallet_lives as ended_lives
    left join flexprice_raw.stored_wallet_lives as next_lives
        on ended_lives.wallet_id = next_lives.wallet_id and ended_lives.life_number + 1 = next_lives.life_number
    where ended_lives.ended_at is not null
),

-- An ended wallet can still get money, or lose it.
late_versions as (
    select
        balances.wallet_id as wallet_id,
        balances.customer_id as customer_id,
        balances.snapshot_at as snapshot_at,
        balances.currency as currency,
        balances.conversion_rate as conversion_rate,
        balances.balance as balance,
        balances.credit_balance as credit_balance,
        max(earlier.snapshot_at) as earlier_at
    from closures
    inner join flexprice_raw.wallet_balances as balances
        on
            closures.wallet_id = balances.wallet_id
            and closures.ended_at < balances.snapshot_at
            and (closures.returned_at is null or closures.returned_at > balances.snapshot_at)
    inner join flexprice_raw.wallet_balances as earlier
        on balances.wallet_id = earlier.wallet_id and balances.snapshot_at > earlier.snapshot_at
    group by
        balances.wallet_id,
        balances.customer_id,
        balances.snapshot_at,
        balances.currency,
        balances.conversion_rate,
        balances.balance,
        balances.credit_balance
),

late_movements as (
    select
        later.wallet_id as wallet_id,
        later.customer_id as customer_id,
        case
            when earlier.currency <> later.currency then 'currency'
            when earlier.conversion_rate <> later.conversion_rate then 'rate'
            else 'balance'
        end as cause,
        earlier.currency as currency_before,
        later.currency as currency_after,
        earlier.conversion_rate as conversion_rate_before,
        later.conversion_rate as conversion_rate_after,
        earlier.balance as balance_before,
        later.balance as balance_after,
        earlier.credit_balance as credit_balance_before,
        later.credit_balance as credit_balance_after,
        earlier.snapshot_at as known_at,
        later.snapshot_at as changed_by
    from late_versions as later
    inner join flexprice_raw.wallet_balances as earlier
        on later.wallet_id = earlier.wallet_id and later.earlier_at = earlier.snapshot_at
),

ends as (
    select
        lives.wallet_id as wallet_id,
        lives.customer_id as customer_id,
        'ended' as cause,
        earlier.currency as currency_before,
        lives.currency as currency_after,
        earlier.conversion_rate as conversion_rate_before,
        lives.conversion_rate as conversion_rate_after,
        earlier.balance as balance_before,
        lives.balance as balance_after,
        earlier.credit_balance as credit_balance_before,
        lives.credit_balance as credit_balance_after,
        earlier.valid_from as known_at,
        lives.ended_at as changed_by
    from flexprice_raw.stored_wallet_lives as lives
    left join flexprice.wallet_balance_history as earlier
        on lives.wallet_id = earlier.wallet_id and lives.ended_at = earlier.valid_to and earlier.ended is null
    where lives.ended_at is not null
),

returns as (
    select
        later.wallet_id as wallet_id,
        coalesce(history.customer_id, later.customer_id) as customer_id,
        'returned' as cause,
        earlier.currency as currency_before,
        history.currency as currency_after,
        earlier.conversion_rate as conversion_rate_before,
        history.conversion_rate as conversion_rate_after,
        earlier.balance as balance_before,
        history.balance as balance_after,
        earlier.credit_balance as credit_balance_before,
        history.credit_balance as credit_balance_after,
        earlier.ended_at as known_at,
        later.started_at as changed_by
    from flexprice_raw.stored_wallet_lives as later
    inner join flexprice_raw.stored_wallet_lives as earlier
        on later.wallet_id = earlier.wallet_id and later.life_number = earlier.life_number + 1
    left join flexprice.wallet_balance_history as history
        on later.wallet_id = history.wallet_id and later.started_at = history.valid_from
    where later.life_number > 1
),

changes as (
    select * from movements
    union all
    select * from late_movements
    union all
    select * from ends
    union all
    select * from returns
),

-- Credits that moved are worth what a credit is worth afterwards; all else is the new rate.
movement as (
    select
        *,
        case when currency_after = currency_before then balance_after - balance_before end as balance_delta,
        case
            when currency_after <> currency_before then null
            when conversion_rate_after = conversion_rate_before
                then cast(balance_after - balance_before as decimal(38, 9))
            else cast((credit_balance_after - credit_balance_before) * conversion_rate_after as decimal(38, 9))
        end as movement_delta
    from changes
),

-- The last snapshot of scope 'all' before each snapshot.
earlier_snapshots as (
    select
        snapshot_at,
        max(case when scope = 'all' then snapshot_at end) over (
            order by snapshot_at rows between unbounded preceding and 1 preceding
        ) as previous_all_at
    from flexprice_raw.snapshots
)

select
    -- ids
    changes.wallet_id as wallet_id,
    changes.customer_id as customer_id,
    changes.cause as cause,

    -- figures
    changes.currency_before as currency_before,
    changes.currency_after as currency_after,
    changes.conversion_rate_before as conversion_rate_before,
    changes.conversion_rate_after as conversion_rate_after,
    changes.balance_before as balance_before,
    changes.balance_after as balance_after,
    changes.balance_delta as balance_delta,
    changes.movement_delta as movement_delta,
    cast(
        cast(changes.balance_delta as decimal(37, 9)) - cast(changes.movement_delta as decimal(37, 9)) as decimal(38, 9)
    ) as revaluation_delta,
    changes.credit_balance_before as credit_balance_before,
    changes.credit_balance_after as credit_balance_after,
    changes.credit_balance_after - changes.credit_balance_before as credit_balance_delta,

    -- times
    case
        when changes.known_at is null then null
        -- An ended wallet is not asked for: the last to observe it was the snapshot that saw its end.
        when changes.cause = 'returned' then changes.known_at
        else
            greatest(
                changes.known_at,
                coalesce(exceptions.last_observed_at, earlier_snapshots.previous_all_at, changes.known_at)
            )
    end as changed_after,
    changes.changed_by as changed_by,
    cast(changes.changed_by at time zone 'UTC' as date) as date_day
from movement as changes
left join earlier_snapshots on changes.changed_by = earlier_snapshots.snapshot_at
left join flexprice_raw.stored_observation_exceptions as exceptions
    on
        changes.wallet_id = exceptions.wallet_id
        and changes.changed_by > exceptions.exception_from
        and changes.changed_by
        <= coalesce(exceptions.exception_to, timestamp with time zone '9999-12-31 00:00:00+00:00');
