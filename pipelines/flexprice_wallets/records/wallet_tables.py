"""The fields of a wallet, each declared once: where it stands in the answer, how it is read, the column that keeps it.

To take in a new field of the API, add a line here. Reading, rows, fingerprints, the tables and their comments follow
from it, in a new warehouse and in one that exists.
"""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import values
from flexprice_wallets.records.columns import (
    Column,
    ColumnType,
    Compared,
    Field,
    OneRow,
    Place,
    RowPerEntry,
    RowPerPlace,
    Table,
)
from flexprice_wallets.records.key_columns import (
    CUSTOMER_VERSION,
    NOT_COMPARED,
    RECORD_FIELDS,
    WALLET_ID,
)

_TEXT, _BOOLEAN, _INTEGER = ColumnType.TEXT, ColumnType.BOOLEAN, ColumnType.INTEGER
_TIMESTAMP, _JSON = ColumnType.TIMESTAMP, ColumnType.JSON
_AMOUNT, _RATE, _REAL_TIME = ColumnType.AMOUNT, ColumnType.RATE, ColumnType.REAL_TIME

_NOT_SUMMABLE = "A rate: never summed."
_AMOUNT_STOCK = "May be summed over wallets of one currency at one moment, never over time (a stock, not a flow)."
_CREDIT_STOCK = (
    "May be summed over wallets of one rate at one moment, never over time (a stock, not a flow)."
)
_PENDING_ONCE = (
    "Pending charges count per customer and currency and are taken off each of its prepaid wallets: "
    "never summed over wallets of one customer, never over time."
)

_WALLET_VERSION = (WALLET_ID, *CUSTOMER_VERSION)
_CURRENCY = Column(
    "currency",
    _TEXT,
    "Currency of the amounts in this row: lower-case code as Flexprice sends it.",
    nullable=False,
)

WALLETS = Table(
    "wallets",
    ("wallet_id", "snapshot_id"),
    "Versions of a wallet's settings: a row where they differ from the previous ones.",
    (
        *_WALLET_VERSION,
        Field("name", _TEXT, "Name of the wallet; null where it has none."),
        Field("description", _TEXT, "Description of the wallet."),
        Field("currency", _TEXT, _CURRENCY.comment, nullable=False),
        Field("wallet_type", _TEXT, "PRE_PAID, PROMOTIONAL, POST_PAID or any later kind."),
        Field("wallet_status", _TEXT, "active, frozen or closed.", nullable=False),
        Field(
            "record_status",
            _TEXT,
            "The API's status: published, archived or deleted.",
            nullable=False,
            path="status",
        ),
        Field(
            "conversion_rate",
            _RATE,
            f"Currency per credit. {_NOT_SUMMABLE}",
            reader=values.required_rate,
        ),
        Field(
            "topup_conversion_rate", _RATE, f"Currency per credit when topping up. {_NOT_SUMMABLE}"
        ),
        Field(
            "alert_enabled",
            _BOOLEAN,
            "Whether balance alerts are switched on.",
            path=("alert_enabled", "alert_settings.alert_enabled"),
        ),
        Field("alert_state", _TEXT, "ok, info, warning or in_alarm; null where empty."),
        Column(
            "is_listed",
            _BOOLEAN,
            "Whether the wallet was in its customer's list (only active ones are).",
            nullable=False,
        ),
        Column(
            "ended", _TEXT, "Null while it lives; 'closed', 'deleted' or 'not_found' after its end."
        ),
        *RECORD_FIELDS,
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
        Column(
            "level", _TEXT, "'default' (alert_config), critical, warning or info.", nullable=False
        ),
        Field("threshold_type", _TEXT, "What the threshold is compared as, such as 'amount'."),
        Field("threshold", _AMOUNT, "The threshold itself. A limit: never summed."),
        Field("condition", _TEXT, "'above' or 'below'; null where the API does not say."),
        _CURRENCY,
    ),
    RowPerPlace(
        "level",
        {
            "default": Place(
                "alert_config.threshold", {"threshold_type": "type", "threshold": "value"}
            ),
            **{
                level: Place(
                    f"alert_settings.{level}", {"threshold": "threshold", "condition": "condition"}
                )
                for level in ("critical", "warning", "info")
            },
        },
    ),
)

WALLET_AUTO_TOPUPS = Table(
    "wallet_auto_topups",
    ("wallet_id", "snapshot_id"),
    "Automatic top-up that belongs to the wallets version of the same wallet and snapshot.",
    (
        *_WALLET_VERSION,
        Field("is_enabled", _BOOLEAN, "Whether automatic top-up is on.", path="enabled"),
        Field("threshold", _AMOUNT, "Top up when the balance falls below. Never summed."),
        Field("amount", _AMOUNT, "How much is topped up each time. Never summed."),
        Field("is_invoiced", _BOOLEAN, "Whether a top-up is invoiced.", path="invoicing"),
        Field(
            "cooldown_value",
            _INTEGER,
            "Least time between two top-ups, in cooldown_unit.",
            path="cooldown.value",
        ),
        Field("cooldown_unit", _TEXT, "second, minute, hour or day.", path="cooldown.unit"),
        _CURRENCY,
    ),
    OneRow("auto_topup"),
)

