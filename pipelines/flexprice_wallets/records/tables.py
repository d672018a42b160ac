"""The tables that a load writes, as data: this is the one place that names them.

To add a field: add its column here, and say where it comes from in `parse/wallets.py`.
"""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records.columns import Column, ColumnType, Table

CONTRACT_VERSION: Final = 1
HASH_RECIPE: Final = "blake2b-64/128 of canonical JSON in UTF-8, version 1"

_TEXT, _JSON, _BOOLEAN = ColumnType.TEXT, ColumnType.JSON, ColumnType.BOOLEAN
_INTEGER, _TIMESTAMP = ColumnType.INTEGER, ColumnType.TIMESTAMP
_AMOUNT, _RATE, _REAL_TIME = ColumnType.AMOUNT, ColumnType.RATE, ColumnType.REAL_TIME

_NOT_SUMMABLE = "A rate: never summed."
_LATEST_ONLY = "May be summed over wallets of one currency at one moment, never over time (a stock, not a flow)."
_PENDING_ONCE = (
    "Pending charges count per customer and currency and are taken off each of its prepaid wallets: "
    "never summed over wallets of one customer, never over time."
)

_SNAPSHOT = (
    Column(
        "snapshot_id",
        _TEXT,
        "The run that observed this: its snapshot_at as ISO-8601 text in UTC with microseconds.",
        nullable=False,
    ),
    Column(
        "snapshot_at", _TIMESTAMP, "Logical time of the run that observed this.", nullable=False
    ),
)

_VERSION_HASH = Column(
    "version_hash",
    _TEXT,
    "The hash by which this version was found to differ from the last one; see warehouse.hash_recipe.",
    nullable=False,
)
_OBSERVED_AT = Column(
    "observed_at", _TIMESTAMP, "When the answer of the API that says so arrived.", nullable=False
)
_CUSTOMER_ID = Column("customer_id", _TEXT, "Flexprice id of the customer.", nullable=False)
_WALLET_ID = Column("wallet_id", _TEXT, "Flexprice id of the wallet.", nullable=False)
_CURRENCY = Column(
    "currency",
    _TEXT,
    "Currency of the amounts in this row: lower-case code as Flexprice sends it.",
    nullable=False,
)
_CUSTOMER_VERSION = (_CUSTOMER_ID, *_SNAPSHOT, _OBSERVED_AT, _VERSION_HASH)
_WALLET_VERSION = (_WALLET_ID, *_CUSTOMER_VERSION)

_SOURCE = (
    Column("tenant_id", _TEXT, "Flexprice tenant that the record belongs to."),
    Column("environment_id", _TEXT, "Flexprice environment that the record belongs to."),
    Column(
        "source_created_at", _TIMESTAMP, "When Flexprice says it created the record (created_at)."
    ),
    Column(
        "source_updated_at",
        _TIMESTAMP,
        "When Flexprice says it last changed the record (updated_at). Recorded, not compared.",
    ),
    Column("created_by", _TEXT, "Who created the record, as Flexprice says."),
    Column(
        "updated_by",
        _TEXT,
        "Who last changed the record, as Flexprice says. Recorded, not compared.",
    ),
    Column(
        "unrecognized_fields",
        _JSON,
        "Fields of the answer that this version of the pipeline does not know, by their path.",
    ),
)

WAREHOUSE = Table(
    "warehouse",
    ("contract_version",),
    "One row: what this warehouse is and whose it is.",
    (
        Column("contract_version", _INTEGER, "Version of the table contract.", nullable=False),
        Column("tenant_id", _TEXT, "The one tenant of it; null until a record named it."),
        Column("environment_id", _TEXT, "The one environment; null until a record named it."),
        Column("hash_recipe", _TEXT, "How the version hashes are made.", nullable=False),
    ),
)

