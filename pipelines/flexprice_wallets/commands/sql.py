"""`flexprice-wallets sql`: the views' statements, for those who create them themselves."""

from __future__ import annotations

import click

from flexprice_wallets.commands.options import option
from flexprice_wallets.commands.output import say
from flexprice_wallets.commands.replicate import dataset_option

#: Where a table is known once it has been registered with its place.
_REGISTERING = ("spark", "databricks")
_DIALECTS = ("postgres", "trino", "spark", "databricks", "snowflake", "bigquery", "redshift")


def _place(context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and context.params.get("dialect") not in _REGISTERING:
        raise click.BadParameter(f"tables are registered for {' and '.join(_REGISTERING)} only.")
    return value


@click.command("sql")
@option("--dialect", type=click.Choice(_DIALECTS), required=True, help="Of which engine.")
@dataset_option()
@option(
    "--lake",
    metavar="URL",
    callback=_place,
    help="Spark and Databricks: where `replicate --destination delta` keeps its tables, so that they are registered.",
)
def sql_command(dialect: str, dataset: str, lake: str | None) -> int:
    """Print the statements that create every view over replicated tables, in an engine's dialect.

    For a lake first those that show its tables in the schema DATASET_raw. In PostgreSQL `replicate` makes these itself.
    """
    from flexprice_wallets.replicate.dialects import EXECUTED, SETTINGS, rendered_views
    from flexprice_wallets.replicate.reader_views import lake_statements

    if dialect in EXECUTED:
        say(
            f"-- The views of flexprice-wallets for {dialect}; the project's tests execute them there."
        )
    else:
        say(
            f"-- The views of flexprice-wallets for {dialect}, as sqlglot renders them.\n"
            f"-- Nobody has executed them on {dialect}: compare their answers before you rely on them."
        )
    for setting in SETTINGS.get(dialect, ()):
        say(f"\n{setting};")
    if dialect != "postgres":
        for statement in lake_statements(dialect, dataset, lake):
            say(f"\n{statement};")
    for view in rendered_views(dialect, raw_schema=f"{dataset}_raw", schema=dataset):
        for statement in view.statements(dialect):
            say(f"\n{statement};")
    return 0
