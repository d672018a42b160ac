"""What the report asks about the ledger. Asked like the questions in `queries`."""

from __future__ import annotations

from typing import Final

#: Months of each currency that the report shows at most.
MONTHS_SHOWN: Final = 24
#: Lines of one wallet's ledger that the report shows at most.
LINES_SHOWN: Final = 200
#: Wallets that do not reconcile, at most.
DIFFERING_SHOWN: Final = 200

HAS_LEDGER: Final = """
select
    exists (select 1 from "{raw_schema}".snapshots where ledger = 'complete')
    or exists (select 1 from "{schema}".wallet_transactions) as has_ledger
"""

ROLL_FORWARD: Final = f"""
select *
from "{{schema}}".currency_roll_forward
qualify row_number() over (partition by currency order by month desc) <= {MONTHS_SHOWN}
order by currency, month
"""

# What lapsed is negative in the books; all months are asked for, as the total says since when it counts.
BREAKAGE: Final = f"""
with

months as (
    select
        currency,
        month,
        is_over,
        -expired_amount as expired_amount,
        -terminated_amount as closed_amount,
        -cast(expired_amount + terminated_amount as decimal(38, 9)) as breakage_amount
    from "{{schema}}".currency_roll_forward
    qualify row_number() over (partition by currency order by month desc) <= {MONTHS_SHOWN}
)

select *, sum(breakage_amount) over (partition by currency) as currency_amount
from months
order by currency, month desc
"""

# Totals are of everything, also where rows are left out.
EXPIRING: Final = """
with

last_load as (
    select cast(max(snapshot_at) at time zone 'UTC' as date) as date_day from "{schema}".snapshots
),

chosen as (
    select expiring.*
    from "{schema}".credits_expiring as expiring
    cross join last_load
    where
        not expiring.is_closed
        and expiring.date_day <= last_load.date_day + interval 30 day
        and {subject_of_finding}
),

ranked as (
    select
        *,
        count(*) over () as total,
        sum(expiring_amount) over (partition by currency) as currency_amount,
        row_number() over (
            partition by currency order by expiring_amount desc, date_day, wallet_id
        ) as place
    from chosen
)

select ranked.*, customers.name as customer, wallets.name as wallet
from ranked
left join "{schema}".customers as customers on ranked.customer_id = customers.customer_id
left join "{schema}".wallets as wallets on ranked.wallet_id = wallets.wallet_id
where ranked.place <= {limit_by_currency}
order by ranked.currency, ranked.place
"""

RECONCILED: Final = """
select state, count(*) as wallets
from "{schema}".ledger_reconciliation
where {subject_of_finding}
group by state
order by state
"""

DIFFERING: Final = f"""
with

chosen as (
    select *, count(*) over () as total
    from "{{schema}}".ledger_reconciliation
    where state = 'differs' and {{subject_of_finding}}
)

select chosen.*, customers.name as customer, wallets.name as wallet
from chosen
left join "{{schema}}".customers as customers on chosen.customer_id = customers.customer_id
left join "{{schema}}".wallets as wallets on chosen.wallet_id = wallets.wallet_id
order by chosen.currency, abs(chosen.difference_credits) desc nulls last, chosen.wallet_id
limit {DIFFERING_SHOWN}
"""

# A transaction says itself whose it was; no load may have seen the wallet with another customer at that time.
WALLET_LEDGER: Final = f"""
with

own as (
    select *, coalesce(completed_at, source_created_at) as happened_at
    from "{{schema}}".wallet_transactions
    where wallet_id = $wallet and customer_id = $owner
)

select *, count(*) over () as total
from own
where cast($after as timestamptz) is null or happened_at > cast($after as timestamptz)
order by ledger_position desc nulls first, happened_at desc, transaction_id
limit {LINES_SHOWN}
"""

WALLET_STEPS: Final = """
select customer_id, 1 as life_number, currency, conversion_rate, credit_balance, balance, valid_from, valid_to
from "{schema}".wallet_ledger_history
where wallet_id = $wallet
order by valid_from
"""

# Of all wallets of the subject at once: the view compares whole ledgers.
RECONCILED_WALLETS: Final = """
select wallet_id
from "{schema}".ledger_reconciliation
where state = 'reconciled' and {subject_of_finding}
"""