SNAPSHOTS = Table(
    "snapshots",
    ("snapshot_id",),
    "One row per run that was published: what it asked for and how complete the answers were.",
    (
        *_SNAPSHOT,
        Column("started_at", _TIMESTAMP, "When the run started, by the clock.", nullable=False),
        Column("finished_at", _TIMESTAMP, "When the last answer was taken.", nullable=False),
        Column(
            "completeness",
            _TEXT,
            "'complete', or 'partial' where a customer or wallet could not be read or a record was rejected.",
            nullable=False,
        ),
        Column(
            "scope",
            _TEXT,
            "'all' customers, or only 'selected' ones (see snapshot_customers).",
            nullable=False,
        ),
        Column(
            "include_real_time_balance",
            _BOOLEAN,
            "Whether real-time balances were asked for.",
            nullable=False,
        ),
        Column(
            "include_credits_available_breakdown",
            _BOOLEAN,
            "Whether the breakdown of available credits was asked for.",
            nullable=False,
        ),
        Column("customers_expected", _INTEGER, "Customers listed or named.", nullable=False),
        Column(
            "customers_observed", _INTEGER, "Customers whose wallets were read.", nullable=False
        ),
        Column(
            "customers_failed",
            _INTEGER,
            "Customers whose wallets could not be read.",
            nullable=False,
        ),
        Column(
            "wallets_observed",
            _INTEGER,
            "Wallets read without failure or rejection.",
            nullable=False,
        ),
        Column(
            "wallets_changed",
            _INTEGER,
            "Wallets for which any version was written.",
            nullable=False,
        ),
        Column("records_rejected", _INTEGER, "Rows of rejected_records.", nullable=False),
        Column(
            "api_requests",
            _INTEGER,
            "Requests sent to the API, repeated ones included.",
            nullable=False,
        ),
        Column("api_retries", _INTEGER, "Requests that were repetitions.", nullable=False),
        Column("tenant_id", _TEXT, "Tenant that the answers came from."),
        Column("environment_id", _TEXT, "Environment that the answers came from."),
        Column("pipeline_version", _TEXT, "Version of flexprice-wallets that ran.", nullable=False),
        Column("_dlt_load_id", _TEXT, "The dlt load that brought the snapshot.", nullable=False),
    ),
)

SNAPSHOT_CUSTOMERS = Table(
    "snapshot_customers",
    ("snapshot_id", "customer_id"),
    "The customers that a snapshot of scope 'selected' covered.",
    (*_SNAPSHOT, _CUSTOMER_ID),
)

CUSTOMERS = Table(
    "customers",
    ("customer_id", "snapshot_id"),
    "Versions of a customer: a row where it differs from the one before.",
    (
        *_CUSTOMER_VERSION,
        Column(
            "is_listed",
            _BOOLEAN,
            "Whether the customer was in the list of customers (an archived one is not).",
            nullable=False,
        ),
        Column("external_id", _TEXT, "The customer's id in the caller's own system."),
        Column("name", _TEXT, "Name of the customer."),
        Column("email", _TEXT, "E-mail address of the customer."),
        Column("contact", _TEXT, "Contact of the customer."),
        Column("address_line1", _TEXT, "Address, first line."),
        Column("address_line2", _TEXT, "Address, second line."),
        Column("address_city", _TEXT, "City of the address."),
        Column("address_state", _TEXT, "State of the address."),
        Column("address_postal_code", _TEXT, "Postal code of the address."),
        Column("address_country", _TEXT, "Country of the address."),
        Column("timezone", _TEXT, "Time zone of the customer; the warehouse's days are UTC."),
        Column("metadata", _JSON, "Free key/value pairs; null where there are none."),
        Column("parent_customer_id", _TEXT, "Customer above this one (older contract)."),
        Column("record_status", _TEXT, "The API's status: published, archived or deleted."),
        *_SOURCE,
    ),
)

WALLETS = Table(
    "wallets",
    ("wallet_id", "snapshot_id"),
    "Versions of a wallet's settings: a row where they differ from the ones before.",
    (
        *_WALLET_VERSION,
        Column("name", _TEXT, "Name of the wallet; null where it has none."),
        Column("description", _TEXT, "Description of the wallet."),
        _CURRENCY,
        Column("wallet_type", _TEXT, "PRE_PAID, PROMOTIONAL, POST_PAID or any later kind."),
        Column("wallet_status", _TEXT, "active, frozen or closed.", nullable=False),
        Column(
            "record_status",
            _TEXT,
            "The API's status: published, archived or deleted.",
            nullable=False,
        ),
        Column("conversion_rate", _RATE, f"Currency per credit. {_NOT_SUMMABLE}"),
        Column(
            "topup_conversion_rate", _RATE, f"Currency per credit when topping up. {_NOT_SUMMABLE}"
        ),
        Column("alert_enabled", _BOOLEAN, "Whether balance alerts are switched on."),
        Column("alert_state", _TEXT, "ok, info, warning or in_alarm; null where empty."),
        Column(
            "is_listed",
            _BOOLEAN,
            "Whether the wallet was in its customer's list (only active ones are).",
            nullable=False,
        ),
        Column("ended", _TEXT, "Null while it lives; 'closed', 'deleted' or 'not_found' after."),
        *_SOURCE,
        Column(
            "unreadable_fields",
            _JSON,
            "List of the settings that could not be read when the wallet was first seen; their columns "
            "are null and mean 'unknown'.",
        ),
    ),
)

