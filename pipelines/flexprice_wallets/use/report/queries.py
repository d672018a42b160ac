"""What the report asks the warehouse. Everything is counted back from the last snapshot, not from today."""

from __future__ import annotations

from typing import Final

#: Rows that a table of the report shows at most; what is left out is said.
ROWS_SHOWN: Final = 20
#: The same for each currency, of tables that rank by money: amounts of two currencies have no order.
ROWS_BY_CURRENCY: Final = 5
_RUNS_SHOWN: Final = 30

FRESHNESS: Final = 'select * from "{schema}".freshness'

OUTSTANDING: Final = """
select
    currency,
    date_day,
    outstanding_balance,
    purchased_balance,
    free_balance,
    other_balance,
    broken_down_balance,
    overdrawn_balance,
    frozen_balance,
    closed_balance,
    wallets,
    cast(last_snapshot_at at time zone 'UTC' as date) = date_day as is_observed
from "{schema}".currency_balance_daily
order by currency, date_day
"""

# How many there are is counted before any is left out.
RUNNING_OUT: Final = """
with

ranked as (
    select
        runway.wallet_id,
        runway.customer_id,
        customers.name as customer,
        runway.name as wallet,
        runway.currency,
        runway.balance,
        runway.balance_after_pending,
        runway.days_left,
        runway.depletion_day,
        runway.credits_per_day_7_days,
        runway.credits_per_day_30_days,
        count(*) over () as total,
        count(case when runway.days_left <= 7 then 1 end) over () as within_7_days,
        row_number() over (
            partition by runway.currency order by runway.balance desc, runway.wallet_id
        ) as place
    from "{schema}".wallet_runway as runway
    left join "{schema}".customers as customers on runway.customer_id = customers.customer_id
    where runway.state = 'running' and runway.days_left <= 30 and {subject} and {pace_is_own}
)

select *
from ranked
where place <= {limit_by_currency}
order by currency, place
"""

ALERTS: Final = """
with

ranked as (
    select
        alerts.level,
        alerts.wallet_id,
        alerts.customer_id,
        customers.name as customer,
        alerts.name as wallet,
        alerts.currency,
        alerts.condition,
        alerts.threshold,
        alerts.balance,
        alerts.real_time_balance,
        alerts.distance,
        alerts.reached_since,
        case
            when alerts.is_reached and alerts.is_reached_in_real_time then 'both balances'
            when alerts.is_reached then 'settled balance'
            else 'real-time balance'
        end as reached_by,
        count(*) over () as total,
        count(case when alerts.level = 'critical' then 1 end) over () as critical,
        row_number() over (
            partition by alerts.currency
            order by
                abs(
                    case
                        when alerts.is_reached then alerts.distance
                        else alerts.real_time_balance - alerts.threshold
                    end
                ) desc,
                alerts.wallet_id,
                alerts.level
        ) as place
    from "{schema}".wallet_alerts as alerts
    left join "{schema}".customers as customers on alerts.customer_id = customers.customer_id
    where alerts.alert_enabled and (alerts.is_reached or alerts.is_reached_in_real_time) and {alert_subject}
)

select *
from ranked
where place <= {limit_by_currency}
order by currency, place
"""

# Every cause counts. Where no figure was read at an end, the money that stood there decides the place.
MOVEMENTS: Final = """
with

recent as (
    select
        changes.*,
        coalesce(changes.currency_after, changes.currency_before) as currency,
        changes.cause = 'currency' as is_currency_changed
    from "{schema}".wallet_balance_changes as changes
    where changes.changed_by > (select max(snapshot_at) from "{schema}".snapshots) - interval 7 day
),

ranked as (
    select
        *,
        row_number() over (
            partition by is_currency_changed, currency
            order by
                coalesce(abs(balance_delta), abs(balance_before), abs(balance_after)) desc nulls last,
                wallet_id,
                changed_by
        ) as place,
        count(*) over (partition by is_currency_changed) as total
    from recent
)

select
    ranked.wallet_id,
    ranked.customer_id,
    customers.name as customer,
    wallets.name as wallet,
    ranked.currency,
    ranked.currency_before,
    case
        when ranked.is_currency_changed then 'currency changed'
        when ranked.cause = 'rate' then 'rate changed'
        when ranked.cause = 'balance' and ranked.balance_delta > 0 then 'balance rose'
        when ranked.cause = 'balance' then 'balance fell'
        else ranked.cause
    end as what,
    ranked.is_currency_changed,
    ranked.balance_before,
    ranked.balance_after,
    ranked.balance_delta,
    ranked.changed_after,
    ranked.changed_by,
    ranked.total
from ranked
left join "{schema}".customers as customers on ranked.customer_id = customers.customer_id
left join "{schema}".wallets as wallets on ranked.wallet_id = wallets.wallet_id
where ranked.place <= {limit_by_currency}
order by ranked.currency, ranked.place
"""

