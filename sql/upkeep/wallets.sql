-- Brings the derived tables over what the snapshot in the temporary table `applying` wrote of one batch of wallets: of
-- those from `first_wallet_id` to `last_wallet_id`.
--
-- The three kinds of figures are carried as structs, each as a whole: what was written now, else what was known before.

create or replace temp table batch as
select * from touched
where wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id');

-- The state of these wallets before the snapshot.
create or replace temp table before_fresh as
select
    *,
    struct_pack(
        currency := currency,
        conversion_rate := conversion_rate,
        balance := balance,
        credit_balance := credit_balance,
        balance_observed_at := balance_observed_at,
        balance_snapshot_at := balance_snapshot_at,
        balance_customer_id := balance_customer_id,
        balance_hash := balance_hash
    ) as settled,
    struct_pack(
        real_time_balance := real_time_balance,
        real_time_credit_balance := real_time_credit_balance,
        pending_amount := pending_amount,
        current_period_usage := current_period_usage,
        unpaid_invoices_amount := unpaid_invoices_amount,
        is_cached_fallback := is_cached_fallback,
        real_time_observed_at := real_time_observed_at,
        real_time_snapshot_at := real_time_snapshot_at,
        real_time_hash := real_time_hash
    ) as real_time,
    struct_pack(
        free_credits := free_credits,
        purchased_credits := purchased_credits,
        other_credits := other_credits,
        credits_observed_at := credits_observed_at,
        credits_snapshot_at := credits_snapshot_at,
        credits_hash := credits_hash
    ) as credits
from flexprice_raw.stored_wallets
where
    wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
    and wallet_id in (select wallet_id from batch);

-- Each of these wallets with what was written of it.
create or replace temp table fresh as
with
old as (
    select * from before_fresh
),

settings as (
    select * from flexprice_raw.wallets
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
),

balances as (
    select
        wallet_id,
        struct_pack(
            currency := currency,
            conversion_rate := conversion_rate,
            balance := balance,
            credit_balance := credit_balance,
            balance_observed_at := observed_at,
            balance_snapshot_at := snapshot_at,
            balance_customer_id := customer_id,
            balance_hash := version_hash
        ) as settled
    from flexprice_raw.wallet_balances
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
),

real_time as (
    select
        wallet_id,
        struct_pack(
            real_time_balance := real_time_balance,
            real_time_credit_balance := real_time_credit_balance,
            pending_amount := pending_amount,
            current_period_usage := current_period_usage,
            unpaid_invoices_amount := unpaid_invoices_amount,
            is_cached_fallback := is_cached_fallback,
            real_time_observed_at := observed_at,
            real_time_snapshot_at := snapshot_at,
            real_time_hash := version_hash
        ) as real_time
    from flexprice_raw.wallet_real_time_balances
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
),

credits as (
    select
        wallet_id,
        struct_pack(
            free_credits := sum(case when credit_type = 'free' then credits_available end),
            purchased_credits := sum(case when credit_type = 'purchased' then credits_available end),
            other_credits := sum(case when credit_type not in ('free', 'purchased') then credits_available end),
            credits_observed_at := min(observed_at),
            credits_snapshot_at := min(snapshot_at),
            credits_hash := min(version_hash)
        ) as credits
    from flexprice_raw.wallet_credits_available
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
    group by wallet_id
),

given as (
    select * from flexprice_raw.wallet_figures_given
    where
        snapshot_at = (select snapshot_at from applying)
        and wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
),

compared as (
    select
        batch.wallet_id,
        batch.customer_id,
        old.wallet_id is null as is_new,
        old.ended is not null and settings.wallet_id is not null and settings.ended is null as is_return,
        case when settings.wallet_id is null then old.ended else settings.ended end as ended,
        case
            when balances.wallet_id is null then false
            else
                old.balance_customer_id is null
                or old.balance_customer_id <> balances.settled.balance_customer_id
                or old.currency <> balances.settled.currency
        end as is_new_context
    from batch
    left join old on batch.wallet_id = old.wallet_id
    left join settings on batch.wallet_id = settings.wallet_id
    left join balances on batch.wallet_id = balances.wallet_id
)

select
    compared.wallet_id,
    compared.customer_id,
    compared.is_new,
    compared.is_return,
    compared.ended,
    compared.ended is not null and (compared.is_new or compared.is_return or old.ended is null) as is_end,
    compared.is_return or compared.is_new_context as is_restarted,
    balances.settled,
    real_time.real_time,
    credits.credits,
    balances.wallet_id is not null as has_balance,
    balances.wallet_id is not null or real_time.wallet_id is not null or credits.wallet_id is not null as has_figures,
    coalesce(settings.is_listed, old.is_listed) as is_listed,
    settings.snapshot_at as settings_snapshot_at,
    settings.wallet_type,
    settings.wallet_status,
    settings.version_hash as settings_hash,
    coalesce(given.is_real_time_balance_given, old.is_real_time_balance_given, true) as is_real_time_balance_given,
    coalesce(given.is_credits_available_given, old.is_credits_available_given, true) as is_credits_available_given,
    -- Whether the credits by kind were observed now, be they the same as before.
    credits.wallet_id is not null
    or (
        (select include_credits_available_breakdown from applying)
        and coalesce(settings.is_listed, old.is_listed)
        and coalesce(given.is_credits_available_given, old.is_credits_available_given, true)
        and compared.wallet_id not in (select wallet_id from blemished)
    ) as is_split_observed,
    (select snapshot_at from applying) as snapshot_at