WALLET_ALERT_THRESHOLDS = Table(
    "wallet_alert_thresholds",
    ("wallet_id", "snapshot_id", "level"),
    "Alert thresholds that belong to the wallets version of the same wallet and snapshot.",
    (
        *_WALLET_VERSION,
        Column("level", _TEXT, "'default' (alert_config), critical, warning or info.", False),
        Column("threshold_type", _TEXT, "What the threshold is compared as, such as 'amount'."),
        Column("threshold", _AMOUNT, "The threshold itself. A limit: never summed."),
        Column("condition", _TEXT, "'above' or 'below'; null where the API does not say."),
        _CURRENCY,
    ),
)

WALLET_AUTO_TOPUPS = Table(
    "wallet_auto_topups",
    ("wallet_id", "snapshot_id"),
    "Automatic top-up that belongs to the wallets version of the same wallet and snapshot.",
    (
        *_WALLET_VERSION,
        Column("is_enabled", _BOOLEAN, "Whether automatic top-up is on."),
        Column("threshold", _AMOUNT, "Top up when the balance falls below. Never summed."),
        Column("amount", _AMOUNT, "How much is topped up each time. Never summed."),
        Column("is_invoiced", _BOOLEAN, "Whether a top-up is invoiced."),
        Column("cooldown_value", _INTEGER, "Least time between two top-ups, in cooldown_unit."),
        Column("cooldown_unit", _TEXT, "second, minute, hour or day."),
        _CURRENCY,
    ),
)

WALLET_ALLOWED_PRICE_TYPES = Table(
    "wallet_allowed_price_types",
    ("wallet_id", "snapshot_id", "price_type"),
    "Price types a wallet may pay, of the wallets version of the same key; none means all.",
    (
        *_WALLET_VERSION,
        Column("price_type", _TEXT, "ALL, USAGE, FIXED or any later kind.", nullable=False),
    ),
)

WALLET_METADATA = Table(
    "wallet_metadata",
    ("wallet_id", "snapshot_id", "key"),
    "Metadata as rows, of the wallets version of the same wallet and snapshot.",
    (
        *_WALLET_VERSION,
        Column("key", _TEXT, "Key, free text in any language.", nullable=False),
        Column("value", _TEXT, "Value, free text.", nullable=False),
    ),
)

WALLET_BALANCES = Table(
    "wallet_balances",
    ("wallet_id", "snapshot_id"),
    "Versions of the settled balance: a row where it differs from the one before.",
    (
        *_WALLET_VERSION,
        _CURRENCY,
        Column(
            "conversion_rate",
            _RATE,
            f"Currency per credit that the balance was stated in. {_NOT_SUMMABLE}",
            nullable=False,
        ),
        Column("balance", _AMOUNT, f"Settled balance in the currency. {_LATEST_ONLY}", False),
        Column(
            "credit_balance", _AMOUNT, f"Settled balance in credits. {_LATEST_ONLY}", nullable=False
        ),
        Column(
            "source_updated_at",
            _TIMESTAMP,
            "When Flexprice says it last changed the wallet. Recorded, not compared.",
        ),
        Column(
            "source_balance_updated_at",
            _TIMESTAMP,
            "The API's balance_updated_at (its updated_at again). Recorded, not compared.",
        ),
    ),
)

WALLET_REAL_TIME_BALANCES = Table(
    "wallet_real_time_balances",
    ("wallet_id", "snapshot_id"),
    "Versions of the real-time figures: a row where they differ from the ones before.",
    (
        *_WALLET_VERSION,
        _CURRENCY,
        Column(
            "real_time_balance",
            _REAL_TIME,
            f"Balance less what is pending, in the currency; may be negative. {_PENDING_ONCE}",
            nullable=False,
        ),
        Column("real_time_credit_balance", _REAL_TIME, f"The same in credits. {_PENDING_ONCE}"),
        Column(
            "pending_amount",
            _REAL_TIME,
            f"balance less real_time_balance of the same answer, in the currency. {_PENDING_ONCE}",
            nullable=False,
        ),
        Column(
            "current_period_usage",
            _REAL_TIME,
            f"What the API says was taken off the balance, in the currency. {_PENDING_ONCE}",
        ),
        Column(
            "unpaid_invoices_amount",
            _REAL_TIME,
            f"Unpaid invoices of the customer, in the currency. {_PENDING_ONCE}",
        ),
        Column(
            "is_cached_fallback",
            _BOOLEAN,
            "True where the API said the figure came from its cache. Recorded, not compared.",
        ),
    ),
)

