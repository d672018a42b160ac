"""Where the SQL files are, and how they are read for schemas of other names."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

RAW_SCHEMA: Final = "flexprice_raw"
SCHEMA: Final = "flexprice"

_PACKAGE: Final = Path(__file__).parent.parent
_SCHEMA_NAMES: Final = re.compile(r"(?<![\w.\"])(flexprice_raw|flexprice)(?=\.)")


@cache
def sql_folder() -> Path:
    """Return the folder of the SQL files: inside the installed package, else at the top of the checkout.

    Raises:
        FileNotFoundError: neither is there, so the installation is damaged.
    """
    for folder in (_PACKAGE / "sql", _PACKAGE.parent.parent / "sql"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the SQL files are neither in {_PACKAGE} nor in a checkout around it")


@cache
def sql_texts() -> tuple[tuple[str, str], ...]:
    """Return the name and the text of every file in the folder, descriptions included."""
    folder = sql_folder()
    return tuple(
        (path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob("*.*"))
        if path.suffix in (".sql", ".yml")
    )


@cache
def read_sql(name: str, *, raw_schema: str = RAW_SCHEMA, schema: str = SCHEMA) -> str:
    """Return the SQL of one file, its schemas renamed.

    Args:
        name: the file's path inside the folder without `.sql`, such as `wallets` or `upkeep/wallets`.
        raw_schema: schema of the tables that a load writes, any identifier.
        schema: schema of the views, any identifier.

    Raises:
        ValueError: both schemas have one name.
        FileNotFoundError: there is no such file.
    """
    if raw_schema.lower() == schema.lower():
        raise ValueError(f"tables and views cannot share the schema {schema!r}")
    text = (sql_folder() / f"{name}.sql").read_text(encoding="utf-8")
    return rename_schemas(text, raw_schema=raw_schema, schema=schema)


def rename_schemas(sql: str, *, raw_schema: str, schema: str) -> str:
    """Return SQL that names the usual schemas for schemas of other names."""
    names = {RAW_SCHEMA: quoted(raw_schema), SCHEMA: quoted(schema)}
    return _SCHEMA_NAMES.sub(lambda found: names[found[1]], sql)


def quoted(identifier: str) -> str:
    """Return an identifier as SQL takes it whatever it contains."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"
