"""Environments of their own for tools that cannot share ours; kept in the checkout, where git ignores them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

from filelock import FileLock

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
}


def python_of(name: str) -> Path:
    """The interpreter of an environment, made when it is first asked for.

    Raises:
        RuntimeError: pip cannot make it.
    """
    packages = ENVIRONMENTS[name]
    folder = HOME / name
    python = folder / "bin" / "python"
    made_of = folder / "made-of.txt"
    recipe = "\n".join((str(CHECKOUT), sys.version, *packages))
    HOME.mkdir(exist_ok=True)
    with FileLock(HOME / f"{name}.lock"):
        if made_of.is_file() and made_of.read_text(encoding="utf-8") == recipe:
            return python
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False, symlinks=True)
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
        done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the environment {name} cannot be made: {done.stderr.strip()}")
        made_of.write_text(recipe, encoding="utf-8")
    return python
