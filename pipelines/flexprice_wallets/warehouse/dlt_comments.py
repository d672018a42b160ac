"""What dlt keeps for itself in a warehouse, as comments: dlt writes none."""

from __future__ import annotations

from typing import Final

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
            "created_at": "When it was created.",
            "version_hash": "Hash of its content.",
        },
    ),
}

#: Columns that dlt adds to tables.
DLT_COLUMNS: Final[dict[str, str]] = {
    "_dlt_load_id": "The dlt load that brought the row.",
    "_dlt_id": "Kept by dlt: id of the row.",
}
