-- What follows once all wallets of the snapshot are carried over: the figures they go without, what is held in each
-- currency, and the customers.

insert into flexprice_raw.stored_selected_wallets
select
    wallets.wallet_id,
    applying.snapshot_at
from applying
inner join flexprice_raw.snapshot_customers as covered on applying.snapshot_at = covered.snapshot_at
inner join flexprice_raw.stored_wallets as wallets on covered.customer_id = wallets.customer_id
where
    applying.scope = 'selected'
    and (wallets.ended is null or wallets.ended_at = applying.snapshot_at)
    and wallets.wallet_id not in (select wallet_id from blemished)
order by wallets.wallet_id;

-- The latest load of scope 'all' observed every living wallet, except those that it missed, and those that a load of
-- scope 'selected' has observed since: nothing else says which load observed a wallet last. A load that saw a wallet
-- appear or return did observe it, whatever else went wrong.
create or replace temp table exceptions as
with
previous as (
    select max(snapshot_at) as snapshot_at
    from flexprice_raw.snapshots
    where scope = 'all' and snapshot_at < (select snapshot_at from applying)
)

select
    wallets.wallet_id,
    greatest(wallets.first_observed_at, coalesce(previous.snapshot_at, wallets.first_observed_at)) as last_observed_at
from flexprice_raw.stored_wallets as wallets
inner join applying on wallets.life_started_at < applying.snapshot_at
cross join previous
where
    applying.scope = 'all'
    and (wallets.ended is null or wallets.ended_at = applying.snapshot_at)
    and wallets.wallet_id in (select wallet_id from blemished)
union all
select
    wallet_id,
    snapshot_at as last_observed_at
from flexprice_raw.stored_selected_wallets
where snapshot_at = (select snapshot_at from applying);

update flexprice_raw.stored_observation_exceptions as open
set exception_to = applying.snapshot_at
from applying
where
    open.exception_to is null
    and (applying.scope = 'selected') = (open.wallet_id in (select wallet_id from exceptions));

insert into flexprice_raw.stored_observation_exceptions
select
    exceptions.wallet_id,
    applying.snapshot_at as exception_from,
    null as exception_to,
    exceptions.last_observed_at
from exceptions
cross join applying
left join flexprice_raw.stored_observation_exceptions as open
    on exceptions.wallet_id = open.wallet_id and open.exception_to is null
where open.wallet_id is null
order by exceptions.wallet_id;

-- Real-time figures and the breakdown come only for listed wallets, and only where the API does not leave them out.
-- A gap opens where that ceases or the wallet was not observed, and closes where the figure was asked for and came, or
-- with the life of the wallet: the snapshots between that asked for the figure all went without.
create or replace temp table asked_figures as
select 'real_time' as figure from applying
where include_real_time_balance
union all
select 'credits_available' as figure from applying
where include_credits_available_breakdown;

create or replace temp table figure_states as
select
    wallets.wallet_id,
    figures.figure,
    wallets.ended is not null as is_ended,
    wallets.is_listed
    and case
        when figures.figure = 'real_time' then wallets.is_real_time_balance_given
        else wallets.is_credits_available_given
    end as is_given,
    figures.figure in (select figure from asked_figures) as is_asked,
    wallets.wallet_id in (select wallet_id from blemished) as is_blemished
from flexprice_raw.stored_wallets as wallets
cross join (values ('real_time'), ('credits_available')) as figures (figure)
where
    wallets.wallet_id in (select wallet_id from touched)
    or wallets.wallet_id in (select wallet_id from blemished)
    or wallets.wallet_id in (select wallet_id from flexprice_raw.stored_figure_gaps where gap_to is null);

update flexprice_raw.stored_figure_gaps as gaps
set gap_to = (select snapshot_at from applying)
from figure_states as states
where
    gaps.wallet_id = states.wallet_id
    and gaps.figure = states.figure
    and gaps.gap_to is null
    and (
        states.is_ended
        or (
            states.is_asked
            and states.is_given
            and not states.is_blemished
            and (
                (select scope from applying) = 'all'
                or states.wallet_id in (
                    select wallet_id from flexprice_raw.stored_selected_wallets
                    where snapshot_at = (select snapshot_at from applying)
                )
            )
        )
    );

insert into flexprice_raw.stored_figure_gaps
select
    states.wallet_id,
    states.figure,
    (select snapshot_at from applying) as gap_from,
    null as gap_to
from figure_states as states
left join flexprice_raw.stored_figure_gaps as gaps
    on states.wallet_id = gaps.wallet_id and states.figure = gaps.figure and gaps.gap_to is null
where
    gaps.wallet_id is null
    and not states.is_ended
    and (
        not states.is_given
        or (states.is_blemished and states.is_asked and (select scope from applying) = 'all')
    )
order by states.wallet_id, states.figure;

