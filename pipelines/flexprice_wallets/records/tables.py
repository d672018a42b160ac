"""Every table that a load writes: those of the records, declared in modules of their own, and those of the load itself.

To add a table: declare it beside the records that fill it, and name it in `TABLES`.
"""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records.columns import Column, ColumnType, Table
from flexprice_wallets.records.customer_tables import CUSTOMERS
from flexprice_wallets.records.key_columns import CUSTOMER_ID, OBSERVED_AT, SNAPSHOT
from flexprice_wallets.records.transaction_tables import WALLET_TRANSACTIONS
from flexprice_wallets.records.wallet_tables import WALLET_TABLES

CONTRACT_VERSION: Final = 3

_TEXT, _BOOLEAN = ColumnType.TEXT, ColumnType.BOOLEAN
_INTEGER, _TIMESTAMP = ColumnType.INTEGER, ColumnType.TIMESTAMP

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
    "One row per load that was published: what it asked for and how complete the answers were.",
    (
        *SNAPSHOT,
        Column("started_at", _TIMESTAMP, "When the load started, by the clock.", nullable=False),
        Column("finished_at", _TIMESTAMP, "When the last answer was taken.", nullable=False),
        Column(
            "completeness",
            _TEXT,
            "'complete', or 'partial' where a customer, a wallet or the ledger could not be read or a record was "
            "rejected.",
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
        Column(
            "records_rejected",
            _INTEGER,
            "Records, or groups of fields, that could not be taken, those that were rejected before included.",
            nullable=False,
        ),
        Column(
            "api_requests",
            _INTEGER,
            "Requests sent to the API, retries included.",
            nullable=False,
        ),
        Column("api_retries", _INTEGER, "Requests that were retries.", nullable=False),
        Column(
            "ledger",
            _TEXT,
            "How the ledger was read: 'complete' (to its end), 'failed', 'refused' (by an API that never gave it) or "
            "'not_asked'; null in snapshots from before the ledger was known. Only a complete one wrote transactions.",
        ),
        Column(
            "ledger_read_to",
            _TIMESTAMP,
            "The newest updated_at of all transactions that were read, up to this snapshot, by loads of scope 'all' "
            "with a complete ledger; null where there was none, or the ledger was empty.",
        ),
        Column(
            "transactions_observed",
            _INTEGER,
            "Transactions that were read, those read again included; null where the ledger is not complete.",
        ),
        Column(
            "transactions_changed",
            _INTEGER,
            "Transactions for which a version was written; null where the ledger is not complete.",
        ),
        Column("tenant_id", _TEXT, "Tenant that the answers came from."),
        Column("environment_id", _TEXT, "Environment that the answers came from."),
        Column(
            "pipeline_version",
            _TEXT,
            "Version of flexprice-wallets that loaded it.",
            nullable=False,
        ),
        Column("_dlt_load_id", _TEXT, "The dlt load that brought the snapshot.", nullable=False),
    ),
)

SNAPSHOT_CUSTOMERS = Table(
    "snapshot_customers",
    ("snapshot_id", "customer_id"),
    "The customers that a snapshot of scope 'selected' covered.",
    (*SNAPSHOT, CUSTOMER_ID),
)

FETCH_FAILURES = Table(
    "fetch_failures",
    ("snapshot_id", "resource", "resource_id"),
    "What a load could not read.",
    (
        *SNAPSHOT,
        Column(
            "resource",
            _TEXT,
            "'customer_wallets', 'wallet', 'ended_wallets' or 'transactions' (the ledger).",
            nullable=False,
        ),
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
    "What was read and could not be taken, wholly or by a group of fields: a row in the first snapshot that rejected "
    "it. It stays rejected in the following ones until rejections_cleared says otherwise.",
    (
        *SNAPSHOT,
        Column("record_number", _INTEGER, "Counts from 1 within the snapshot.", nullable=False),
        Column("resource", _TEXT, "'customer', 'wallet' or 'transaction'.", nullable=False),
        Column(
            "field_group",
            _TEXT,
            "What was rejected: 'record' (all of it; a transaction always), 'settings', 'balance', 'real_time' or "
            "'credits_available'.",
            nullable=False,
        ),
        Column("reason", _TEXT, "Why, in a sentence.", nullable=False),
        Column("customer_id", _TEXT, "The customer, where known."),
        Column("wallet_id", _TEXT, "The wallet, where known."),
        Column("transaction_id", _TEXT, "The transaction, where it is one and its id is known."),
        Column(
            "raw_record",
            _TEXT,
            "The record as it came, as JSON text with every number's digits kept.",
            nullable=False,
        ),
        OBSERVED_AT,
        Column(
            "rejection_hash",
            _TEXT,
            "By which the same rejection is recognised in later snapshots.",
        ),
    ),
)

REJECTIONS_CLEARED = Table(
    "rejections_cleared",
    ("snapshot_id", "rejection_hash"),
    "Rejections that ended: the snapshot read the record without that fault, or found that it is gone.",
    (
        *SNAPSHOT,
        Column(
            "rejection_hash",
            _TEXT,
            "The rejection: rejection_hash of rejected_records in an earlier snapshot.",
            nullable=False,
        ),
    ),
)

#: Every table that a load writes, in the order in which they are described.
TABLES: Final = (
    WAREHOUSE,
    SNAPSHOTS,
    SNAPSHOT_CUSTOMERS,
    CUSTOMERS,
    *WALLET_TABLES,
    WALLET_TRANSACTIONS,
    FETCH_FAILURES,
    REJECTED_RECORDS,
    REJECTIONS_CLEARED,
)