LOAD_DAYS: Final = """
select
    date_day,
    count(*) as loads,
    count(case when scope = 'all' and completeness = 'complete' then 1 end) as complete_loads,
    count(case when scope = 'all' then 1 end) as loads_of_all
from "{schema}".snapshots
group by date_day
order by date_day
"""

RUNS: Final = f"""
select *
from "{{schema}}".snapshots
order by snapshot_at desc
limit {_RUNS_SHOWN}
"""

FAILURES: Final = """
with

watched as (
    select coalesce(max(snapshot_at), timestamptz '1970-01-01 00:00:00+00') as complete_at
    from "{schema}".snapshots
    where scope = 'all' and completeness = 'complete'
),

problems as (
    select snapshot_at, 'not read' as what, customer_id, wallet_id, http_status, message as why
    from "{raw_schema}".fetch_failures
    union all
    select snapshot_at, 'rejected' as what, customer_id, wallet_id, null as http_status, reason as why
    from "{schema}".rejections
)

select
    problems.*,
    customers.name as customer,
    wallets.name as wallet,
    count(*) over () as total,
    count(case when problems.what = 'rejected' then 1 end) over () as rejected
from problems
cross join watched
left join "{schema}".customers as customers on problems.customer_id = customers.customer_id
left join "{schema}".wallets as wallets on problems.wallet_id = wallets.wallet_id
where problems.snapshot_at > watched.complete_at
order by problems.snapshot_at desc, problems.what, problems.customer_id, problems.wallet_id
limit {limit}
"""

FINDINGS: Final = """
select finding, count(*) as findings, min(found_at) as first_found_at, max(found_at) as last_found_at
from "{schema}".wallet_data_quality
where {subject_of_finding} and {since_of_finding}
group by finding
order by finding
"""

SUBJECT_WALLETS: Final = """
select
    wallets.wallet_id,
    wallets.customer_id,
    customers.name as customer,
    wallets.name as wallet,
    wallets.currency,
    wallets.conversion_rate,
    wallets.wallet_type,
    wallets.wallet_status,
    wallets.ended,
    wallets.balance,
    wallets.credit_balance,
    wallets.free_credits,
    wallets.purchased_credits,
    wallets.first_observed_at,
    wallets.last_observed_at,
    count(*) over () as total
from "{schema}".wallets as wallets
left join "{schema}".customers as customers on wallets.customer_id = customers.customer_id
where wallets.{subject_column} = $subject
order by wallets.ended is not null, wallets.balance desc nulls last, wallets.wallet_id
limit {limit}
"""

SUBJECT_HISTORY: Final = """
select
    wallet_id, life_number, currency, valid_from, valid_to, balance, credit_balance, free_credits, purchased_credits
from "{schema}".wallet_balance_history
where
    wallet_id = $wallet
    and customer_id = $owner
    and (cast($since as timestamptz) is null or valid_from >= cast($since as timestamptz))
order by valid_from
"""

SUBJECT_TOP_UPS: Final = """
select
    wallet_id, currency_after as currency, changed_after, changed_by, balance_delta, credit_balance_delta, balance_after
from "{schema}".wallet_balance_changes
where
    wallet_id = $wallet
    and customer_id = $owner
    and cause = 'balance'
    and credit_balance_delta > 0
    and (cast($since as timestamptz) is null or changed_after >= cast($since as timestamptz))
order by changed_by
"""
