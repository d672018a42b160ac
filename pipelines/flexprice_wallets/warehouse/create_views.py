"""Create the views and macros, and write every comment, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.atomic import transaction
from flexprice_wallets.warehouse.brought_tables import BROUGHT_TABLES, create_brought
from flexprice_wallets.warehouse.descriptions import derived_tables, view_names, views
from flexprice_wallets.warehouse.dlt_comments import DLT_COLUMNS, DLT_TABLES
from flexprice_wallets.warehouse.sql_files import RAW_SCHEMA, SCHEMA, literal, quoted, read_sql
from flexprice_wallets.warehouse.upkeep import create_derived

#: What is described: an object (column None) or one of its columns.
_Key = tuple[str, str | None]


def create_views(
    connection: duckdb.DuckDBPyConnection, *, raw_schema: str = RAW_SCHEMA, schema: str = SCHEMA
) -> None:
    """Create or replace every view and macro, and set the comments of all tables, views and columns.

    Derived tables and those that people fill are created where they are missing, and left as they are where they
    exist. Everything happens in one transaction.

    Args:
        connection: a writable warehouse with the tables of a load, not inside a transaction.
        raw_schema: schema of the tables that a load writes.
        schema: schema of the views; created where it is missing.

    Raises:
        ValueError: both schemas have one name, or a column has no description.
        duckdb.Error: a table is missing or not as the contract says.
    """
    with transaction(connection):
        connection.execute("\n".join(view_scripts(raw_schema, schema)))
        existing = _existing_comments(connection, raw_schema)
        comments = [
            *_raw_statements(raw_schema, existing),
            *_view_statements(schema, _view_columns(connection, schema)),
        ]
        connection.execute("\n".join(comments))
        _write_dictionary(connection, raw_schema, schema)


def view_scripts(raw_schema: str, schema: str) -> list[str]:
    """The SQL that creates the derived tables, those that people fill, the views and the macros."""
    return [
        create_derived(raw_schema),
        create_brought(raw_schema),
        f"create schema if not exists {quoted(schema)};",
        *(read_sql(name, raw_schema=raw_schema, schema=schema) for name in view_names()),
    ]


def raw_comments() -> dict[_Key, str]:
    """Return what is said of each table of the raw schema and of each of its columns, by their names."""
    comments: dict[_Key, str] = {}
    for table in (*TABLES, *BROUGHT_TABLES):
        comments[table.name, None] = table.comment
        comments |= {(table.name, column.name): column.comment for column in table.columns}
        comments |= {
            (table.name, name): comment
            for name, comment in DLT_COLUMNS.items()
            if name not in table.column_names
        }
    for derived in derived_tables():
        derived.check([*derived.columns])
        comments[derived.name, None] = derived.description
        comments |= {(derived.name, name): derived.column_comment(name) for name in derived.columns}
    for name, (comment, columns) in DLT_TABLES.items():
        comments[name, None] = comment
        comments |= {(name, column): text for column, text in (columns | DLT_COLUMNS).items()}
    return comments


def _existing_comments(
    connection: duckdb.DuckDBPyConnection, raw_schema: str
) -> dict[_Key, str | None]:
    rows = connection.execute(
        "select table_name, null, comment from duckdb_tables() "
        "where database_name = current_database() and schema_name = $schema "
        "union all "
        "select table_name, column_name, comment from duckdb_columns() "
        "where database_name = current_database() and schema_name = $schema",
        {"schema": raw_schema},
    ).fetchall()
    return {(table, column): comment for table, column, comment in rows}


def _raw_statements(raw_schema: str, existing: dict[_Key, str | None]) -> Iterator[str]:
    """Comments on tables last, so that only the missing and the outdated ones are written."""
    for (table, column), comment in raw_comments().items():
        if (table, column) in existing and existing[table, column] != comment:
            yield _statement("table", raw_schema, table, column, comment)


def _view_columns(connection: duckdb.DuckDBPyConnection, schema: str) -> dict[str, list[str]]:
    """The columns of each view, in order."""
    columns: dict[str, list[str]] = {}
    for view, column in connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where database_name = current_database() and schema_name = ? order by table_name, column_index",
        [schema],
    ).fetchall():
        columns.setdefault(view, []).append(column)
    return columns


def _view_statements(schema: str, columns: dict[str, list[str]]) -> Iterator[str]:
    """Comments on views do not survive their being replaced."""
    for view in views():
        if view.type == "macro":
            yield _statement("macro table", schema, view.name, None, view.description)
            continue
        view.check(columns[view.name])
        yield _statement("view", schema, view.name, None, view.description)
        for column in columns[view.name]:
            yield _statement("view", schema, view.name, column, view.column_comment(column))


def _macro_rows(connection: duckdb.DuckDBPyConnection, schema: str) -> Iterator[str]:
    """The dictionary's rows of each macro, which the catalog has no columns of."""
    for macro in (view for view in views() if view.type == "macro"):
        types = connection.execute(
            f"describe select * from {quoted(schema)}.{quoted(macro.name)}({macro.arguments})"
        ).fetchall()
        macro.check([name for name, *_ in types])
        for position, (name, data_type, *_) in enumerate(types, start=1):
            yield (
                f"({literal(macro.name)}, {literal(macro.description)}, {position}, {literal(name)},"
                f" {literal(data_type)}, {literal(macro.column_comment(name))})"
            )


def _write_dictionary(connection: duckdb.DuckDBPyConnection, raw_schema: str, schema: str) -> None:
    """Write what the catalog says into a table, where clients of any database can read it."""
    macro_columns = ", ".join(_macro_rows(connection, schema))
    connection.execute(f"""
        create or replace temp table dictionary as
        with
        objects as (
            select schema_name, table_name as object_name, 'table' as object_type, comment
            from duckdb_tables() where database_name = current_database()
            union all
            select schema_name, view_name as object_name, 'view' as object_type, comment
            from duckdb_views() where database_name = current_database()
        )
        select
            objects.schema_name, objects.object_name, objects.object_type,
            coalesce(objects.comment, '') as object_comment,
            columns.column_index as column_position, columns.column_name, columns.data_type,
            coalesce(columns.comment, '') as column_comment
        from objects
        inner join duckdb_columns() as columns
            on columns.database_name = current_database()
            and columns.schema_name = objects.schema_name
            and columns.table_name = objects.object_name
        where objects.schema_name in ({literal(raw_schema)}, {literal(schema)})
        union all
        select {literal(schema)}, object_name, 'macro', object_comment,
            column_position, column_name, data_type, column_comment
        from (values {macro_columns}) as macro_columns
            (object_name, object_comment, column_position, column_name, data_type, column_comment)
        """)
    # An unchanged dictionary is not rewritten.
    table = f"{quoted(raw_schema)}.stored_data_dictionary"
    (differs,) = connection.execute(
        f"select exists (from ((from dictionary except from {table}) union all (from {table} except"
        " from dictionary)))"
    ).fetchone() or (True,)
    if differs:
        connection.execute(f"delete from {table}; insert into {table} from dictionary order by all")
    connection.execute("drop table dictionary")


def _statement(kind: str, schema: str, name: str, column: str | None, comment: str) -> str:
    target = f"{quoted(schema)}.{quoted(name)}"
    if column is None:
        return f"comment on {kind} {target} is {literal(comment)};"
    return f"comment on column {target}.{quoted(column)} is {literal(comment)};"
