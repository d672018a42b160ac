"""Opens a warehouse with pandas, Polars and ADBC, and reads every view with each."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import adbc_driver_duckdb
import adbc_driver_manager
import adbc_driver_manager.dbapi
import duckdb
import polars as pl


def main(database: str, queries: list[str]) -> dict[str, Any]:
    connection = duckdb.connect(database, read_only=True)
    connection.execute("set timezone = 'UTC'")
    names = [
        name
        for (name,) in connection.execute(
            "select view_name from duckdb_views() where schema_name = 'flexprice' order by 1"
        ).fetchall()
    ]
    views: dict[str, dict[str, Any]] = {name: {} for name in names}
    for name in names:
        sql = f"select * from flexprice.{name}"
        views[name]["pandas"] = len(connection.execute(sql).df())
        frame = connection.execute(sql).pl()
        assert isinstance(frame, pl.DataFrame)
        views[name]["polars"] = len(frame)
    held = connection.execute("select balance from flexprice.wallets").pl()
    connection.close()
    driver = adbc_driver_duckdb.driver_path()
    settings = {"path": database, "entrypoint": "duckdb_adbc_init", "access_mode": "read_only"}
    with (
        adbc_driver_manager.dbapi.connect(driver=driver, db_kwargs=settings) as adbc,
        adbc.cursor() as cursor,
    ):
        listing = adbc.adbc_get_objects(depth="tables", db_schema_filter="flexprice").read_all()
        listed = sorted(
            table["table_name"]
            for catalog in listing.to_pylist()
            for schema in catalog["catalog_db_schemas"] or ()
            for table in schema["db_schema_tables"] or ()
        )
        for name in names:
            cursor.execute(f"select * from flexprice.{name}")
            views[name]["adbc"] = cursor.fetch_arrow_table().num_rows
        answered = []
        for query in queries:
            cursor.execute(query)
            answered.append(cursor.fetch_arrow_table().num_rows)
        cursor.execute("select count(*) from flexprice.wallet_balance_as_of(now())")
        [(living,)] = cursor.fetchall()
    return {
        "client": f"polars {pl.__version__}, duckdb {duckdb.__version__}",
        "views": views,
        "listed_by_adbc": listed,
        "balance_type": str(held.schema["balance"]),
        "living": living,
        "queries": answered,
        "snapshots": views["snapshots"]["polars"],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))))
