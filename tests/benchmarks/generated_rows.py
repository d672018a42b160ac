"""The SQL that makes up a warehouse, in the order in which it is run; `$names` are filled in from a scale.

A wallet is known by its number w, its customer by c = w // 2, a version of its balance by its number k, and a snapshot
by its number n, all counted from 0. `mix` is the only source of chance.

Customers of some numbers are special, with all their wallets: one in fifty cannot be read at times, the wallets of as
many are frozen half-way, of as many closed, and those of every fifth turn up late. Real-time figures come with every
second version, the breakdown of credits with every fourth.
"""

#: The macro `mix`, the only source of chance.
CHANCE = """
create or replace temp macro scrambled(x) as
    xor(x, x >> 15) * 2246822519 % 2147483647;
create or replace temp macro mix(a, b) as
    scrambled(scrambled((a * 2654435761 + b * 40503 + 97) % 2147483647));
"""
VALUES = (
    CHANCE
    + """
create or replace temp macro customer_id_of(c) as
    format('cust_01J{:07d}{:08X}{:08X}', c, mix(c, 11), mix(c, 12));
create or replace temp macro wallet_id_of(w) as
    format('wallet_01J{:07d}{:08X}{:08X}', w, mix(w, 13), mix(w, 14));
create or replace temp macro hash_of(w, k) as
    format('{:08x}{:08x}', mix(w, 100 + k), mix(w, 200 + k));

-- A year has 526 snapshots in such steps.
create or replace temp macro time_of(n) as
    timestamp with time zone '2025-01-01 03:00:00+00' + to_minutes(1000 * n);
create or replace temp macro snapshot_of(w, k, spread, is_unreadable_at_times) as
    case
        when k = 0 then 0
        when is_unreadable_at_times then 1 + (k - 1) * spread
        else 1 + (k - 1) * spread + mix(w, 300 + k) % spread
    end;
create or replace temp macro observed_at_of(w, k, n) as
    time_of(n) + to_microseconds(mix(w, 400 + k) % 600000000);

-- The last digit makes a version differ from the one before.
create or replace temp macro credits_of(w, k) as
    cast(mix(w, 500 + k) % 100000 * 10 + k % 10 - 50000 as decimal(18, 0)) * 0.01;
create or replace temp macro amount_of(credit_amount, rate) as
    cast(cast(credit_amount as decimal(18, 9)) * rate as decimal(28, 9));
create or replace temp macro pending_of(c) as
    cast(mix(c, 15) % 5000 as decimal(18, 0)) * 0.01;
create or replace temp macro held_of(w, k) as
    cast(greatest(credits_of(w, k), 0) as decimal(38, 16));
create or replace temp macro free_of(w, k) as
    least(held_of(w, k), cast(mix(w, 600 + k) % 500 as decimal(38, 16)));
"""
)

POPULATION = """
create temp table moments as
select
    n,
    time_of(n) as snapshot_at,
    strftime(time_of(n), '%Y-%m-%dT%H:%M:%S.%fZ') as snapshot_id
from range($snapshots) as numbers (n);

create temp table population as
with
numbered as (
    select
        w,
        w // 2 as c,
        w // 2 % 50 as kind
    from range($wallets) as numbers (w)
)

select
    w,
    c,
    wallet_id_of(w) as wallet_id,
    customer_id_of(c) as customer_id,
    case when c % 10 < 7 then 'usd' when c % 10 < 9 then 'inr' else 'eur' end as currency,
    cast(case when c % 10 = 9 then 0.5 else 1 end as decimal(10, 5)) as rate,
    kind = 0 as is_unreadable_at_times,
    kind = 1 as is_frozen,
    kind = 2 as is_closed,
    case when kind >= 40 then $late else 0 end as first_version,
    row_number() over (
        order by snapshot_of(w, first_version, $spread, false), w
    ) as wallet_number,
    case when kind in (1, 2) then $half else $versions - 1 end as last_version,
    case when kind in (1, 2) then $half - 1 else $versions - 1 end as last_listed_version
from numbered;

-- How many wallets each snapshot wrote anything for.
create temp table changes (n bigint, wallets bigint);

insert into flexprice_raw.warehouse by name
select $contract_version as contract_version, '$hash_recipe' as hash_recipe;

insert into flexprice_raw.customers by name
select distinct on (c)
    customer_id,
    moments.snapshot_id,
    moments.snapshot_at,
    moments.snapshot_at as observed_at,
    hash_of(c, 0) as version_hash,
    true as is_listed,
    'Customer ' || c as name,
    'published' as record_status
from population
inner join moments on moments.n = 0
order by c;

insert into flexprice_raw.stored_customers by name
select
    customer_id,
    snapshot_at as first_observed_at,
    snapshot_at,
    is_listed,
    version_hash
from flexprice_raw.customers;
"""

