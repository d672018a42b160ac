"""The views, the macro and the derived tables, as data: this is the one place that names and describes them.

To add a view: write `sql/<name>.sql`, name it here after the views it reads, and describe the columns that
`view_columns.py` does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from flexprice_wallets.warehouse.view_columns import COLUMN_COMMENTS

ObjectType = Literal["table", "view", "macro"]


@dataclass(frozen=True, slots=True)
class Relation:
    """A view, macro or derived table: its grain, meaning, columns in order, and what it means by them.

    `comments` holds what is particular to this relation; every other column has the meaning of its name.
    """

    name: str
    grain: tuple[str, ...]
    comment: str
    columns: tuple[str, ...]
    comments: Mapping[str, str] = field(default_factory=dict)
    type: ObjectType = "view"

    def __post_init__(self) -> None:
        if len(set(self.columns)) != len(self.columns):
            raise ValueError(f"{self.name} names a column twice")
        for given, what in ((self.grain, "of its grain"), (self.comments, "that it describes")):
            if missing := set(given) - set(self.columns):
                raise ValueError(f"{self.name} has no column {sorted(missing)} {what}")
        for column in self.columns:
            self.column_comment(column)

    def column_comment(self, column: str) -> str:
        """Return what a column means here.

        Raises:
            ValueError: nobody has described it.
        """
        comment = self.comments.get(column) or COLUMN_COMMENTS.get(column)
        if comment is None:
            raise ValueError(f"column {column} of {self.name} has no comment")
        return comment


_STOCK: Final = (
    "May be summed over wallets of one currency at one moment, never over time (a stock, not a"
    " flow)."
)
_STOCK_OF_DAY: Final = (
    "May be summed over wallets of one currency on one day, never over days (a stock, not a flow)."
)
_STOCK_OF_CUSTOMERS: Final = (
    "May be summed over customers of one currency on one day, "
    "never over days (a stock, not a flow)."
)
_STOCK_OF_CURRENCY: Final = "Never summed over currencies nor over days (a stock, not a flow)."
_CREDITS_USED: Final = "May be summed over wallets of one rate, never over time (a sliding window)."
_FLOW: Final = "May be summed over wallets of one currency and over time."
_PENDING_OF_DAY: Final = (
    "Null unless observed that day. Pending charges are taken off each wallet of a customer: "
    "never summed over wallets of one customer (see customer_balance_daily), never over days."
)
_COUNT_OVER_RUNS: Final = "A count within one run."

_SETTINGS: Final = (
    "name",
    "description",
    "wallet_type",
    "wallet_status",
    "record_status",
    "is_listed",
    "ended",
)
_CONFIGURED: Final = (
    "conversion_rate",
    "topup_conversion_rate",
    "allowed_price_types",
    "alert_enabled",
    "alert_state",
    "alert_threshold_default_type",
    "alert_threshold_default",
    "alert_condition_default",
    "alert_threshold_critical",
    "alert_condition_critical",
    "alert_threshold_warning",
    "alert_condition_warning",
    "alert_threshold_info",
    "alert_condition_info",
    "auto_topup_enabled",
    "auto_topup_threshold",
    "auto_topup_amount",
    "auto_topup_invoiced",
    "auto_topup_cooldown_value",
    "auto_topup_cooldown_unit",
    "unrecognized_fields",
    "unreadable_fields",
)
_SETTLED: Final = ("balance", "credit_balance")
_REAL_TIME: Final = (
    "real_time_balance",
    "real_time_credit_balance",
    "pending_amount",
    "current_period_usage",
    "unpaid_invoices_amount",
)
_CREDITS: Final = ("free_credits", "purchased_credits", "other_credits")
_FIGURES: Final = (*_SETTLED, *_REAL_TIME, *_CREDITS)
_OBSERVED: Final = ("balance_observed_at", "real_time_observed_at", "credits_observed_at")
_WRITTEN: Final = ("balance_snapshot_at", "real_time_snapshot_at", "credits_snapshot_at")

DICTIONARY_COMMENTS: Final[Mapping[str, str]] = {
    "schema_name": "Schema of the object.",
    "object_name": "Name of the table, view or macro.",
    "object_type": "'table', 'view' or 'macro' (called with brackets).",
    "object_comment": "What the object holds and what a row of it is.",
    "column_position": "Counts the columns of the object from 1.",
    "column_name": "Name of the column.",
    "data_type": "Type of the column, as DuckDB names it.",
    "column_comment": "What the column means: unit, and whether it may be summed.",
}

SNAPSHOTS: Final = Relation(
    "snapshots",
    ("snapshot_id",),
    "Which runs of the pipeline there were, what they asked for, how complete and how long they"
    " were. One row per run that was published.",
    (
        "snapshot_id",
        "tenant_id",
        "environment_id",
        "scope",
        "completeness",
        "include_real_time_balance",
        "include_credits_available_breakdown",
        "pipeline_version",
        "customers_expected",
        "customers_observed",
        "customers_failed",
        "wallets_observed",
        "wallets_changed",
        "records_rejected",
        "api_requests",
        "api_retries",
        "duration_seconds",
        "date_day",
        "snapshot_at",
        "started_at",
        "finished_at",
        "loaded_at",
    ),
    {
        "tenant_id": "Flexprice tenant that the answers came from.",
        "environment_id": "Flexprice environment that the answers came from.",
        "scope": (
            "'all' customers, or only 'selected' ones (see snapshot_customers of the raw schema)."
        ),
        "completeness": "'complete', or 'partial': something could not be read or was rejected.",
        "include_real_time_balance": "Whether real-time balances were asked for.",
        "include_credits_available_breakdown": "Whether the breakdown of credits was asked for.",
        "pipeline_version": "Version of flexprice-wallets that ran.",
        "customers_expected": f"Customers listed or named. {_COUNT_OVER_RUNS}",
        "customers_observed": f"Customers whose wallets were read. {_COUNT_OVER_RUNS}",
        "customers_failed": f"Customers whose wallets could not be read. {_COUNT_OVER_RUNS}",
        "wallets_observed": f"Wallets read without failure or rejection. {_COUNT_OVER_RUNS}",
        "wallets_changed": f"Wallets of which anything had changed. {_COUNT_OVER_RUNS}",
        "records_rejected": (
            "Records, or groups of fields, that could not be taken. May be summed over runs."
        ),
        "api_requests": (
            "Requests sent to the API, repeated ones included. May be summed over runs."
        ),
        "api_retries": "Requests that were repetitions. May be summed over runs.",
        "duration_seconds": (
            "Seconds from the start to the last answer, by the clock. May be summed over runs."
        ),
        "date_day": "The day of snapshot_at in UTC.",
        "started_at": "When the run started, by the clock.",
        "finished_at": "When the last answer had been taken.",
        "loaded_at": "When the load into the warehouse was completed.",
    },
)

FRESHNESS: Final = Relation(
    "freshness",
    (),
    "How fresh and how complete the warehouse is now. Exactly one row, also while it is empty.",
    (
        "last_snapshot_id",
        "last_snapshot_scope",
        "last_snapshot_completeness",
        "snapshots",
        "last_snapshot_age_seconds",
        "last_complete_snapshot_age_seconds",
        "partial_snapshots_since_complete",
        "selected_snapshots_since_complete",
        "failures_since_complete",
        "customers_failed_since_complete",
        "rejections_since_complete",
        "last_snapshot_at",
        "last_complete_snapshot_at",
    ),
    {
        "last_snapshot_id": "The last run of any scope; null while there is none.",
        "last_snapshot_scope": "Its scope: 'all' customers or only 'selected' ones.",
        "last_snapshot_completeness": "Its completeness: 'complete' or 'partial'.",
        "snapshots": "How many runs the warehouse holds.",
        "last_snapshot_age_seconds": "Seconds from last_snapshot_at to now.",
        "last_complete_snapshot_age_seconds": (
            "Seconds from last_complete_snapshot_at to now: the age that a check of freshness"
            " should watch."
        ),
        "partial_snapshots_since_complete": (
            "Partial runs after the last complete one (all, if none was)."
        ),
        "selected_snapshots_since_complete": (
            "Runs for selected customers after the last complete one."
        ),
        "failures_since_complete": "Things that could not be read after the last complete run.",
        "customers_failed_since_complete": "Different customers among those failures.",
        "rejections_since_complete": (
            "Records or groups of fields rejected after the last complete run."
        ),
        "last_snapshot_at": "Logical time of the last run of any scope; null while there is none.",
        "last_complete_snapshot_at": (
            "Logical time of the last run of scope 'all' that read everything; null while there is"
            " none."
        ),
    },
)

REJECTIONS: Final = Relation(
    "rejections",
    ("snapshot_at", "rejection_hash"),
    "What each run read and could not take: one row per rejection and run that met it.",
    (
        "snapshot_id",
        "rejection_hash",
        "resource",
        "field_group",
        "customer_id",
        "wallet_id",
        "reason",
        "raw_record",
        "snapshot_at",
        "rejected_at",
    ),
    {
        "rejection_hash": "By which the same rejection is recognised in later runs.",
        "resource": "'customer', 'wallet' or 'transaction'.",
        "field_group": (
            "What was rejected: 'record' (all of it), 'settings', 'balance', 'real_time' or"
            " 'credits_available'."
        ),
        "customer_id": "Flexprice id of the customer, where known.",
        "wallet_id": "Flexprice id of the wallet, where known.",
        "reason": "Why, in a sentence.",
        "raw_record": "The record as it first came, as JSON text with every number's digits kept.",
        "snapshot_at": "Logical time of the run that could not take it.",
        "rejected_at": "The first run that could not.",
    },
)

CUSTOMERS: Final = Relation(
    "customers",
    ("customer_id",),
    "Who the customers are now, when they were first and last seen, and how many wallets they have."
    " One row per customer ever seen.",
    (
        "customer_id",
        "external_id",
        "parent_customer_id",
        "tenant_id",
        "environment_id",
        "name",
        "email",
        "contact",
        "address_line1",
        "address_line2",
        "address_city",
        "address_state",
        "address_postal_code",
        "address_country",
        "timezone",
        "metadata",
        "record_status",
        "is_listed",
        "living_wallets",
        "wallets",
        "first_observed_at",
        "last_observed_at",
        "last_changed_at",
        "source_created_at",
        "source_updated_at",
    ),
    {
        "customer_id": "Flexprice id of the customer.",
        "parent_customer_id": "Customer above this one (older contract).",
        "name": "Name of the customer.",
        "email": "E-mail address of the customer.",
        "contact": "Contact of the customer.",
        "address_line1": "Address, first line.",
        "address_line2": "Address, second line.",
        "address_city": "City of the address.",
        "address_state": "State of the address.",
        "address_postal_code": "Postal code of the address.",
        "address_country": "Country of the address.",
        "timezone": "Time zone of the customer. The warehouse's days are UTC all the same.",
        "metadata": "JSON: free key/value pairs; null where there are none.",
        "is_listed": "Whether the list of customers still has it (an archived one is not listed).",
        "living_wallets": "Wallets that have not ended. May be summed over customers.",
        "wallets": (
            "Wallets ever seen under this customer and not under another later. May be summed."
        ),
        "first_observed_at": "The first run that saw the customer.",
        "last_observed_at": (
            "The last run that covered the customer without a failure or rejection for the customer"
            " itself; for one no longer listed, the last run that changed anything of it, as a rule"
            " the one that missed it."
        ),
        "last_changed_at": "The run that wrote the version shown.",
    },
)

WALLETS: Final = Relation(
    "wallets",
    ("wallet_id",),
    "Everything known of each wallet now: settings, the three kinds of balance each with the time"
    " it was observed, alert thresholds and automatic top-up. One row per wallet ever seen, ended"
    " ones included (`ended is null` keeps the living).",
    (
        "wallet_id",
        "customer_id",
        "tenant_id",
        "environment_id",
        "currency",
        *_SETTINGS,
        "life_number",
        *_CONFIGURED,
        *_FIGURES,
        "first_observed_at",
        "last_observed_at",
        "life_started_at",
        "ended_at",
        "balance_valid_from",
        *_OBSERVED,
        "settings_valid_from",
        "source_created_at",
        "source_updated_at",
    ),
    {
        "customer_id": "Flexprice id of the customer that the wallet belongs to now.",
        "balance": (
            f"Settled balance in the currency; of an ended wallet, the last that was read. {_STOCK}"
        ),
        "credit_balance": (
            f"Settled balance in credits; of an ended wallet, the last that was read. {_STOCK}"
        ),
        "balance_valid_from": (
            "The run that first saw the figures as they are now; null once ended."
        ),
        "settings_valid_from": "The run that first saw the settings as they are now.",
    },
)

WALLET_SETTINGS_HISTORY: Final = Relation(
    "wallet_settings_history",
    ("wallet_id", "valid_from"),
    "What was configured when: one row per wallet and version of its settings, from valid_from up"
    " to but not including valid_to. The version that says how a wallet ended stands until it"
    " returns.",
    (
        "wallet_id",
        "customer_id",
        "tenant_id",
        "environment_id",
        "currency",
        *_SETTINGS,
        *_CONFIGURED,
        "valid_from",
        "valid_to",
        "is_current",
        "observed_at",
        "source_created_at",
        "source_updated_at",
    ),
    {
        "customer_id": "Flexprice id of the customer that the wallet belonged to.",
        "is_listed": "Whether the wallet was in its customer's list (only active ones are).",
    },
)

WALLET_BALANCE_HISTORY: Final = Relation(
    "wallet_balance_history",
    ("wallet_id", "valid_from"),
    "Every balance a wallet was seen with: one row per wallet and interval in which nothing was"
    " seen to move, from valid_from up to but not including valid_to. Intervals do not overlap and"
    " have no gaps within one life; the last one ends with the run that saw the wallet's end."
    " Figures that were not asked for stand as last observed.",
    (
        "wallet_id",
        "customer_id",
        "life_number",
        "currency",
        "conversion_rate",
        *_FIGURES,
        "valid_from",
        "valid_to",
        "is_current",
        *_OBSERVED,
        *_WRITTEN,
    ),
    {
        "customer_id": "Flexprice id of the customer that the wallet belonged to in this interval.",
        "conversion_rate": (
            "Currency per credit that the balance was stated in. A rate: never summed."
        ),
    },
)

WALLET_BALANCE_CHANGES: Final = Relation(
    "wallet_balance_changes",
    ("wallet_id", "changed_by"),
    "Every change of a settled balance that was seen, with what stood before and after, and each"
    " end and return of a wallet. It happened after changed_after and by changed_by; several"
    " movements between two runs show as one. A wallet's first balance is no change.",
    (
        "wallet_id",
        "customer_id",
        "cause",
        "currency_before",
        "currency_after",
        "conversion_rate_before",
        "conversion_rate_after",
        "balance_before",
        "balance_after",
        "balance_delta",
        "credit_balance_before",
        "credit_balance_after",
        "credit_balance_delta",
        "changed_after",
        "changed_by",
        "date_day",
    ),
    {
        "customer_id": "Flexprice id of the customer that the wallet belonged to after the change.",
        "cause": (
            "'ended', 'returned', 'rate' (conversion rate or currency changed) or 'balance'; the"
            " first that applies."
        ),
        "currency_before": "Currency before the change.",
        "currency_after": "Currency after the change, that of balance_after and balance_delta.",
        "conversion_rate_before": "Currency per credit before. A rate: never summed.",
        "conversion_rate_after": "Currency per credit after. A rate: never summed.",
        "balance_before": (
            f"Settled balance before, in currency_before; null where unknown. {_STOCK}"
        ),
        "balance_after": (
            "Settled balance after, in currency_after; null where the wallet was not found any"
            f" more and nothing could be read. {_STOCK}"
        ),
        "balance_delta": (
            "After less before, in currency_after; null where either is unknown or the currencies"
            f" differ. {_FLOW}"
        ),
        "credit_balance_before": f"Settled credits before; null where unknown. {_STOCK}",
        "credit_balance_after": f"Settled credits after; null where unknown. {_STOCK}",
        "credit_balance_delta": f"Credits after less before; null where either is unknown. {_FLOW}",
        "changed_after": (
            "The last run before that observed the wallet: the change came after its start. Null"
            " where there was none."
        ),
        "changed_by": "The run that saw the change: it had happened by then.",
        "date_day": "The day of changed_by in UTC.",
    },
)

WALLET_BALANCE_DAILY: Final = Relation(
    "wallet_balance_daily",
    ("wallet_id", "date_day"),
    "The balance of each wallet on each day (UTC): a row for every calendar day from the first day"
    " seen to the wallet's last one or the day of the last run. A day on which the wallet was not"
    " observed carries the last known balance forward and says so in `observation`.",
    (
        "wallet_id",
        "date_day",
        "customer_id",
        "currency",
        "life_number",
        "observation",
        "is_ended",
        "opening_balance",
        "closing_balance",
        "lowest_balance",
        "highest_balance",
        "closing_credit_balance",
        "closing_real_time_balance",
        "closing_real_time_credit_balance",
        "closing_pending_amount",
        "closing_free_credits",
        "closing_purchased_credits",
        "last_observed_at",
        "real_time_valid_from",
        "ended_at",
    ),
    {
        "customer_id": (
            "Flexprice id of the customer that the wallet belonged to at the end of the day."
        ),
        "observation": (
            "Of the settled balance: 'changed' (a new one was read, or the wallet was not found any"
            " more), 'unchanged' (read, and the same) or 'carried_forward' (not read that day)."
        ),
        "is_ended": (
            "True on the day on which the wallet ended, if it did not return by the day's end."
        ),
        "opening_balance": (
            "Settled balance at the day's start in the currency; null on the first day of a life"
            f" and where the currency changed that day. {_STOCK_OF_DAY}"
        ),
        "closing_balance": (
            "Settled balance at the day's end in the currency; on a wallet's last day, what was"
            f" read at its end, null where it was not found any more. {_STOCK_OF_DAY}"
        ),
        "lowest_balance": (
            "Lowest settled balance seen that day, the opening one included. An extreme: never"
            " summed."
        ),
        "highest_balance": (
            "Highest settled balance seen that day, the opening one included. An extreme: never"
            " summed."
        ),
        "closing_credit_balance": f"Settled credits at the day's end. {_STOCK_OF_DAY}",
        "closing_real_time_balance": (
            "Real-time balance at the day's end in the currency, pending charges taken off."
            f" {_PENDING_OF_DAY}"
        ),
        "closing_real_time_credit_balance": f"The same in credits. {_PENDING_OF_DAY}",
        "closing_pending_amount": (
            "What was pending, in the currency, where the real-time balance was observed."
            f" {_PENDING_OF_DAY}"
        ),
        "closing_free_credits": (
            "Available credits granted free, at the day's end; null unless observed that day."
            f" {_STOCK_OF_DAY}"
        ),
        "closing_purchased_credits": (
            "Available credits bought, at the day's end; null unless observed that day."
            f" {_STOCK_OF_DAY}"
        ),
        "last_observed_at": "The last run until the day's end that observed the wallet.",
        "real_time_valid_from": (
            "The run that first saw the real-time figures as they are shown; null where none are"
            " shown."
        ),
        "ended_at": "The run that saw the wallet's end, on its last day; null on every other.",
    },
)

WALLET_BALANCE_AS_OF: Final = Relation(
    "wallet_balance_as_of",
    ("wallet_id",),
    "The balance of every wallet at a moment, such as"
    " `from flexprice.wallet_balance_as_of('2026-01-31 23:59:59+00')`. One row per wallet that lived"
    " then; none before its first sight or after its end. A time without a zone is read in the"
    " session's. Where the file is attached under a name, `use` that name first.",
    (
        "wallet_id",
        "customer_id",
        "life_number",
        "currency",
        "conversion_rate",
        *_FIGURES,
        "age_seconds",
        "valid_from",
        "valid_to",
        "is_current",
        *_OBSERVED,
        "last_observed_at",
    ),
    {
        "age_seconds": "Seconds from last_observed_at to the moment asked for. Never summed.",
        "last_observed_at": "The last run until that moment that observed the wallet.",
    },
    "macro",
)

CUSTOMER_BALANCE_DAILY: Final = Relation(
    "customer_balance_daily",
    ("customer_id", "currency", "date_day"),
    "The balance of each customer in each currency on each day (UTC), summed over the wallets that"
    " lived at the day's end. Pending charges are taken off once, as they are the same for all of a"
    " customer's prepaid wallets.",
    (
        "customer_id",
        "currency",
        "date_day",
        "closing_balance",
        "closing_credit_balance",
        "closing_prepaid_balance",
        "closing_pending_amount",
        "closing_real_time_balance",
        "living_wallets",
        "ended_wallets",
        "changed_wallets",
        "carried_forward_wallets",
        "last_observed_at",
    ),
    {
        "customer_id": (
            "Flexprice id of the customer that the wallets belonged to at the end of the day."
        ),
        "closing_balance": (
            "Settled balance of all living wallets at the day's end, in the currency."
            f" {_STOCK_OF_CUSTOMERS}"
        ),
        "closing_credit_balance": (
            f"Settled credits of all living wallets at the day's end. {_STOCK_OF_CUSTOMERS}"
        ),
        "closing_prepaid_balance": (
            "Settled balance of the living PRE_PAID wallets, in the currency. "
            f"{_STOCK_OF_CUSTOMERS}"
        ),
        "closing_pending_amount": (
            "Unpaid invoices and usage of the running period, in the currency, counted once: the"
            " latest amount observed that day on a prepaid wallet, null if none was."
            f" {_STOCK_OF_CUSTOMERS}"
        ),
        "closing_real_time_balance": (
            "closing_prepaid_balance less closing_pending_amount; null if nothing pending was"
            f" observed that day. {_STOCK_OF_CUSTOMERS}"
        ),
        "living_wallets": (
            "Wallets that lived at the day's end. May be summed over customers, never over days."
        ),
        "ended_wallets": "Wallets that ended that day. May be summed over customers and over days.",
        "changed_wallets": (
            "Wallets of which a new settled balance was read. May be summed over customers."
        ),
        "carried_forward_wallets": (
            "Wallets not observed that day, whose last known balance stands. May be summed over"
            " customers."
        ),
        "last_observed_at": (
            "The earliest last_observed_at of the living wallets: nothing in the sums is older."
            " Null if none lived."
        ),
    },
)

CURRENCY_BALANCE_DAILY: Final = Relation(
    "currency_balance_daily",
    ("currency", "date_day"),
    "What is outstanding in each currency at the end of each day (UTC): the liability to customers,"
    " over all wallets that lived then, each with its last known balance.",
    (
        "currency",
        "date_day",
        "outstanding_balance",
        "overdrawn_balance",
        "frozen_balance",
        "outstanding_credits",
        "overdrawn_credits",
        "frozen_credits",
        "free_credits",
        "purchased_credits",
        "wallets",
        "overdrawn_wallets",
        "frozen_wallets",
        "broken_down_wallets",
    ),
    {
        "outstanding_balance": (
            "The liability: sum of the positive settled balances, in the currency."
            f" {_STOCK_OF_CURRENCY}"
        ),
        "overdrawn_balance": (
            "Sum of the negative settled balances as a positive amount in the currency; not taken"
            f" off outstanding_balance. {_STOCK_OF_CURRENCY}"
        ),
        "frozen_balance": (
            f"The part of outstanding_balance in frozen wallets. {_STOCK_OF_CURRENCY}"
        ),
        "outstanding_credits": (
            "Sum of the positive settled credits. Wallets may have different rates, so credits are"
            " comparable only where the rates are. Never summed over days."
        ),
        "overdrawn_credits": (
            "Sum of the negative settled credits, as a positive number. Never summed over days."
        ),
        "frozen_credits": (
            "The part of outstanding_credits in frozen wallets. Never summed over days."
        ),
        "free_credits": (
            "Available credits granted free, as last observed of the broken_down_wallets; null"
            " where there are none. Never summed over days."
        ),
        "purchased_credits": (
            "Available credits bought, as last observed of the broken_down_wallets; null where"
            " there are none. Never summed over days."
        ),
        "wallets": (
            "Wallets that lived at the day's end. May be summed over currencies, never over days."
        ),
        "overdrawn_wallets": (
            "Those with a negative balance. May be summed over currencies, never over days."
        ),
        "frozen_wallets": "Those that were frozen. May be summed over currencies, never over days.",
        "broken_down_wallets": (
            "Those whose available credits by kind were ever observed. May be summed over"
            " currencies, never over days."
        ),
    },
)

WALLET_LIFECYCLE: Final = Relation(
    "wallet_lifecycle",
    ("wallet_id", "event_at", "event"),
    "What happened to each wallet beside its balance: one row per event and the run that saw it.",
    ("wallet_id", "customer_id", "event", "detail", "event_at", "date_day"),
    {
        "customer_id": "Flexprice id of the customer that the wallet belonged to after the event.",
        "event": (
            "'appeared', 'returned' (listed again after its end), 'moved' (to another customer),"
            " 'frozen', 'unfrozen', 'unlisted', 'listed' (again), 'settings_changed' or 'ended'."
        ),
        "detail": (
            "How it ended (closed, deleted, not_found); the customer it moved from; the settings"
            " that changed; of other events the wallet_status."
        ),
        "event_at": "The run that saw it: it happened after the run before and by then.",
        "date_day": "The day of event_at in UTC.",
    },
)

WALLET_ALERTS: Final = Relation(
    "wallet_alerts",
    ("wallet_id", "level"),
    "The balance of each living wallet against each of its alert thresholds now, and since when it"
    " is reached. Reckoned here from the balances; alert_state is what Flexprice says.",
    (
        "wallet_id",
        "level",
        "customer_id",
        "currency",
        "name",
        "alert_enabled",
        "alert_state",
        "threshold_type",
        "condition",
        "is_reached",
        "is_reached_in_real_time",
        "threshold",
        "balance",
        "real_time_balance",
        "distance",
        "reached_since",
        "balance_observed_at",
        "real_time_observed_at",
        "last_observed_at",
    ),
    {
        "level": "'default' (the only one of older wallets), critical, warning or info.",
        "threshold_type": "What the threshold is compared as, such as 'amount'; null: an amount.",
        "condition": (
            "'below' (or equal) or 'above' (or equal); 'below' where the API does not say."
        ),
        "is_reached": (
            "Whether the settled balance is on the bad side of the threshold; null where the"
            " threshold is no amount."
        ),
        "is_reached_in_real_time": (
            "The same for the real-time balance as last observed, which is what Flexprice alerts"
            " on; null where unknown."
        ),
        "threshold": "The threshold, in the currency. A limit: never summed.",
        "distance": "Settled balance less threshold, in the currency. Never summed.",
        "reached_since": (
            "The run from which on the settled balance has been on the bad side of the present"
            " threshold without a break in this life; null where it is not."
        ),
    },
)

WALLET_RUNWAY: Final = Relation(
    "wallet_runway",
    ("wallet_id",),
    "How fast each living wallet uses its credits and when they will be gone at that rate, from the"
    " decreases that were observed in the last 7 and 30 days before the last run. Top-ups are left"
    " out; where one falls between the same two runs as use, that use is understated.",
    (
        "wallet_id",
        "customer_id",
        "currency",
        "name",
        "credit_balance",
        "balance",
        "credits_used_7_days",
        "credits_used_30_days",
        "credits_per_day_7_days",
        "credits_per_day_30_days",
        "days_left_7_days",
        "days_left_30_days",
        "observed_share_7_days",
        "observed_share_30_days",
        "depletion_day_7_days",
        "depletion_day_30_days",
        "last_observed_at",
    ),
    {
        "credits_used_7_days": (
            f"Credits by which the balance was seen to fall in the last 7 days. {_CREDITS_USED}"
        ),
        "credits_used_30_days": (
            f"Credits by which the balance was seen to fall in the last 30 days. {_CREDITS_USED}"
        ),
        "credits_per_day_7_days": (
            "Credits used per day that was observed of the last 7; null if less than one was. "
            "May be summed over wallets of one rate, never over time."
        ),
        "credits_per_day_30_days": (
            "Credits used per day that was observed of the last 30; null if less than one was. "
            "May be summed over wallets of one rate, never over time."
        ),
        "days_left_7_days": (
            "Days for which the credits last at the rate of 7 days; null where nothing is used."
            " Never summed."
        ),
        "days_left_30_days": (
            "Days for which the credits last at the rate of 30 days; null where nothing is used."
            " Never summed."
        ),
        "observed_share_7_days": (
            "Share (0 to 1) of the last 7 days that lies between the first and the last observation"
            " of this life. Never summed."
        ),
        "observed_share_30_days": (
            "Share (0 to 1) of the last 30 days that lies between the first and the last"
            " observation of this life. Never summed."
        ),
        "depletion_day_7_days": (
            "Day (UTC) on which the credits will be gone at the rate of 7 days; null where nothing"
            " is used or it is more than a hundred years off."
        ),
        "depletion_day_30_days": (
            "Day (UTC) on which the credits will be gone at the rate of 30 days; null where nothing"
            " is used or it is more than a hundred years off."
        ),
    },
)

WALLET_DATA_QUALITY: Final = Relation(
    "wallet_data_quality",
    ("finding", "customer_id", "currency", "wallet_id"),
    "What looks wrong or deserves a look, in what the warehouse holds now. One row per finding and"
    " wallet, or per finding, customer and currency.",
    (
        "finding",
        "wallet_id",
        "customer_id",
        "currency",
        "actual_value",
        "expected_value",
        "detail",
        "found_at",
    ),
    {
        "finding": (
            "'rate_mismatch' (balance is not credit_balance x conversion_rate),"
            " 'breakdown_above_balance', 'currency_changed', 'rate_changed', 'pending_disagrees',"
            " 'stale' (the last run for all did not observe it), 'ended_with_balance',"
            " 'vanished_with_balance' (not found any more), 'unreadable_settings',"
            " 'unrecognized_fields' or 'rejected'."
        ),
        "wallet_id": "Flexprice id of the wallet; null where the finding concerns a customer.",
        "currency": (
            "Currency of the wallet: lower-case code as Flexprice sends it; null where unknown."
        ),
        "actual_value": (
            "What was found, in the unit of the finding: an amount, credits, a rate, seconds"
            " (stale) or records (rejected). Never summed."
        ),
        "expected_value": "What it should be, or was before, in the same unit. Never summed.",
        "detail": "The finding in words.",
        "found_at": "The run, or the answer, from which on it is known.",
    },
)

DATA_DICTIONARY: Final = Relation(
    "data_dictionary",
    ("schema_name", "object_name", "column_name"),
    "Every table, view and macro of this warehouse with its columns, their types and what they"
    " mean. One row per column.",
    (
        "schema_name",
        "object_name",
        "column_name",
        "object_type",
        "object_comment",
        "column_position",
        "data_type",
        "column_comment",
    ),
    DICTIONARY_COMMENTS,
)

#: Every view and the macro, each after those that it reads.
VIEWS: Final = (
    SNAPSHOTS,
    FRESHNESS,
    REJECTIONS,
    CUSTOMERS,
    WALLETS,
    WALLET_SETTINGS_HISTORY,
    WALLET_BALANCE_HISTORY,
    WALLET_BALANCE_CHANGES,
    WALLET_BALANCE_DAILY,
    WALLET_BALANCE_AS_OF,
    CUSTOMER_BALANCE_DAILY,
    CURRENCY_BALANCE_DAILY,
    WALLET_LIFECYCLE,
    WALLET_ALERTS,
    WALLET_RUNWAY,
    WALLET_DATA_QUALITY,
    DATA_DICTIONARY,
)