WALLET_ALLOWED_PRICE_TYPES = Table(
    "wallet_allowed_price_types",
    ("wallet_id", "snapshot_id", "price_type"),
    "Price types a wallet may pay, of the wallets version of the same key; no row means all.",
    (
        *_WALLET_VERSION,
        Column("price_type", _TEXT, "ALL, USAGE, FIXED or any later kind.", nullable=False),
    ),
    RowPerEntry("config.allowed_price_types", "price_type"),
)

WALLET_METADATA = Table(
    "wallet_metadata",
    ("wallet_id", "snapshot_id", "key"),
    "Metadata as rows, of the wallets version of the same wallet and snapshot.",
    (
        *_WALLET_VERSION,
        Field("key", _TEXT, "Key, free text in any language.", False, reader=values.required_text),
        Field("value", _TEXT, "Value, free text.", nullable=False, reader=values.required_text),
    ),
    RowPerEntry("metadata", "key", "value"),
)

WALLET_BALANCES = Table(
    "wallet_balances",
    ("wallet_id", "snapshot_id"),
    "Versions of the settled balance: a row where it differs from the previous one.",
    (
        *_WALLET_VERSION,
        _CURRENCY,
        Field(
            "conversion_rate",
            _RATE,
            f"Currency per credit that the balance was stated in. {_NOT_SUMMABLE}",
            nullable=False,
        ),
        Field(
            "balance", _AMOUNT, f"Settled balance in the currency. {_AMOUNT_STOCK}", nullable=False
        ),
        Field(
            "credit_balance",
            _AMOUNT,
            f"Settled balance in credits. {_CREDIT_STOCK}",
            nullable=False,
        ),
        Field(
            "source_updated_at",
            _TIMESTAMP,
            f"When Flexprice says it last changed the wallet. {NOT_COMPARED}",
            path="updated_at",
            compared=Compared.NEVER,
            rejects="settings",
        ),
        Field(
            "source_balance_updated_at",
            _TIMESTAMP,
            f"The API's balance_updated_at (its updated_at again). {NOT_COMPARED}",
            path="balance_updated_at",
            compared=Compared.NEVER,
            rejects="settings",
        ),
    ),
)

WALLET_REAL_TIME_BALANCES = Table(
    "wallet_real_time_balances",
    ("wallet_id", "snapshot_id"),
    "Versions of the real-time figures: a row where they differ from the previous ones.",
    (
        *_WALLET_VERSION,
        _CURRENCY,
        Field(
            "real_time_balance",
            _REAL_TIME,
            f"Balance less what is pending, in the currency; may be negative. {_PENDING_ONCE}",
            nullable=False,
        ),
        Field("real_time_credit_balance", _REAL_TIME, f"The same in credits. {_PENDING_ONCE}"),
        Column(
            "pending_amount",
            _REAL_TIME,
            f"balance less real_time_balance of the same answer, in the currency. {_PENDING_ONCE}",
            nullable=False,
        ),
        Field(
            "current_period_usage",
            _REAL_TIME,
            "All that the API says was subtracted from the balance to get the real-time balance, in the currency. "
            f"{_PENDING_ONCE}",
            compared=Compared.WHERE_GIVEN,
        ),
        Field(
            "unpaid_invoices_amount",
            _REAL_TIME,
            f"Unpaid invoices of the customer, in the currency. {_PENDING_ONCE}",
            compared=Compared.WHERE_GIVEN,
        ),
        Field(
            "is_cached_fallback",
            _BOOLEAN,
            f"True where the API said that the figure came from its cache. {NOT_COMPARED}",
            compared=Compared.NEVER,
        ),
    ),
)

WALLET_CREDITS_AVAILABLE = Table(
    "wallet_credits_available",
    ("wallet_id", "snapshot_id", "credit_type"),
    "Versions of the breakdown of available credits; a version is always the whole set of kinds.",
    (
        *_WALLET_VERSION,
        Column("credit_type", _TEXT, "free, purchased or any later kind.", nullable=False),
        Column(
            "credits_available",
            _REAL_TIME,
            f"Credits available of this kind. {_CREDIT_STOCK}",
            nullable=False,
        ),
        Column("currency", _TEXT, "Currency of the wallet that holds the credits.", nullable=False),
    ),
    RowPerEntry("credits_available_breakdown", "credit_type", "credits_available"),
)

WALLET_FIGURES_GIVEN = Table(
    "wallet_figures_given",
    ("wallet_id", "snapshot_id"),
    "Where the API began or ceased to leave out figures that were asked for; no row: always given.",
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

#: The tables whose rows belong to the `wallets` version of the same key.
SETTINGS_TABLES: Final = (
    WALLET_ALERT_THRESHOLDS,
    WALLET_AUTO_TOPUPS,
    WALLET_ALLOWED_PRICE_TYPES,
    WALLET_METADATA,
)
WALLET_TABLES: Final = (
    WALLETS,
    *SETTINGS_TABLES,
    WALLET_BALANCES,
    WALLET_REAL_TIME_BALANCES,
    WALLET_CREDITS_AVAILABLE,
    WALLET_FIGURES_GIVEN,
)
