"""Opens a warehouse as a BI tool does and reads all there is: names, types, comments and every row of every view.

Runs in environments that hold DuckDB and nothing of ours. Arguments: the warehouse, and a file with queries as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import duckdb

AGES = ("last_snapshot_age_seconds", "last_complete_snapshot_age_seconds")


def main(database: str, queries: list[str]) -> dict[str, Any]:
    connection = duckdb.connect(database, read_only=True)
    connection.execute("set timezone = 'UTC'")

    def rows(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    views = {}
    names = rows(
        "select view_name, comment from duckdb_views() where schema_name = 'flexprice' order by view_name"
    )
    for name, comment in names:
        columns = rows(
            "select column_name, data_type, comment from duckdb_columns() "
            f"where schema_name = 'flexprice' and table_name = '{name}' order by column_index"
        )
        shown = ", ".join(column for column, *_ in columns if column not in AGES)
        found = rows(f"select {shown} from flexprice.{name}")
        views[name] = {
            "comment": comment,
            "columns": columns,
            "rows": len(found),
            "digest": digest(found),
        }
    as_of = rows("select * from flexprice.wallet_balance_as_of('2026-03-01 00:00:00+00')")
    return {
        "client": duckdb.__version__,
        "schemas": sorted(
            {name for (name,) in rows("select schema_name from information_schema.schemata")}
        ),
        "views": views,
        "as_of": [len(as_of), digest(as_of)],
        "queries": [digest(rows(query)) for query in queries],
        "snapshots": views["snapshots"]["rows"],
    }


def digest(rows: list[tuple[Any, ...]]) -> str:
    """The same for the same rows in any order."""
    lines = sorted(repr([str(value) for value in row]) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))))
