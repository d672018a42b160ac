"""Does with Apache Superset, headless, what a person clicks: a connection, a dataset, a chart and a query.

Runs in an environment of its own. Arguments: the warehouse, a file with queries as JSON, and a folder to work in.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ADMIN = {"username": "admin", "password": "for-this-run-only"}


class Superset:
    """A Superset with a database of its own, asked through its REST API."""

    def __init__(self, folder: Path) -> None:
        (folder / "superset_config.py").write_text(
            "SECRET_KEY = 'for-this-run-only-and-nobody-else'\n"
            f"SQLALCHEMY_DATABASE_URI = 'sqlite:///{folder / 'superset.db'}'\n"
            "WTF_CSRF_ENABLED = False\n"
            "TALISMAN_ENABLED = False\n"
            "RATELIMIT_ENABLED = False\n"
            "PREVENT_UNSAFE_DB_CONNECTIONS = False\n",
            encoding="utf-8",
        )
        os.environ["SUPERSET_CONFIG_PATH"] = str(folder / "superset_config.py")
        os.environ["SUPERSET_HOME"] = str(folder)
        from superset.app import create_app

        self._app = create_app()
        with self._app.app_context():
            from flask_migrate import upgrade

            upgrade()
            # As `superset init` does.
            self._app.appbuilder.add_permissions(update_perms=True)
            self._app.appbuilder.sm.sync_role_definitions()
            manager = self._app.appbuilder.sm
            role = manager.find_role("Admin")
            manager.add_user(
                ADMIN["username"], "A", "Person", "a@example.com", role, ADMIN["password"]
            )
        self._client = self._app.test_client()
        self._token = ""
        login = ADMIN | {"provider": "db", "refresh": False}
        self._token = self.post("security/login", login)["access_token"]

    def get(self, path: str) -> Any:
        return self._answer(self._client.get(f"/api/v1/{path}", headers=self._headers()))

    def post(self, path: str, content: Any) -> Any:
        answer = self._client.post(f"/api/v1/{path}", json=content, headers=self._headers())
        return self._answer(answer)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @staticmethod
    def _answer(answer: Any) -> Any:
        if answer.status_code >= 300:
            raise SystemExit(
                f"{answer.request.path}: {answer.status_code} {answer.get_data(as_text=True)}"
            )
        return answer.get_json()


def main(database: str, queries: list[str], folder: Path) -> dict[str, Any]:
    superset = Superset(folder)
    # Each query opens the file anew (Superset keeps no pool), and so sees the last load.
    connection = superset.post(
        "database/",
        {
            "database_name": "Wallets",
            "sqlalchemy_uri": f"duckdb:///{database}",
            "expose_in_sqllab": True,
            "extra": json.dumps({"engine_params": {"connect_args": {"read_only": True}}}),
        },
    )["id"]
    schemas = superset.get(f"database/{connection}/schemas/")["result"]
    schema = next(name for name in schemas if name.split(".")[-1].strip('"') == "flexprice")
    tables = superset.get(f"database/{connection}/tables/?q=(schema_name:'{schema}',force:!t)")
    dataset = superset.post(
        "dataset/",
        {"database": connection, "schema": schema, "table_name": "wallet_balance_daily"},
    )["id"]
    columns = superset.get(f"dataset/{dataset}")["result"]["columns"]
    metric = {
        "expressionType": "SQL",
        "sqlExpression": "max(closing_balance)",
        "label": "highest closing balance",
    }
    chart = superset.post(
        "chart/",
        {
            "slice_name": "Balances by currency and week",
            "viz_type": "echarts_timeseries_line",
            "datasource_id": dataset,
            "datasource_type": "table",
            "params": json.dumps({"groupby": ["currency"], "metrics": [metric]}),
        },
    )["id"]
    week = {
        "columnType": "BASE_AXIS",
        "sqlExpression": "date_day",
        "label": "date_day",
        "expressionType": "SQL",
        "timeGrain": "P1W",
    }
    data = superset.post(
        "chart/data",
        {
            "datasource": {"id": dataset, "type": "table"},
            "queries": [{"columns": [week, "currency"], "metrics": [metric], "row_limit": 1000}],
            "form_data": {"slice_id": chart},
            "result_format": "json",
            "result_type": "full",
        },
    )["result"][0]
    answered = [
        len(
            superset.post(
                "sqllab/execute/",
                {
                    "database_id": connection,
                    "sql": query,
                    "schema": schema,
                    "runAsync": False,
                    "queryLimit": 1000,
                },
            )["data"]
        )
        for query in queries
    ]
    return {
        "schemas": schemas,
        "views": sorted(table["value"] for table in tables["result"]),
        "columns": [
            [column["column_name"], column["type"], column["is_dttm"], column["description"]]
            for column in columns
        ],
        "chart": data["data"],
        "chart_sql": data["query"],
        "queries": answered,
    }


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asked = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
    print(json.dumps(main(arguments[0], asked, Path(arguments[2])), default=str))
