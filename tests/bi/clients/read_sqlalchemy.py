"""Opens a warehouse through SQLAlchemy as Superset and its like do, and reflects it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool


def main(database: str, queries: list[str]) -> dict[str, Any]:
    # Without a pool every connection opens the file anew, and so sees the last load.
    engine = sa.create_engine(
        f"duckdb:///{database}",
        poolclass=NullPool,
        connect_args={"read_only": True, "config": {"timezone": "UTC"}},
    )
    inspector = sa.inspect(engine)
    views = {}
    with engine.connect() as connection:
        for name in sorted(inspector.get_view_names(schema="flexprice")):
            table = sa.Table(name, sa.MetaData(), schema="flexprice", autoload_with=engine)
            count = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            first = connection.execute(sa.select(table).limit(5)).fetchall()
            views[name] = {
                "comment": table.comment,
                "columns": [
                    [column.name, str(column.type), column.comment] for column in table.columns
                ],
                "rows": count,
                "read": len(first),
            }
        daily = sa.Table(
            "wallet_balance_daily", sa.MetaData(), schema="flexprice", autoload_with=engine
        )
        by_day = connection.execute(
            sa.select(daily.c.date_day, daily.c.currency, sa.func.sum(daily.c.closing_balance))
            .group_by(daily.c.date_day, daily.c.currency)
            .order_by(daily.c.date_day, daily.c.currency)
        ).fetchall()
        as_of = connection.execute(
            sa.text("select * from flexprice.wallet_balance_as_of(cast(:at as timestamptz))"),
            {"at": "2026-03-01 00:00:00+00"},
        ).fetchall()
        answered = [len(connection.execute(sa.text(query)).fetchall()) for query in queries]
    return {
        "client": sa.__version__,
        "schemas": inspector.get_schema_names(),
        "views": views,
        "as_of": len(as_of),
        "daily_sums": [[str(day), currency, str(total)] for day, currency, total in by_day],
        "queries": answered,
        "snapshots": views["snapshots"]["rows"],
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))))
