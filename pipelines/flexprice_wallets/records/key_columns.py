"""Columns that several tables share: what identifies a version, and what every record of the API has."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import values
from flexprice_wallets.records.columns import Column, ColumnType, Compared, Field

NOT_COMPARED: Final = "Recorded; a change of it alone writes no version."

SNAPSHOT: Final = (
    Column(
        "snapshot_id",
        ColumnType.TEXT,
        "The load that observed this: its snapshot_at as ISO-8601 text in UTC with microseconds.",
        nullable=False,
    ),
    Column(
        "snapshot_at",
        ColumnType.TIMESTAMP,
        "Logical time of the load that observed this.",
        nullable=False,
    ),
)
WALLET_ID: Final = Column(
    "wallet_id", ColumnType.TEXT, "Flexprice id of the wallet.", nullable=False
)
CUSTOMER_ID: Final = Column(
    "customer_id", ColumnType.TEXT, "Flexprice id of the customer.", nullable=False
)
OBSERVED_AT: Final = Column(
    "observed_at",
    ColumnType.TIMESTAMP,
    "When the answer of the API that says so arrived.",
    nullable=False,
)
VERSION_HASH: Final = Column(
    "version_hash",
    ColumnType.TEXT,
    "The hash by which this version was found to differ from the previous one; see warehouse.hash_recipe.",
    nullable=False,
)
CUSTOMER_VERSION: Final = (CUSTOMER_ID, *SNAPSHOT, OBSERVED_AT, VERSION_HASH)

#: What every record of the API has beside its own fields.
RECORD_FIELDS: Final = (
    Field(
        "tenant_id",
        ColumnType.TEXT,
        "Flexprice tenant that the record belongs to.",
        reader=values.required_id,
    ),
    Field(
        "environment_id",
        ColumnType.TEXT,
        "Flexprice environment that the record belongs to.",
        reader=values.required_id,
    ),
    Field(
        "source_created_at",
        ColumnType.TIMESTAMP,
        "When Flexprice says it created the record (created_at).",
        path="created_at",
    ),
    Field(
        "source_updated_at",
        ColumnType.TIMESTAMP,
        f"When Flexprice says it last changed the record (updated_at). {NOT_COMPARED}",
        path="updated_at",
        compared=Compared.NEVER,
    ),
    Field("created_by", ColumnType.TEXT, "Who created the record, as Flexprice says."),
    Field(
        "updated_by",
        ColumnType.TEXT,
        f"Who last changed the record, as Flexprice says. {NOT_COMPARED}",
        compared=Compared.NEVER,
    ),
    Column(
        "unrecognized_fields",
        ColumnType.JSON,
        "Fields of the answer that this version of the program does not know, by their path.",
    ),
)