#: What happens with the version `$version` of each wallet, snapshot by snapshot.
EVENTS = """
create or replace temp table events as
select
    population.*,
    $version as k,
    $version - 1 as previous_k,
    $version = first_version as is_first,
    $version > last_listed_version as is_last,
    not (is_frozen and $version > last_listed_version) as has_balance,
    moments.n,
    moments.snapshot_id,
    moments.snapshot_at,
    observed_at_of(w, $version, moments.n) as observed_at
from population
inner join moments on moments.n = snapshot_of(population.w, $version, $spread, population.is_unreadable_at_times)
where $version between first_version and last_version
order by moments.n, population.w;

insert into changes
select n, count(*) from events
group by n;
"""

RAW_TABLES = """
insert into flexprice_raw.wallets by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, 700 + k) as version_hash,
    'Wallet ' || w as name,
    currency,
    'PRE_PAID' as wallet_type,
    case when not is_last then 'active' when is_frozen then 'frozen' else 'closed' end as wallet_status,
    'published' as record_status,
    rate as conversion_rate,
    not is_last as is_listed,
    case when is_last and is_closed then 'closed' end as ended
from events where is_first or is_last;

insert into flexprice_raw.wallet_alert_thresholds by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, 700 + k) as version_hash,
    levels.level,
    'amount' as threshold_type,
    levels.threshold,
    'below' as condition,
    currency
from events
cross join (values ('critical', 100), ('warning', 1000)) as levels (level, threshold)
where is_first or is_last;

insert into flexprice_raw.wallet_allowed_price_types by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, 700 + k) as version_hash,
    'ALL' as price_type
from events where is_first or is_last;

insert into flexprice_raw.wallet_balances by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, k) as version_hash,
    currency,
    rate as conversion_rate,
    case when is_last then 0 else amount_of(credits_of(w, k), rate) end as balance,
    case when is_last then 0 else credits_of(w, k) end as credit_balance,
    snapshot_at as source_updated_at
from events where has_balance;

insert into flexprice_raw.wallet_real_time_balances by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, 1000 + k) as version_hash,
    currency,
    amount_of(credits_of(w, k) - pending_of(c), rate) as real_time_balance,
    credits_of(w, k) - pending_of(c) as real_time_credit_balance,
    amount_of(pending_of(c), rate) as pending_amount,
    amount_of(pending_of(c), rate) as current_period_usage,
    0 as unpaid_invoices_amount,
    false as is_cached_fallback
from events where k % 2 = 0 and not is_last;

insert into flexprice_raw.wallet_credits_available by name
select
    wallet_id, customer_id, snapshot_id, snapshot_at, observed_at, hash_of(w, 2000 + k) as version_hash,
    kinds.credit_type,
    case when kinds.credit_type = 'free' then free_of(w, k) else held_of(w, k) - free_of(w, k) end
        as credits_available,
    currency
from events
cross join (values ('free'), ('purchased')) as kinds (credit_type)
where k % 4 = 0 and not is_last;
"""

