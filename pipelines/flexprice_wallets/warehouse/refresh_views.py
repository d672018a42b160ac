"""Creates the views again only where they have changed: creating them takes longer than a small load."""

from __future__ import annotations

import json
from hashlib import sha256

import duckdb

from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.atomic import transaction
from flexprice_wallets.warehouse.brought_tables import BROUGHT_TABLES
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.sql_files import RAW_SCHEMA, SCHEMA, quoted, sql_texts


def refresh_views(
    connection: duckdb.DuckDBPyConnection,
    *,
    raw_schema: str = RAW_SCHEMA,
    schema: str = SCHEMA,
    always: bool = False,
) -> bool:
    """`create_views`, unless the catalog is as it last left it and it would create the same.

    Args:
        connection: as `create_views`; the derived tables exist.
        raw_schema: schema of the tables that a load writes.
        schema: schema of the views.
        always: create them in any case.

    Returns:
        Whether they were created.

    Raises:
        ValueError, duckdb.Error: as `create_views`.
    """
    table = f"{quoted(raw_schema)}.stored_views"
    to_be_made = _digest_of_scripts(raw_schema, schema)
    made_before = connection.execute(f"from {table}").fetchall()
    if made_before and not always:
        as_they_are = (to_be_made, _digest_of_catalog(connection, raw_schema, schema))
        if made_before == [as_they_are]:
            return False
    create_views(connection, raw_schema=raw_schema, schema=schema)
    with transaction(connection):
        connection.execute(f"delete from {table}")
        connection.execute(
            f"insert into {table} values (?, ?)",
            [to_be_made, _digest_of_catalog(connection, raw_schema, schema)],
        )
    return True


def _digest_of_scripts(raw_schema: str, schema: str) -> str:
    return _digest(
        [
            # What DuckDB makes of a script may change with its version.
            duckdb.__version__,
            raw_schema,
            schema,
            sql_texts(),
            [
                (
                    table.name,
                    table.comment,
                    [(column.name, column.comment) for column in table.columns],
                )
                for table in (*TABLES, *BROUGHT_TABLES)
            ],
        ]
    )


def _digest_of_catalog(connection: duckdb.DuckDBPyConnection, raw_schema: str, schema: str) -> str:
    """Changes where a table, view, macro or column is added, dropped or recreated: recreating takes its comment away.

    The SQL of a view is no sign: DuckDB words it otherwise once the file is opened again.
    """
    return _digest(
        connection.execute(
            """
            select 'view', view_name, null, null, comment
            from duckdb_views()
            where database_name = current_database() and schema_name = $schema
            union all
            select 'table', table_name, null, null, comment
            from duckdb_tables()
            where database_name = current_database() and schema_name = $raw_schema
            union all
            select 'column', table_name, column_name, data_type, comment
            from duckdb_columns()
            where database_name = current_database() and schema_name in ($schema, $raw_schema)
            union all
            select 'macro', function_name, null, null, comment
            from duckdb_functions()
            where database_name = current_database() and schema_name = $schema and function_type = 'table_macro'
            order by all
            """,
            {"schema": schema, "raw_schema": raw_schema},
        ).fetchall()
    )


def _digest(value: object) -> str:
    return sha256(json.dumps(value).encode()).hexdigest()
