"""The derived tables that make the views fast, as data. `sql/upkeep/create.sql` holds their columns' types."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.warehouse.view_descriptions import DICTIONARY_COMMENTS, Relation

_DERIVED: Final = (
    "Derived: made again from the other tables at any time; query the views of the other schema"
    " instead."
)

_SETTLED: Final = (
    "currency",
    "conversion_rate",
    "balance",
    "credit_balance",
    "balance_observed_at",
    "balance_snapshot_at",
)
_REAL_TIME: Final = (
    "real_time_balance",
    "real_time_credit_balance",
    "pending_amount",
    "current_period_usage",
    "unpaid_invoices_amount",
    "real_time_observed_at",
    "real_time_snapshot_at",
)
_CREDITS: Final = (
    "free_credits",
    "purchased_credits",
    "other_credits",
    "credits_observed_at",
    "credits_snapshot_at",
)
_NUMBER: Final = (
    "Number of the wallet in this warehouse, by which its rows are found. Never summed."
)
_HASH: Final = "Hash by which the next answer is compared; see warehouse.hash_recipe."

_MOVED: Final = "by how much it moved, up or down. May be summed over time within one currency."
_MOVES: Final = {
    "positive_balance": f"Settled balances, overdrawn ones left out: {_MOVED}",
    "balance": f"Settled balances in the currency: {_MOVED}",
    "positive_credits": f"Settled credits, overdrawn wallets left out: {_MOVED}",
    "credits": f"Settled credits: {_MOVED}",
    "frozen_balance": f"Settled balances of frozen wallets, overdrawn ones left out: {_MOVED}",
    "frozen_credits": f"Settled credits of frozen wallets, overdrawn ones left out: {_MOVED}",
    "free_credits": f"Free credits available: {_MOVED}",
    "purchased_credits": f"Purchased credits available: {_MOVED}",
    "wallets": f"Number of wallets: {_MOVED}",
    "overdrawn_wallets": f"Number of wallets below zero: {_MOVED}",
    "frozen_wallets": f"Number of frozen wallets: {_MOVED}",
    "broken_down_wallets": f"Number of wallets whose credits are known by kind: {_MOVED}",
}

#: Every derived table, in the order in which `create.sql` makes them.
STORED_TABLES: Final = (
    Relation(
        "stored_wallets",
        ("wallet_id",),
        "What is known of each wallet after the last run, and its open interval of balances."
        f" {_DERIVED}",
        (
            "wallet_id",
            "wallet_number",
            "customer_id",
            "first_observed_at",
            "life_number",
            "life_started_at",
            "ended",
            "ended_at",
            "is_listed",
            "settings_snapshot_at",
            "wallet_type",
            "wallet_status",
            "settings_hash",
            *_SETTLED,
            "balance_customer_id",
            "balance_hash",
            *_REAL_TIME,
            "real_time_hash",
            *_CREDITS,
            "credits_hash",
            "is_real_time_balance_given",
            "is_credits_available_given",
            "valid_from",
        ),
        {
            "wallet_number": _NUMBER,
            "settings_snapshot_at": "The run that wrote the settings (key into wallets).",
            "settings_hash": _HASH,
            "balance_customer_id": "Customer under which the balance was read.",
            "balance_hash": _HASH,
            "real_time_hash": _HASH,
            "credits_hash": _HASH,
            "is_real_time_balance_given": "Whether real-time figures came when last asked for.",
            "is_credits_available_given": "Whether the breakdown came when last asked for.",
            "valid_from": "Start of the open interval of balances; null once ended.",
        },
        "table",
    ),
    Relation(
        "stored_balance_intervals",
        ("wallet_id", "valid_from"),
        f"The closed intervals of wallet_balance_history. {_DERIVED}",
        (
            "wallet_id",
            "wallet_number",
            "customer_id",
            "life_number",
            "valid_from",
            "valid_to",
            *_SETTLED,
            *_REAL_TIME,
            *_CREDITS,
        ),
        {
            "wallet_number": _NUMBER,
            "valid_to": "Up to here, exclusive: the run that saw something else, or the end.",
        },
        "table",
    ),
    Relation(
        "stored_currency_moves",
        ("currency", "snapshot_at"),
        f"By how much a run moved what all wallets hold in a currency. {_DERIVED}",
        ("currency", "snapshot_at", *_MOVES),
        {"currency": "Currency of the amounts.", "snapshot_at": "The run that saw it.", **_MOVES},
        "table",
    ),
    Relation(
        "stored_settings_intervals",
        ("wallet_id", "valid_from"),
        "When each version of a wallet's settings held; the open intervals are in stored_wallets."
        f" {_DERIVED}",
        ("wallet_id", "valid_from", "valid_to", "wallet_type", "wallet_status"),
        {"valid_to": "Up to here, exclusive: the run that saw other settings."},
        "table",
    ),
    Relation(
        "stored_wallet_lives",
        ("wallet_id", "life_number"),
        "When each life of a wallet began and ended, how, and what was read at its end."
        f" {_DERIVED}",
        (
            "wallet_id",
            "customer_id",
            "life_number",
            "started_at",
            "ended_at",
            "ended",
            *_SETTLED,
        ),
        {
            "customer_id": (
                "Customer under which the life began; of an ended one, under which it ended."
            ),
            "started_at": "The run that saw the life begin.",
            "balance": (
                "Settled balance read at the end, in the currency; null while it lives or not read."
            ),
            "credit_balance": "Settled credits read at the end; null while it lives or not read.",
            "currency": "Currency at the end; null while it lives.",
            "conversion_rate": "Currency per credit at the end; null while it lives. Never summed.",
        },
        "table",
    ),
    Relation(
        "stored_unobserved_wallets",
        ("wallet_id", "snapshot_at"),
        f"Runs of scope 'all' that did not observe a wallet. {_DERIVED}",
        ("wallet_id", "snapshot_at", "last_observed_at"),
        {
            "snapshot_at": "The run that did not observe it.",
            "last_observed_at": "The last run before that did.",
        },
        "table",
    ),
    Relation(
        "stored_selected_wallets",
        ("wallet_id", "snapshot_at"),
        f"Runs of scope 'selected' that observed a wallet. {_DERIVED}",
        ("wallet_id", "snapshot_at"),
        {"snapshot_at": "The run that observed it."},
        "table",
    ),
    Relation(
        "stored_figure_gaps",
        ("wallet_id", "figure", "gap_from"),
        "From when to when no run that asked for an optional figure of a wallet got it."
        f" {_DERIVED}",
        ("wallet_id", "figure", "gap_from", "gap_to"),
        {
            "figure": "'real_time' or 'credits_available'.",
            "gap_from": "The first run without it.",
            "gap_to": "The first run with it again, or the wallet's end; null: none yet.",
        },
        "table",
    ),
    Relation(
        "stored_customers",
        ("customer_id",),
        f"The last version of each customer. {_DERIVED}",
        ("customer_id", "first_observed_at", "snapshot_at", "is_listed", "version_hash"),
        {
            "customer_id": "Flexprice id of the customer.",
            "snapshot_at": "The run that wrote the last version (key into customers).",
            "is_listed": "Whether the list of customers still has it.",
            "version_hash": _HASH,
        },
        "table",
    ),
    Relation(
        "stored_progress",
        (),
        f"One row: the last run that the derived tables contain. {_DERIVED}",
        ("snapshot_at",),
        {"snapshot_at": "That run."},
        "table",
    ),
    Relation(
        "stored_data_dictionary",
        ("schema_name", "object_name", "column_name"),
        f"What every table, view, macro and column means. {_DERIVED}",
        (
            "schema_name",
            "object_name",
            "object_type",
            "object_comment",
            "column_position",
            "column_name",
            "data_type",
            "column_comment",
        ),
        DICTIONARY_COMMENTS,
        "table",
    ),
    Relation(
        "stored_views",
        (),
        f"One row: by which a run knows that the views are up to date. {_DERIVED}",
        ("scripts_digest", "catalog_digest"),
        {
            "scripts_digest": "Digest of the SQL and the comments by which they were made.",
            "catalog_digest": "Digest of the tables, views, columns and comments as they were then.",
        },
        "table",
    ),
)

#: What dlt keeps for itself beside the tables of the load, by table and column.
DLT_TABLES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "_dlt_loads": (
        "Kept by dlt: one row per load.",
        {
            "load_id": "Id of the load.",
            "schema_name": "Name of dlt's schema that was loaded.",
            "status": "0 where the load was completed.",
            "inserted_at": "When the load was completed.",
            "schema_version_hash": "Version of dlt's schema that was loaded.",
        },
    ),
    "_dlt_version": (
        "Kept by dlt: one row per version of its schema.",
        {
            "version": "Number of the version.",
            "engine_version": "Version of the format it is kept in.",
            "inserted_at": "When it was stored.",
            "schema_name": "Name of dlt's schema.",
            "version_hash": "Hash of its content.",
            "schema": "The schema itself as JSON text.",
        },
    ),
    "_dlt_pipeline_state": (
        "Kept by dlt: one row per state of the pipeline.",
        {
            "version": "Number of the state.",
            "engine_version": "Version of the format it is kept in.",
            "pipeline_name": "Name of the pipeline.",
            "state": "The state itself, compressed.",
            "created_at": "When it was made.",
            "version_hash": "Hash of its content.",
        },
    ),
}

#: Columns that dlt adds to tables.
DLT_COLUMNS: Final[dict[str, str]] = {
    "_dlt_load_id": "The dlt load that brought the row.",
    "_dlt_id": "Kept by dlt: id of the row.",
}