WALLET_CREDITS_AVAILABLE = Table(
    "wallet_credits_available",
    ("wallet_id", "snapshot_id", "credit_type"),
    "Versions of the breakdown of available credits; a version always is the whole set of kinds.",
    (
        *_WALLET_VERSION,
        Column("credit_type", _TEXT, "free, purchased or any later kind.", nullable=False),
        Column(
            "credits_available",
            _REAL_TIME,
            f"Credits available of this kind. {_LATEST_ONLY}",
            False,
        ),
        Column("currency", _TEXT, "Currency of the wallet that holds the credits.", nullable=False),
    ),
)

WALLET_FIGURES_GIVEN = Table(
    "wallet_figures_given",
    ("wallet_id", "snapshot_id"),
    "Where the API began, or ceased, to leave out figures that were asked for; no row: always given.",
    (
        *_WALLET_VERSION,
        Column(
            "is_real_time_balance_given",
            _BOOLEAN,
            "Whether the real-time figures came when last asked for.",
            nullable=False,
        ),
        Column(
            "is_credits_available_given",
            _BOOLEAN,
            "Whether the breakdown of available credits came when last asked for.",
            nullable=False,
        ),
    ),
)

FETCH_FAILURES = Table(
    "fetch_failures",
    ("snapshot_id", "resource", "resource_id"),
    "What a run could not read.",
    (
        *_SNAPSHOT,
        Column("resource", _TEXT, "'customer_wallets' or 'wallet'.", nullable=False),
        Column("resource_id", _TEXT, "The id or lookup key that was asked for.", nullable=False),
        Column("customer_id", _TEXT, "The customer, where known."),
        Column("wallet_id", _TEXT, "The wallet, where known."),
        Column("http_status", _INTEGER, "Status of the last answer; null where none came."),
        Column("error_code", _TEXT, "Kind of the failure.", nullable=False),
        Column("message", _TEXT, "What happened, in a sentence.", nullable=False),
        Column("attempts", _INTEGER, "How often it was tried.", nullable=False),
        Column("failed_at", _TIMESTAMP, "When it was given up.", nullable=False),
    ),
)

REJECTED_RECORDS = Table(
    "rejected_records",
    ("snapshot_id", "record_number"),
    "What was read and could not be taken, wholly or by a group of fields.",
    (
        *_SNAPSHOT,
        Column("record_number", _INTEGER, "Counts from 1 within the snapshot.", nullable=False),
        Column("resource", _TEXT, "'customer' or 'wallet'.", nullable=False),
        Column(
            "field_group",
            _TEXT,
            "What was set aside: 'record' (all of it), 'settings', 'balance', 'real_time' or 'credits_available'.",
            nullable=False,
        ),
        Column("reason", _TEXT, "Why, in a sentence.", nullable=False),
        Column("customer_id", _TEXT, "The customer, where known."),
        Column("wallet_id", _TEXT, "The wallet, where known."),
        Column(
            "raw_record",
            _TEXT,
            "The record as it came, as JSON text with every number's digits kept.",
            nullable=False,
        ),
        Column("observed_at", _TIMESTAMP, "When the answer arrived.", nullable=False),
    ),
)

#: Every table that a load writes, in the order in which they are described.
TABLES: Final = (
    WAREHOUSE,
    SNAPSHOTS,
    SNAPSHOT_CUSTOMERS,
    CUSTOMERS,
    WALLETS,
    WALLET_ALERT_THRESHOLDS,
    WALLET_AUTO_TOPUPS,
    WALLET_ALLOWED_PRICE_TYPES,
    WALLET_METADATA,
    WALLET_BALANCES,
    WALLET_REAL_TIME_BALANCES,
    WALLET_CREDITS_AVAILABLE,
    WALLET_FIGURES_GIVEN,
    FETCH_FAILURES,
    REJECTED_RECORDS,
)
