"""The fields of a transaction, each declared once, as `wallet_tables` declares those of a wallet."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import values
from flexprice_wallets.records.columns import Column, ColumnType, Compared, Field, Table
from flexprice_wallets.records.key_columns import (
    CUSTOMER_VERSION,
    NOT_COMPARED,
    RECORD_FIELDS,
    WALLET_ID,
)

_TEXT, _INTEGER, _TIMESTAMP = ColumnType.TEXT, ColumnType.INTEGER, ColumnType.TIMESTAMP
_AMOUNT, _RATE = ColumnType.AMOUNT, ColumnType.RATE

_NOT_SUMMABLE = "A rate: never summed."
_FLOW = "Of completed transactions, credits less debits may be summed over time, and over wallets of one"
_STOCK = "A stock at one moment of one wallet: never summed."

WALLET_TRANSACTIONS: Final = Table(
    "wallet_transactions",
    ("transaction_id", "snapshot_id"),
    "Versions of a transaction of the ledger: a row where it differs from the previous one.",
    (
        Column("transaction_id", _TEXT, "Flexprice id of the transaction.", nullable=False),
        WALLET_ID,
        *CUSTOMER_VERSION,
        Field(
            "transaction_type",
            _TEXT,
            "credit (adds to the balance) or debit (takes from it).",
            nullable=False,
            path="type",
        ),
        Field(
            "transaction_status",
            _TEXT,
            "pending, completed or failed: only completed transactions count.",
            nullable=False,
        ),
        Field("transaction_reason", _TEXT, "Why the credits moved; see transaction_reasons."),
        Field(
            "record_status",
            _TEXT,
            "The API's status: published, archived or deleted.",
            path="status",
        ),
        Field(
            "currency",
            _TEXT,
            "Currency of the amount: lower-case code as Flexprice sends it.",
            nullable=False,
        ),
        Field(
            "credit_amount",
            _AMOUNT,
            f"Credits that move, without a sign. {_FLOW} rate.",
            nullable=False,
        ),
        Field(
            "amount",
            _AMOUNT,
            f"The same in the currency, without a sign. {_FLOW} currency.",
            nullable=False,
        ),
        Field(
            "credit_balance_before",
            _AMOUNT,
            f"Credits that the wallet held before; of a pending transaction, when it was created. {_STOCK}",
            nullable=False,
        ),
        Field(
            "credit_balance_after",
            _AMOUNT,
            f"Credits that the wallet held afterwards; of a pending transaction, when it was created. {_STOCK}",
            nullable=False,
        ),
        Field(
            "credits_available",
            _AMOUNT,
            "What is left of a credit; 0 for debits. May be summed over the completed credits of wallets of one rate "
            "at one moment, never over time (a stock, not a flow).",
            nullable=False,
        ),
        Field(
            "conversion_rate",
            _RATE,
            f"Currency per credit of a debit; null where topup_conversion_rate says it. {_NOT_SUMMABLE}",
        ),
        Field(
            "topup_conversion_rate",
            _RATE,
            f"Currency per credit of a credit; null where conversion_rate says it. {_NOT_SUMMABLE}",
        ),
        Field(
            "expires_at",
            _TIMESTAMP,
            "When what is left of a credit expires (expiry_date); null: never.",
            path="expiry_date",
        ),
        Field("priority", _INTEGER, "Credits of a lower priority are consumed first; may be null."),
        Field(
            "reference_type",
            _TEXT,
            "What reference_id refers to: PAYMENT, EXTERNAL, REQUEST, INVOICE or any later kind.",
        ),
        Field("reference_id", _TEXT, "Id of what the transaction refers to."),
        Field("parent_transaction_id", _TEXT, "Of a bonus: the purchase that it was granted with."),
        Field("idempotency_key", _TEXT, "The caller's key against doing the same twice."),
        Field("description", _TEXT, "Description of the transaction."),
        Field(
            "metadata",
            ColumnType.JSON,
            "Free key/value pairs; a debit names the credits that it consumed in consumed_credit_tx_ids.",
            reader=values.json_map,
        ),
        Field(
            "source_created_at",
            _TIMESTAMP,
            "When Flexprice says it created the record (created_at).",
            nullable=False,
            path="created_at",
        ),
        Field(
            "source_updated_at",
            _TIMESTAMP,
            f"When Flexprice says it last changed the record (updated_at). {NOT_COMPARED}",
            nullable=False,
            path="updated_at",
            compared=Compared.NEVER,
        ),
        *(
            column
            for column in RECORD_FIELDS
            if column.name not in ("source_created_at", "source_updated_at")
        ),
    ),
)
