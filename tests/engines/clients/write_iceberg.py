"""Writes parquet files as Iceberg tables, as dlt's destination does: through pyiceberg, on a catalog in PostgreSQL.

Runs in an environment that holds pyiceberg: `python write_iceberg.py SETTINGS`, a file of JSON with the catalog's name
and properties, and of each table its namespace, name and file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    catalog = SqlCatalog(settings["catalog"], **settings["properties"])
    for namespace, name, file in settings["tables"]:
        catalog.create_namespace_if_not_exists(namespace)
        rows = pq.read_table(file)
        catalog.create_table((namespace, name), schema=rows.schema).append(rows)


if __name__ == "__main__":
    main()
