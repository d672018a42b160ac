"""Environments of their own for tools that cannot share ours; kept in the checkout, where git ignores them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.environments import python_with

CHECKOUT: Final = Path(__file__).resolve().parents[2]
HOME: Final = CHECKOUT / ".venv-bi"

#: What each environment holds, beside pip. The clients are those that BI tools come with.
ENVIRONMENTS: Final = {
    "duckdb-1.2": ("duckdb==1.2.*", "pytz"),
    # 1.4.0 and 1.4.1 cannot call a macro with several CTEs: "Table with name held does not exist".
    "duckdb-1.4": ("duckdb==1.4.*,>=1.4.2", "pytz"),
    "duckdb-1.5": ("duckdb==1.5.*", "pytz"),
    "duckdb-2.0": ("duckdb==2.0.*", "pytz"),
    "command-line": ("duckdb-cli==1.5.*",),
    # As long as the dialect does not allow DuckDB 2.0.
    "sqlalchemy": ("duckdb-sqlalchemy==1.5.*", "duckdb==1.5.*", "sqlalchemy>=2.1,<2.2", "pytz"),
    "dataframes": (
        "duckdb==1.5.*",
        "polars>=2,<3",
        "pandas>=3,<4",
        "pyarrow>=18",
        "adbc-driver-manager>=1.8,<2",
        "pytz",
    ),
    # Superset 6.1 keeps to SQLAlchemy 1.4, for which there is only the older dialect. It does not declare cachetools
    # and rich, and breaks with Flask-Caching 2.4 and later.
    "superset": (
        "apache-superset==6.1.*",
        "duckdb-engine==0.17.*",
        "duckdb==1.5.*",
        "pytz",
        "cachetools",
        "rich",
        "flask-caching==2.3.*",
    ),
    # Without wheels only, pip would pick versions of dbt's dependencies that it cannot build.
    "dbt": (
        "--only-binary=:all:",
        "dbt-core==1.12.*",
        "dbt-duckdb==1.11.*",
        "duckdb==1.5.*",
        "pytz",
    ),
}


def python_of(name: str) -> Path:
    """The interpreter of an environment, made when it is first asked for.

    Raises:
        RuntimeError: pip cannot make it.
    """
    return python_with(HOME / name, ENVIRONMENTS[name])
