"""The SQL that makes up the derived tables of a generated warehouse, as a replay of its snapshots would make them."""

#: An interval is written by the snapshot that ends it.
INTERVALS = """
insert into flexprice_raw.stored_balance_intervals by name
with
ended as (
    select
        *,
        previous_k - previous_k % 2 as real_time_k,
        previous_k - previous_k % 4 as credits_k,
        snapshot_of(w, previous_k, $spread, is_unreadable_at_times) as balance_n,
        snapshot_of(w, real_time_k, $spread, is_unreadable_at_times) as real_time_n,
        snapshot_of(w, credits_k, $spread, is_unreadable_at_times) as credits_n
    from events where has_balance and not is_first
)

select
    wallet_id,
    wallet_number,
    customer_id,
    1 as life_number,
    time_of(balance_n) as valid_from,
    snapshot_at as valid_to,
    currency,
    rate as conversion_rate,
    amount_of(credits_of(w, previous_k), rate) as balance,
    credits_of(w, previous_k) as credit_balance,
    observed_at_of(w, previous_k, balance_n) as balance_observed_at,
    time_of(balance_n) as balance_snapshot_at,
    amount_of(credits_of(w, real_time_k) - pending_of(c), rate) as real_time_balance,
    credits_of(w, real_time_k) - pending_of(c) as real_time_credit_balance,
    amount_of(pending_of(c), rate) as pending_amount,
    amount_of(pending_of(c), rate) as current_period_usage,
    0 as unpaid_invoices_amount,
    false as is_cached_fallback,
    observed_at_of(w, real_time_k, real_time_n) as real_time_observed_at,
    time_of(real_time_n) as real_time_snapshot_at,
    free_of(w, credits_k) as free_credits,
    held_of(w, credits_k) - free_of(w, credits_k) as purchased_credits,
    observed_at_of(w, credits_k, credits_n) as credits_observed_at,
    time_of(credits_n) as credits_snapshot_at,
    time_of(balance_n) as split_valid_from
from ended;

insert into flexprice_raw.stored_settings_intervals by name
select
    wallet_id,
    time_of(snapshot_of(w, first_version, $spread, is_unreadable_at_times)) as valid_from,
    snapshot_at as valid_to,
    'PRE_PAID' as wallet_type,
    'active' as wallet_status
from events where is_last;
"""

CURRENT = """
create temp table current as
select
    *,
    case when is_closed then last_version else last_listed_version end as balance_k,
    last_listed_version - last_listed_version % 2 as real_time_k,
    last_listed_version - last_listed_version % 4 as credits_k,
    case when is_frozen or is_closed then last_version else first_version end as settings_k,
    snapshot_of(w, first_version, $spread, is_unreadable_at_times) as first_n,
    snapshot_of(w, last_version, $spread, is_unreadable_at_times) as last_n,
    snapshot_of(w, balance_k, $spread, is_unreadable_at_times) as balance_n,
    snapshot_of(w, real_time_k, $spread, is_unreadable_at_times) as real_time_n,
    snapshot_of(w, credits_k, $spread, is_unreadable_at_times) as credits_n,
    snapshot_of(w, settings_k, $spread, is_unreadable_at_times) as settings_n
from population
order by last_n, w;

insert into flexprice_raw.stored_wallets by name
select
    wallet_id,
    wallet_number,
    customer_id,
    time_of(first_n) as first_observed_at,
    1 as life_number,
    time_of(first_n) as life_started_at,
    case when is_closed then 'closed' end as ended,
    case when is_closed then time_of(last_n) end as ended_at,
    not is_frozen and not is_closed as is_listed,
    time_of(settings_n) as settings_snapshot_at,
    'PRE_PAID' as wallet_type,
    case when is_frozen then 'frozen' when is_closed then 'closed' else 'active' end as wallet_status,
    hash_of(w, 700 + settings_k) as settings_hash,
    currency,
    rate as conversion_rate,
    case when is_closed then 0 else amount_of(credits_of(w, balance_k), rate) end as balance,
    case when is_closed then 0 else credits_of(w, balance_k) end as credit_balance,
    observed_at_of(w, balance_k, balance_n) as balance_observed_at,
    time_of(balance_n) as balance_snapshot_at,
    customer_id as balance_customer_id,
    hash_of(w, balance_k) as balance_hash,
    amount_of(credits_of(w, real_time_k) - pending_of(c), rate) as real_time_balance,
    credits_of(w, real_time_k) - pending_of(c) as real_time_credit_balance,
    amount_of(pending_of(c), rate) as pending_amount,
    amount_of(pending_of(c), rate) as current_period_usage,
    0 as unpaid_invoices_amount,
    false as is_cached_fallback,
    observed_at_of(w, real_time_k, real_time_n) as real_time_observed_at,
    time_of(real_time_n) as real_time_snapshot_at,
    hash_of(w, 1000 + real_time_k) as real_time_hash,
    free_of(w, credits_k) as free_credits,
    held_of(w, credits_k) - free_of(w, credits_k) as purchased_credits,
    observed_at_of(w, credits_k, credits_n) as credits_observed_at,
    time_of(credits_n) as credits_snapshot_at,
    hash_of(w, 2000 + credits_k) as credits_hash,
    case when not is_closed then time_of(balance_n) end as split_valid_from,
    true as is_real_time_balance_given,
    true as is_credits_available_given,
    case when not is_closed then time_of(balance_n) end as valid_from
from current;

insert into flexprice_raw.stored_wallet_lives by name
select
    wallet_id,
    customer_id,
    1 as life_number,
    time_of(first_n) as started_at,
    case when is_closed then time_of(last_n) end as ended_at,
    case when is_closed then 'closed' end as ended,
    case when is_closed then currency end as currency,
    case when is_closed then rate end as conversion_rate,
    case when is_closed then 0 end as balance,
    case when is_closed then 0 end as credit_balance,
    case when is_closed then observed_at_of(w, last_version, last_n) end as balance_observed_at,
    case when is_closed then time_of(last_n) end as balance_snapshot_at
from current
order by first_n, w;
"""