insert into flexprice_raw.stored_currency_moves
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
    sum(other_credits) as other_credits,
    sum(broken_down_balance) as broken_down_balance,
    sum(closed_balance) as closed_balance,
    sum(wallets) as wallets,
    sum(overdrawn_wallets) as overdrawn_wallets,
    sum(frozen_wallets) as frozen_wallets,
    sum(broken_down_wallets) as broken_down_wallets,
    sum(closed_wallets) as closed_wallets
from moves
group by currency, conversion_rate, snapshot_at
order by currency, conversion_rate;

-- How many wallets were observed on the day of this snapshot, until it: the last snapshot of the day decides.
delete from flexprice_raw.stored_currency_observations
where date_day = (select cast(snapshot_at at time zone 'UTC' as date) from applying);

insert into flexprice_raw.stored_currency_observations
with
days as (
    select
        cast(applying.snapshot_at at time zone 'UTC' as date) as date_day,
        date_trunc('day', applying.snapshot_at at time zone 'UTC') at time zone 'UTC' as day_start,
        (
            select max(snapshots.snapshot_at) from flexprice_raw.snapshots as snapshots
            where snapshots.scope = 'all' and snapshots.snapshot_at <= applying.snapshot_at
        ) as last_all_at
    from applying
),

seen as (
    select
        wallets.currency,
        days.date_day,
        days.day_start,
        greatest(
            wallets.valid_from, coalesce(exceptions.last_observed_at, days.last_all_at, wallets.valid_from)
        ) as last_observed_at
    from flexprice_raw.stored_wallets as wallets
    cross join days
    left join flexprice_raw.stored_observation_exceptions as exceptions
        on wallets.wallet_id = exceptions.wallet_id and exceptions.exception_to is null
    where wallets.ended is null and wallets.valid_from is not null
)

select
    currency,
    date_day,
    count(case when last_observed_at >= day_start then 1 end) as observed_wallets,
    min(last_observed_at) as last_observed_at
from seen
group by currency, date_day
order by currency;

create or replace temp table fresh_customers as
select
    fresh.customer_id,
    coalesce(old.first_observed_at, fresh.snapshot_at) as first_observed_at,
    fresh.snapshot_at,
    fresh.is_listed,
    fresh.version_hash
from flexprice_raw.customers as fresh
left join flexprice_raw.stored_customers as old on fresh.customer_id = old.customer_id
where fresh.snapshot_at = (select snapshot_at from applying);

delete from flexprice_raw.stored_customers where customer_id in (select customer_id from fresh_customers);

insert into flexprice_raw.stored_customers select * from fresh_customers order by customer_id;

create or replace temp table fresh_customer_metadata as
select
    fresh.customer_id,
    entries.key,
    entries.value ->> '$' as value,
    fresh.snapshot_at as valid_from
from flexprice_raw.customers as fresh
cross join lateral json_each(fresh.metadata) as entries
where fresh.snapshot_at = (select snapshot_at from applying);

-- A value that is still there goes on.
update flexprice_raw.stored_customer_metadata as old
set valid_to = (select snapshot_at from applying)
where
    old.valid_to is null
    and old.customer_id in (select customer_id from fresh_customers)
    and not exists (
        select 1 from fresh_customer_metadata as fresh
        where
            fresh.customer_id = old.customer_id
            and fresh.key = old.key
            and fresh.value is not distinct from old.value
    );

insert into flexprice_raw.stored_customer_metadata
select
    fresh.customer_id,
    fresh.key,
    fresh.value,
    fresh.valid_from,
    cast(null as timestamptz) as valid_to
from fresh_customer_metadata as fresh
where
    not exists (
        select 1 from flexprice_raw.stored_customer_metadata as old
        where old.customer_id = fresh.customer_id and old.key = fresh.key and old.valid_to is null
    )
order by fresh.customer_id, fresh.key;

-- Every day from the first snapshot's on: views join it where they need a row for each day.
insert into flexprice_raw.stored_calendar
select
    cast(days.day_start as date) as date_day,
    days.day_start at time zone 'UTC' as day_start,
    (days.day_start + interval '1 day') at time zone 'UTC' as day_end
from (
    select
        date_trunc('day', applying.snapshot_at at time zone 'UTC') as this_day,
        (select cast(max(date_day) as timestamp) + interval '1 day' from flexprice_raw.stored_calendar) as next_day
    from applying
) as bounds
cross join
    lateral generate_series(coalesce(bounds.next_day, bounds.this_day), bounds.this_day, interval '1 day')
        as days (day_start)
order by date_day;

delete from flexprice_raw.stored_progress;

insert into flexprice_raw.stored_progress
select
    snapshot_at,
    getvariable('upkeep_version') as upkeep_version
from applying;

drop table touched;

drop table exceptions;

drop table asked_figures;

drop table figure_states;

drop table blemished;

drop table moves;

drop table fresh_customers;

drop table applying;
