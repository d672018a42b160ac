"""What the columns of views and derived tables mean, by name: a meaning that every object shares is written once.

The comments go into the database, for readers who do not know Flexprice: meaning, unit, and whether a figure may be
summed over wallets and over time. Where an object means something else by a name, `views.py` says so there.
"""

from __future__ import annotations

from typing import Final

_STOCK: Final = (
    "May be summed over wallets of one currency at one moment, never over time (a stock, not a"
    " flow)."
)
_PENDING: Final = (
    "Pending charges count per customer and currency and are taken off each of its prepaid wallets:"
    " never summed over wallets of one customer, never over time."
)
_LIMIT: Final = "A limit: never summed."
_RATE: Final = "A rate: never summed."

COLUMN_COMMENTS: Final[dict[str, str]] = {
    # ids
    "wallet_id": "Flexprice id of the wallet.",
    "customer_id": "Flexprice id of the customer that the wallet belongs to.",
    "tenant_id": "Flexprice tenant that the record belongs to.",
    "environment_id": "Flexprice environment that the record belongs to.",
    "snapshot_id": "Id of the run: its snapshot_at as ISO-8601 text in UTC with microseconds.",
    "currency": "Currency of the amounts in this row: lower-case code as Flexprice sends it.",
    "life_number": (
        "Counts a wallet's lives from 1: a wallet that ended and was listed once more begins a new"
        " one."
    ),
    "external_id": "The customer's id in the caller's own system.",
    # settings
    "name": "Name of the wallet; null where it has none.",
    "description": "Description of the wallet, free text.",
    "wallet_type": "PRE_PAID, PROMOTIONAL, POST_PAID or any later kind.",
    "wallet_status": "active, frozen (may not pay for now) or closed.",
    "record_status": "The API's status of the record: published, archived or deleted.",
    "is_listed": (
        "Whether the last observation found it listed (the API lists only active wallets)."
    ),
    "ended": (
        "How the wallet ended: 'closed', 'deleted' or 'not_found' (the API knows it no longer);"
        " null while it lives."
    ),
    "conversion_rate": f"Currency per credit. {_RATE}",
    "topup_conversion_rate": f"Currency per credit when topping up. {_RATE}",
    "allowed_price_types": (
        "Price types the wallet may pay (ALL, USAGE, FIXED), sorted, with a comma between; null"
        " means all."
    ),
    "alert_enabled": "Whether alerts on the balance are switched on.",
    "alert_state": (
        "State of the alert as Flexprice says: ok, info, warning or in_alarm; null where empty."
    ),
    "alert_threshold_default_type": "What the default threshold is compared as, such as 'amount'.",
    "alert_threshold_default": f"The only threshold of older wallets, in the currency. {_LIMIT}",
    "alert_condition_default": "'above' or 'below'; null where the API does not say.",
    "alert_threshold_critical": f"Threshold of the level critical, in the currency. {_LIMIT}",
    "alert_condition_critical": (
        "'above' or 'below': where the balance must be for a critical alert."
    ),
    "alert_threshold_warning": f"Threshold of the level warning, in the currency. {_LIMIT}",
    "alert_condition_warning": "'above' or 'below': where the balance must be for a warning.",
    "alert_threshold_info": f"Threshold of the level info, in the currency. {_LIMIT}",
    "alert_condition_info": "'above' or 'below': where the balance must be for an info.",
    "auto_topup_enabled": (
        "Whether the wallet is topped up automatically; null where nothing is configured."
    ),
    "auto_topup_threshold": f"Balance below which it is topped up automatically. {_LIMIT}",
    "auto_topup_amount": "How much each automatic top-up adds. A setting: never summed.",
    "auto_topup_invoiced": "Whether an automatic top-up is invoiced.",
    "auto_topup_cooldown_value": (
        "Least time between two automatic top-ups, in auto_topup_cooldown_unit."
    ),
    "auto_topup_cooldown_unit": "second, minute, hour or day.",
    "unrecognized_fields": (
        "JSON: fields of the answer that this pipeline does not know, by their path."
    ),
    "unreadable_fields": (
        "JSON list: settings that could not be read when the wallet was first seen; their columns"
        " are null and mean 'unknown'."
    ),
    # settled figures
    "balance": (
        f"Settled balance in the currency: what was paid in and not yet charged off. {_STOCK}"
    ),
    "credit_balance": (
        f"Settled balance in credits (balance = credit_balance x conversion_rate). {_STOCK}"
    ),
    # real-time figures
    "real_time_balance": (
        "Settled balance less unpaid invoices and usage of the running period, in the currency, as"
        f" last observed; may be negative; null where it never was. {_PENDING}"
    ),
    "real_time_credit_balance": f"The real-time balance in credits. {_PENDING}",
    "pending_amount": (
        "What is pending: settled less real-time balance of the same answer, in the currency."
        f" {_PENDING}"
    ),
    "current_period_usage": (
        f"What the API says was taken off the balance, in the currency. {_PENDING}"
    ),
    "unpaid_invoices_amount": f"Unpaid invoices of the customer, in the currency. {_PENDING}",
    # breakdown of available credits
    "free_credits": (
        f"Available credits that were granted free, as last observed; null where never. {_STOCK}"
    ),
    "purchased_credits": (
        f"Available credits that were bought, as last observed; null where never. {_STOCK}"
    ),
    "other_credits": (
        f"Available credits of any other kind, as last observed; null where none. {_STOCK}"
    ),
    # times
    "date_day": "The day in UTC.",
    "snapshot_at": "Logical time of the run: when it started, or what it was told.",
    "valid_from": "Logical time of the run that first saw this: it held from here (inclusive) on.",
    "valid_to": (
        "Up to here, exclusive; null: it holds still. The next run that saw something else, or the"
        " end."
    ),
    "is_current": "True where this holds still.",
    "observed_at": "When the answer of the API that says so arrived.",
    "balance_observed_at": "When the answer arrived that brought the settled balance.",
    "real_time_observed_at": (
        "When the answer arrived that brought the real-time figures; null where none did."
    ),
    "credits_observed_at": (
        "When the answer arrived that brought the breakdown of credits; null where none did."
    ),
    "balance_snapshot_at": (
        "The run that wrote the settled balance (key into wallet_balances of the raw schema)."
    ),
    "real_time_snapshot_at": (
        "The run that wrote the real-time figures (key into wallet_real_time_balances of the raw"
        " schema)."
    ),
    "credits_snapshot_at": (
        "The run that wrote the breakdown (key into wallet_credits_available of the raw schema)."
    ),
    "first_observed_at": "The first run that saw it.",
    "last_observed_at": (
        "The last run that observed the wallet: one that covered its customer and had no failure or"
        " rejection for either. For an ended wallet, the run that saw its end."
    ),
    "life_started_at": "The run that saw the present (or last) life of the wallet begin.",
    "ended_at": "The run that saw the wallet's end; null while it lives.",
    "source_created_at": "When Flexprice says it created the record.",
    "source_updated_at": "When Flexprice says it last changed the record, as of the version shown.",
}