MOVES = """
insert into flexprice_raw.stored_currency_moves by name
with
moves as (
    select
        currency,
        conversion_rate,
        valid_from as snapshot_at,
        sum(greatest(balance, 0)) as positive_balance,
        sum(balance) as balance,
        sum(greatest(credit_balance, 0)) as positive_credits,
        sum(credit_balance) as credits,
        0 as frozen_balance,
        0 as frozen_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then free_credits end), 0) as free_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then purchased_credits end), 0)
            as purchased_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then balance end), 0)
            as broken_down_balance,
        count(*) as wallets,
        count(case when balance < 0 then 1 end) as overdrawn_wallets,
        0 as frozen_wallets,
        count(split_valid_from) as broken_down_wallets
    from flexprice_raw.stored_balance_intervals
    group by currency, conversion_rate, valid_from
    union all
    select
        currency,
        conversion_rate,
        valid_to as snapshot_at,
        -sum(greatest(balance, 0)) as positive_balance,
        -sum(balance) as balance,
        -sum(greatest(credit_balance, 0)) as positive_credits,
        -sum(credit_balance) as credits,
        0 as frozen_balance,
        0 as frozen_credits,
        -coalesce(sum(case when split_valid_from is not null and balance > 0 then free_credits end), 0) as free_credits,
        -coalesce(sum(case when split_valid_from is not null and balance > 0 then purchased_credits end), 0)
            as purchased_credits,
        -coalesce(sum(case when split_valid_from is not null and balance > 0 then balance end), 0)
            as broken_down_balance,
        -count(*) as wallets,
        -count(case when balance < 0 then 1 end) as overdrawn_wallets,
        0 as frozen_wallets,
        -count(split_valid_from) as broken_down_wallets
    from flexprice_raw.stored_balance_intervals
    group by currency, conversion_rate, valid_to
    union all
    select
        currency,
        conversion_rate,
        valid_from as snapshot_at,
        sum(greatest(balance, 0)) as positive_balance,
        sum(balance) as balance,
        sum(greatest(credit_balance, 0)) as positive_credits,
        sum(credit_balance) as credits,
        0 as frozen_balance,
        0 as frozen_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then free_credits end), 0) as free_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then purchased_credits end), 0)
            as purchased_credits,
        coalesce(sum(case when split_valid_from is not null and balance > 0 then balance end), 0)
            as broken_down_balance,
        count(*) as wallets,
        count(case when balance < 0 then 1 end) as overdrawn_wallets,
        0 as frozen_wallets,
        count(split_valid_from) as broken_down_wallets
    from flexprice_raw.stored_wallets
    where valid_from is not null
    group by currency, conversion_rate, valid_from
    union all
    select
        currency,
        conversion_rate,
        settings_snapshot_at as snapshot_at,
        0 as positive_balance,
        0 as balance,
        0 as positive_credits,
        0 as credits,
        sum(greatest(balance, 0)) as frozen_balance,
        sum(greatest(credit_balance, 0)) as frozen_credits,
        0 as free_credits,
        0 as purchased_credits,
        0 as broken_down_balance,
        0 as wallets,
        0 as overdrawn_wallets,
        count(*) as frozen_wallets,
        0 as broken_down_wallets
    from flexprice_raw.stored_wallets
    where wallet_status = 'frozen'
    group by currency, conversion_rate, settings_snapshot_at
)

select
    currency,
    conversion_rate,
    snapshot_at,
    sum(positive_balance) as positive_balance,
    sum(balance) as balance,
    sum(positive_credits) as positive_credits,
    sum(credits) as credits,
    sum(frozen_balance) as frozen_balance,
    sum(frozen_credits) as frozen_credits,
    sum(free_credits) as free_credits,
    sum(purchased_credits) as purchased_credits,
    0 as other_credits,
    sum(broken_down_balance) as broken_down_balance,
    0 as closed_balance,
    sum(wallets) as wallets,
    sum(overdrawn_wallets) as overdrawn_wallets,
    sum(frozen_wallets) as frozen_wallets,
    sum(broken_down_wallets) as broken_down_wallets,
    0 as closed_wallets
from moves
group by currency, conversion_rate, snapshot_at
order by snapshot_at, currency, conversion_rate;
"""

#: Of the wallets that lived at the end of each day with a load: how many a load of that day observed.
OBSERVATIONS = """
insert into flexprice_raw.stored_currency_observations by name
select
    currency,
    date_day,
    count(case when last_observed_at >= date_day at time zone 'UTC' then 1 end) as observed_wallets,
    min(last_observed_at) as last_observed_at
from flexprice.wallet_balance_daily
where
    not is_ended
    and date_day in (
        select cast(snapshot_at at time zone 'UTC' as date) from flexprice_raw.snapshots
    )
group by currency, date_day
order by date_day, currency;
"""
