"""Names that DuckDB and dlt take as they are, and can tell apart. Pure."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from flexprice_wallets.errors import ConfigurationError

#: Schemas and catalogs of DuckDB's own; tables of anybody else cannot be made, or not be found, in them.
_OF_DUCKDB: Final = frozenset({"temp", "system", "memory", "information_schema", "pg_catalog"})
#: What each DuckDB gives the catalog of a file with such a name, so that it can be told from its own.
_RENAMED: Final = {name: f"{name}_db" for name in ("main", "temp", "system")}
#: Catalogs that hide a schema which tools look into.
_HIDING: Final = frozenset({"information_schema", "pg_catalog"})
#: dlt adds to a table's schema where it keeps what is being loaded.
_STAGING: Final = "_staging"
_LONGEST_SCHEMA: Final = 60
#: Bytes of a file's name on every usual file system, and those that the names beside it are longer.
_LONGEST_NAME: Final = 255
_LONGEST_AFFIX: Final = len("..loading")


def check_path(path: Path) -> None:
    """Make sure that DuckDB can open a file at this resolved path, and that files can be named after it.

    Raises:
        ConfigurationError: where it cannot.
    """
    text = str(path)
    shown = ascii(text)[1:-1]
    # DuckDB takes what follows a question mark for options, and from 2.0 on a backslash for a slash.
    for character, name in (("?", "a question mark"), ("\\", "a backslash"), ("\0", "a zero byte")):
        if character in text and character != os.sep:
            raise ConfigurationError(
                f"--database {shown} has {name} in its path, which DuckDB takes for something else: "
                "name another place."
            )
    try:
        name_bytes = path.name.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"--database {shown} is not UTF-8, which DuckDB needs: name another place."
        ) from None
    if len(name_bytes) + _LONGEST_AFFIX > _LONGEST_NAME:
        raise ConfigurationError(
            f"--database has a file name of {len(name_bytes)} bytes, and at most {_LONGEST_NAME - _LONGEST_AFFIX} fit: "
            "name it more shortly."
        )


def schema_fault(name: str) -> str | None:
    """Why a schema cannot have this name, as the end of a sentence; None where it can."""
    # dlt writes other names in its own way, and then the tables would not be where they are looked for.
    is_plain = name.isascii() and name.isidentifier() and name == name.lower()
    if not is_plain or "__" in name or name.endswith("_") or len(name) > _LONGEST_SCHEMA:
        return (
            "is no plain name: use lower-case letters, digits and single underscores "
            f"between them, at most {_LONGEST_SCHEMA}"
        )
    if name in _OF_DUCKDB:
        return "is a name of DuckDB's own: choose another one"
    return None


def schemas_fault(raw_schema: str, schema: str) -> str | None:
    """Why tables and views cannot have these two schemas, each of which can be one; None where they can."""
    if raw_schema == schema:
        return f"{schema!r} is the name of the other schema, too: tables and views need one each"
    if schema == raw_schema + _STAGING:
        return f"{schema!r} is where dlt keeps what it is about to load: choose another one"
    return None


def check_names(published: Path, raw_schema: str, schema: str) -> None:
    """Make sure that a warehouse at this resolved path can be written, with schemas of these names.

    Raises:
        ConfigurationError: where it cannot.
    """
    check_schemas(raw_schema, schema)
    check_file_name(published, raw_schema, schema)


def check_schemas(raw_schema: str, schema: str) -> None:
    """Make sure that tables and views can have schemas of these names.

    Raises:
        ConfigurationError: where they cannot.
    """
    for option, name in (("raw_schema", raw_schema), ("schema", schema)):
        if fault := schema_fault(name):
            raise ConfigurationError(f"The {option} {name!r} {fault}.")
    if fault := schemas_fault(raw_schema, schema):
        raise ConfigurationError(f"The schema {fault}.")


def check_file_name(published: Path, raw_schema: str, schema: str) -> None:
    """Make sure that a file's catalog can be told from the schemas in it, by whoever opens the file.

    DuckDB names the catalog after the file. In `flexprice.duckdb` the name `flexprice.wallets` could be a table of the
    catalog or of the schema `flexprice`: no tool, and no view in the file, could use it.

    Raises:
        ConfigurationError: where it cannot.
    """
    catalog = catalog_of(published)
    if catalog in {raw_schema, raw_schema + _STAGING, schema, *_HIDING}:
        raise ConfigurationError(
            f"In a file called {published.name} DuckDB cannot tell the database {catalog} from the schema {catalog}: "
            "name the file otherwise (an existing one can be renamed)."
        )


def catalog_of(path: Path) -> str:
    """What DuckDB calls the catalog of a file at this path, in lower case."""
    stem = path.name.lstrip(".").split(".")[0].lower()
    return _RENAMED.get(stem, stem)