from compared
left join old on compared.wallet_id = old.wallet_id
left join settings on compared.wallet_id = settings.wallet_id
left join balances on compared.wallet_id = balances.wallet_id
left join real_time on compared.wallet_id = real_time.wallet_id
left join credits on compared.wallet_id = credits.wallet_id
left join given on compared.wallet_id = given.wallet_id;

-- Their state after it.
create or replace temp table after_fresh as
with
-- What was written now stands, and else what was known before; but nothing read in another life or context.
carried as (
    select
        fresh.wallet_id,
        case when fresh.has_balance then fresh.settled when not fresh.is_restarted then old.settled end as settled,
        case when fresh.real_time is not null then fresh.real_time when not fresh.is_restarted then old.real_time end
            as real_time,
        case when fresh.credits is not null then fresh.credits when not fresh.is_restarted then old.credits end
            as credits
    from fresh
    left join before_fresh as old on fresh.wallet_id = old.wallet_id
)

select
    fresh.wallet_id,
    -- Numbers are given at the first sight, in order of the ids.
    coalesce(
        old.wallet_number,
        (select coalesce(max(wallet_number), 0) from flexprice_raw.stored_wallets)
        + row_number() over (partition by fresh.is_new order by fresh.wallet_id)
    ) as wallet_number,
    fresh.customer_id,
    coalesce(old.first_observed_at, fresh.snapshot_at) as first_observed_at,
    case when fresh.is_new then 1 when fresh.is_return then old.life_number + 1 else old.life_number end as life_number,
    case when fresh.is_new or fresh.is_return then fresh.snapshot_at else old.life_started_at end as life_started_at,
    fresh.ended,
    case when fresh.is_end then fresh.snapshot_at when fresh.ended is not null then old.ended_at end as ended_at,
    fresh.is_listed,
    coalesce(fresh.settings_snapshot_at, old.settings_snapshot_at) as settings_snapshot_at,
    case when fresh.settings_snapshot_at is not null then fresh.wallet_type else old.wallet_type end as wallet_type,
    case when fresh.settings_snapshot_at is not null then fresh.wallet_status else old.wallet_status end
        as wallet_status,
    coalesce(fresh.settings_hash, old.settings_hash) as settings_hash,
    unnest(carried.settled),
    unnest(carried.real_time),
    unnest(carried.credits),
    -- The credits by kind belong to the settled balance where both were observed together.
    case
        when fresh.ended is not null or carried.settled is null or carried.credits.credits_snapshot_at is null then null
        when
            fresh.is_split_observed
            and (fresh.has_balance or fresh.credits is not null or fresh.is_restarted or old.split_valid_from is null)
            then fresh.snapshot_at
        when not fresh.has_balance and not fresh.is_restarted then old.split_valid_from
    end as split_valid_from,
    fresh.is_real_time_balance_given,
    fresh.is_credits_available_given,
    case
        -- Figures whose settled balance could not be taken wait for it.
        when carried.settled.balance_snapshot_at is null then null
        -- An ended wallet holds what was read at its end or later; of one that was not found nothing was read.
        when fresh.ended = 'not_found' or (fresh.ended is not null and carried.settled.balance = 0) then null
        when fresh.has_figures or fresh.is_end then fresh.snapshot_at
        when not fresh.is_restarted then old.valid_from
    end as valid_from
from fresh
inner join carried on fresh.wallet_id = carried.wallet_id
left join before_fresh as old on fresh.wallet_id = old.wallet_id;

-- An interval ends where a figure changed, and where the wallet ended or returned.
insert into flexprice_raw.stored_balance_intervals
select
    old.wallet_id,
    old.wallet_number,
    old.balance_customer_id,
    old.life_number,
    old.ended,
    old.valid_from,
    fresh.snapshot_at,
    old.currency,
    old.conversion_rate,
    old.balance,
    old.credit_balance,
    old.balance_observed_at,
    old.balance_snapshot_at,
    old.real_time_balance,
    old.real_time_credit_balance,
    old.pending_amount,
    old.current_period_usage,
    old.unpaid_invoices_amount,
    old.is_cached_fallback,
    old.real_time_observed_at,
    old.real_time_snapshot_at,
    old.free_credits,
    old.purchased_credits,
    old.other_credits,
    old.credits_observed_at,
    old.credits_snapshot_at,
    old.split_valid_from
from before_fresh as old
inner join fresh on old.wallet_id = fresh.wallet_id
where
    old.valid_from is not null
    and (fresh.is_end or fresh.is_return or fresh.has_figures)
