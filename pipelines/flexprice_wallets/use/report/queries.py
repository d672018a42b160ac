"""What the report asks the warehouse. Everything is counted back from the last snapshot, not from today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import duckdb

#: One row of an answer, by column name; amounts are Decimal, times aware.
Row = Mapping[str, Any]

#: Rows that a table of the report shows at most; what is left out is said.
ROWS_SHOWN: Final = 20
_RUNS_SHOWN: Final = 30

FRESHNESS: Final = 'select * from "{schema}".freshness'

LATEST: Final = """
select *
from "{schema}".currency_balance_daily
where date_day = (select max(date_day) from "{schema}".currency_balance_daily)
order by currency
"""

# The view counts free and purchased credits; the liability is an amount, so each wallet's are taken at its own rate.
LIABILITY: Final = """
with

movements as (
    select
        currency,
        cast(valid_from at time zone 'UTC' as date) as date_day,
        sum(cast(free_credits * conversion_rate as decimal(38, 14))) as free_amount,
        sum(cast(purchased_credits * conversion_rate as decimal(38, 14))) as purchased_amount
    from "{schema}".wallet_balance_history
    group by 1, 2
    union all
    select
        currency,
        cast(valid_to at time zone 'UTC' as date) as date_day,
        -sum(cast(free_credits * conversion_rate as decimal(38, 14))) as free_amount,
        -sum(cast(purchased_credits * conversion_rate as decimal(38, 14))) as purchased_amount
    from "{schema}".wallet_balance_history
    where valid_to is not null
    group by 1, 2
),

days as (
    select
        currency,
        date_day,
        sum(free_amount) as free_amount,
        sum(purchased_amount) as purchased_amount
    from movements
    group by 1, 2
),

outstanding as (
    select * from "{schema}".currency_balance_daily
),

-- a movement may lie on a day on which nothing of the currency is left
joined as (
    select
        coalesce(outstanding.currency, days.currency) as currency,
        coalesce(outstanding.date_day, days.date_day) as date_day,
        outstanding.date_day is not null as is_shown,
        outstanding.outstanding_balance,
        outstanding.overdrawn_balance,
        outstanding.wallets,
        outstanding.broken_down_wallets,
        days.free_amount,
        days.purchased_amount
    from outstanding
    full join days on outstanding.currency = days.currency and outstanding.date_day = days.date_day
),

running as (
    select
        * replace (
            sum(free_amount) over (partition by currency order by date_day) as free_amount,
            sum(purchased_amount) over (partition by currency order by date_day) as purchased_amount
        )
    from joined
)

select
    currency,
    date_day,
    outstanding_balance,
    overdrawn_balance,
    wallets,
    case when broken_down_wallets > 0 then free_amount end as free_amount,
    case when broken_down_wallets > 0 then purchased_amount end as purchased_amount
from running
where is_shown
order by currency, date_day
"""

RUNNING_OUT: Final = """
select
    runway.wallet_id,
    runway.customer_id,
    customers.name as customer,
    runway.name as wallet,
    runway.currency,
    runway.balance,
    runway.credit_balance,
    runway.credits_per_day_7_days,
    runway.credits_per_day_30_days,
    least(runway.days_left_7_days, runway.days_left_30_days) as days_left,
    least(runway.depletion_day_7_days, runway.depletion_day_30_days) as depletion_day,
    count(*) over () as total
from "{schema}".wallet_runway as runway
left join "{schema}".customers as customers on runway.customer_id = customers.customer_id
where
    least(runway.days_left_7_days, runway.days_left_30_days) <= 30
    and runway.credit_balance > 0
order by days_left, runway.wallet_id
limit {limit}
"""

ALERTS: Final = """
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
    alerts.is_reached,
    alerts.is_reached_in_real_time,
    alerts.real_time_balance,
    alerts.alert_state,
    alerts.reached_since,
    count(*) over () as total
from "{schema}".wallet_alerts as alerts
left join "{schema}".customers as customers on alerts.customer_id = customers.customer_id
where alerts.alert_enabled and (alerts.is_reached or alerts.is_reached_in_real_time)
order by
    case alerts.level when 'critical' then 1 when 'default' then 2 when 'warning' then 3 else 4 end,
    alerts.reached_since desc nulls last,
    alerts.wallet_id,
    alerts.level
limit {limit}
"""

MOVEMENTS: Final = """
with

recent as (
    select *
    from "{schema}".wallet_balance_changes
    where
        cause = 'balance'
        and currency_before = currency_after
        and changed_by > (select max(snapshot_at) from "{schema}".snapshots) - interval 7 day
),

ranked as (
    select
        *,
        row_number() over (
            partition by currency_after order by abs(balance_delta) desc, wallet_id, changed_by
        ) as place
    from recent
)

select
    ranked.wallet_id,
    ranked.customer_id,
    customers.name as customer,
    ranked.currency_after as currency,
    ranked.balance_before,
    ranked.balance_after,
    ranked.balance_delta,
    ranked.credit_balance_delta,
    ranked.changed_after,
    ranked.changed_by
from ranked
left join "{schema}".customers as customers on ranked.customer_id = customers.customer_id
where ranked.place <= 5
order by ranked.currency_after, ranked.place
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

select problems.*, count(*) over () as total
from problems
cross join watched
where problems.snapshot_at > watched.complete_at
order by problems.snapshot_at desc, problems.what, problems.customer_id, problems.wallet_id
limit {limit}
"""

FINDINGS: Final = """
select finding, count(*) as findings, min(found_at) as first_found_at, max(found_at) as last_found_at
from "{schema}".wallet_data_quality
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
where wallets.{column} = ?
order by wallets.ended is not null, wallets.wallet_id
limit {limit}
"""

SUBJECT_HISTORY: Final = """
select
    wallet_id, life_number, currency, valid_from, valid_to, balance, credit_balance, free_credits, purchased_credits
from "{schema}".wallet_balance_history
where wallet_id = ?
order by valid_from
"""

SUBJECT_TOP_UPS: Final = """
select wallet_id, changed_after, changed_by, balance_delta, credit_balance_delta, balance_after
from "{schema}".wallet_balance_changes
where wallet_id = ? and cause = 'balance' and credit_balance_delta > 0
order by changed_by
"""


class Asked:
    """Answers the report's questions from one open warehouse."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, *, raw_schema: str, schema: str
    ) -> None:
        self._connection = connection
        self._names = {"raw_schema": raw_schema, "schema": schema, "limit": ROWS_SHOWN}

    def __call__(self, sql: str, *parameters: str, **names: str) -> list[Row]:
        """The rows of a question."""
        result = self._connection.execute(sql.format(**(self._names | names)), list(parameters))
        columns = [name for name, *_ in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