#: Every fifth snapshot fails to read half of the customers that are unreadable at times. None fails twice in a row, or
#: where a version of their wallets stands.
FAILURES = """
create temp table failures as
select
    c,
    customer_id_of(c) as customer_id,
    moments.*
from range(0, ($wallets + 1) // 2, 50) as numbers (c)
cross join moments
where n % 5 = 3 and (n - 1) % $spread <> 0 and mix(c, 3000 + n) % 2 = 0
order by n, c;

insert into flexprice_raw.fetch_failures by name
select
    snapshot_id,
    snapshot_at,
    'customer_wallets' as resource,
    customer_id as resource_id,
    customer_id,
    503 as http_status,
    'server_error' as error_code,
    'the server failed' as message,
    5 as attempts,
    snapshot_at as failed_at
from failures;

insert into flexprice_raw.stored_observation_exceptions by name
select
    population.wallet_id,
    failures.snapshot_at as exception_from,
    later.snapshot_at as exception_to,
    time_of(failures.n - 1) as last_observed_at
from failures
inner join population on failures.c = population.c
left join moments as later on failures.n + 1 = later.n
order by failures.n, population.w;

insert into flexprice_raw.stored_figure_gaps by name
select
    population.wallet_id,
    figures.figure,
    failures.snapshot_at as gap_from,
    later.snapshot_at as gap_to
from failures
inner join population on failures.c = population.c
left join moments as later on failures.n + 1 = later.n
cross join (values ('real_time'), ('credits_available')) as figures (figure)
order by failures.n, population.w;

insert into flexprice_raw.stored_figure_gaps by name
select
    population.wallet_id,
    figures.figure,
    time_of(snapshot_of(w, last_version, $spread, false)) as gap_from
from population
cross join (values ('real_time'), ('credits_available')) as figures (figure)
where is_frozen
order by gap_from, w;
"""

SNAPSHOTS = """
create temp table failed as
select n, count(*) as customers from failures
group by n;

create temp table changed as
select n, sum(wallets) as wallets from changes
group by n;

insert into flexprice_raw.snapshots by name
select
    moments.snapshot_id,
    moments.snapshot_at,
    moments.snapshot_at as started_at,
    moments.snapshot_at + interval 10 minute as finished_at,
    case when failed.n is null then 'complete' else 'partial' end as completeness,
    'all' as scope,
    true as include_real_time_balance,
    true as include_credits_available_breakdown,
    ($wallets + 1) // 2 as customers_expected,
    ($wallets + 1) // 2 - coalesce(failed.customers, 0) as customers_observed,
    coalesce(failed.customers, 0) as customers_failed,
    $wallets as wallets_observed,
    coalesce(changed.wallets, 0) as wallets_changed,
    0 as records_rejected,
    ($wallets + 1) // 2 as api_requests,
    0 as api_retries,
    '1.0.0' as pipeline_version,
    moments.snapshot_id as _dlt_load_id
from moments
left join failed on moments.n = failed.n
left join changed on moments.n = changed.n
order by moments.n;

insert into flexprice_raw._dlt_loads by name
select snapshot_id as load_id, 0 as status, finished_at as inserted_at from flexprice_raw.snapshots;

insert into flexprice_raw.stored_progress by name
select max(snapshot_at) as snapshot_at, '$upkeep_version' as upkeep_version from flexprice_raw.snapshots;

insert into flexprice_raw.stored_calendar by name
select
    cast(day_start as date) as date_day,
    day_start at time zone 'UTC' as day_start,
    (day_start + interval 1 day) at time zone 'UTC' as day_end
from generate_series(
    (select date_trunc('day', min(snapshot_at) at time zone 'UTC') from flexprice_raw.snapshots),
    (select date_trunc('day', max(snapshot_at) at time zone 'UTC') from flexprice_raw.snapshots),
    interval 1 day
) as days (day_start)
order by date_day;
"""
