"""`flexprice-wallets sql`: the views' statements, for those who create them themselves."""

from __future__ import annotations

import click

from flexprice_wallets.commands.options import option
from flexprice_wallets.commands.output import say
from flexprice_wallets.commands.replicate import dataset_option

_DIALECTS = ("postgres", "trino", "spark", "databricks", "snowflake", "bigquery", "redshift")


@click.command("sql")
@option("--dialect", type=click.Choice(_DIALECTS), required=True, help="Of which engine.")
@dataset_option()
def sql_command(dialect: str, dataset: str) -> int:
    """Print the statements that create every view over replicated tables, in an engine's dialect.

    The tables are taken to be in the schema DATASET_raw.
    """
    from flexprice_wallets.replicate.dialects import EXECUTED, SETTINGS, rendered_views

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
    for view in rendered_views(dialect, raw_schema=f"{dataset}_raw", schema=dataset):
        say(f"\ncreate or replace view {dataset}.{view.name} as\n{view.query};")
    return 0