order by old.wallet_id;

insert into flexprice_raw.stored_settings_intervals
select
    old.wallet_id,
    old.settings_snapshot_at as valid_from,
    fresh.settings_snapshot_at as valid_to,
    old.wallet_type,
    old.wallet_status
from before_fresh as old
inner join fresh on old.wallet_id = fresh.wallet_id
where old.settings_snapshot_at is not null and fresh.settings_snapshot_at is not null
order by old.wallet_id;

update flexprice_raw.stored_wallet_lives as lives
set
    customer_id = after_fresh.customer_id,
    ended_at = after_fresh.ended_at,
    ended = after_fresh.ended,
    currency = after_fresh.currency,
    conversion_rate = after_fresh.conversion_rate,
    balance = case when after_fresh.ended <> 'not_found' then after_fresh.balance end,
    credit_balance = case when after_fresh.ended <> 'not_found' then after_fresh.credit_balance end,
    balance_observed_at = case when after_fresh.ended <> 'not_found' then after_fresh.balance_observed_at end,
    balance_snapshot_at = case when after_fresh.ended <> 'not_found' then after_fresh.balance_snapshot_at end
from fresh
inner join after_fresh on fresh.wallet_id = after_fresh.wallet_id
where lives.wallet_id = fresh.wallet_id and lives.ended_at is null and fresh.is_end and not fresh.is_return;

insert into flexprice_raw.stored_wallet_lives
select
    fresh.wallet_id,
    fresh.customer_id,
    after_fresh.life_number,
    fresh.snapshot_at,
    after_fresh.ended_at,
    after_fresh.ended,
    case when fresh.is_end then after_fresh.currency end as currency,
    case when fresh.is_end then after_fresh.conversion_rate end as conversion_rate,
    case when after_fresh.ended <> 'not_found' then after_fresh.balance end as balance,
    case when after_fresh.ended <> 'not_found' then after_fresh.credit_balance end as credit_balance,
    case when after_fresh.ended <> 'not_found' then after_fresh.balance_observed_at end as balance_observed_at,
    case when after_fresh.ended <> 'not_found' then after_fresh.balance_snapshot_at end as balance_snapshot_at
from fresh
inner join after_fresh on fresh.wallet_id = after_fresh.wallet_id
where fresh.is_new or fresh.is_return
order by fresh.wallet_id;

-- What these wallets hold is added to what is held in their currency, and what they held before is taken off.
insert into moves
with
held as (
    select
        -1 as direction,
        * exclude (settled, real_time, credits)
    from before_fresh
    union all by name
    select
        1 as direction,
        *
    from after_fresh
),

split as (
    select
        *,
        ended is null as is_living,
        ended is null and balance > 0 as is_outstanding,
        ended is null and wallet_status = 'frozen' as is_frozen,
        ended is null and split_valid_from is not null as is_broken_down,
        ended is not null and balance > 0 as is_closed
    from held
    where valid_from is not null
)

select
    currency,
    conversion_rate,
    (select snapshot_at from applying) as snapshot_at,
    sum(case when is_outstanding then direction * balance else 0 end) as positive_balance,
    sum(case when is_living then direction * balance else 0 end) as balance,
    sum(case when is_living and credit_balance > 0 then direction * credit_balance else 0 end) as positive_credits,
    sum(case when is_living then direction * credit_balance else 0 end) as credits,
    sum(case when is_frozen and balance > 0 then direction * balance else 0 end) as frozen_balance,
    sum(case when is_frozen and credit_balance > 0 then direction * credit_balance else 0 end) as frozen_credits,
    sum(case when is_broken_down and balance > 0 then direction * coalesce(free_credits, 0) else 0 end) as free_credits,
    sum(case when is_broken_down and balance > 0 then direction * coalesce(purchased_credits, 0) else 0 end)
        as purchased_credits,
    sum(case when is_broken_down and balance > 0 then direction * coalesce(other_credits, 0) else 0 end)
        as other_credits,
    sum(case when is_broken_down and balance > 0 then direction * balance else 0 end) as broken_down_balance,
    sum(case when is_closed then direction * balance else 0 end) as closed_balance,
    sum(case when is_living then direction else 0 end) as wallets,
    sum(case when is_living and balance < 0 then direction else 0 end) as overdrawn_wallets,
    sum(case when is_frozen then direction else 0 end) as frozen_wallets,
    sum(case when is_broken_down then direction else 0 end) as broken_down_wallets,
    sum(case when is_closed then direction else 0 end) as closed_wallets
from split
group by currency, conversion_rate;

delete from flexprice_raw.stored_wallets
where
    wallet_id between getvariable('first_wallet_id') and getvariable('last_wallet_id')
    and wallet_id in (select wallet_id from fresh);

insert into flexprice_raw.stored_wallets select * from after_fresh order by wallet_id;

drop table fresh;

drop table before_fresh;

drop table after_fresh;

drop table batch;
