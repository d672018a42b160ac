"""Where a warehouse's files are: everything lies beside the published file, on its file system."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from flexprice_wallets.errors import ConfigurationError

#: Names by which DuckDB knows databases and schemas of its own.
_TAKEN = frozenset({"system", "temp", "main", "memory", "pg_catalog", "information_schema"})
#: What DuckDB takes for something else in a path.
_ODD = re.compile(r"[?\\\x00-\x1f]")
_IS_PLAIN = re.compile(r"[\w\s/.,:;@=+~#&()-]*")


@dataclass(frozen=True, slots=True)
class WarehousePaths:
    """`published` is what people open; symbolic links are resolved, so that a link stays one."""

    published: Path

    @classmethod
    def of(
        cls,
        database: str | os.PathLike[str],
        raw_schema: str = "flexprice_raw",
        schema: str = "flexprice",
    ) -> WarehousePaths:
        """The paths of a database file: the one place where a given path is resolved.

        Raises:
            ConfigurationError: DuckDB could not tell the file and its schemas apart, or misreads the path.
        """
        try:
            published = Path(database).expanduser().resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ConfigurationError(
                f"The path {os.fspath(database)!r} cannot be resolved ({error}): name another --database."
            ) from None
        _check_names(published, raw_schema, schema)
        return cls(published)

    @property
    def lock(self) -> Path:
        return self.published.with_name(f".{self.published.name}.lock")

    @property
    def working_folder(self) -> Path:
        """The private folder of the run at work; there is none while nobody works."""
        return self.published.with_name(f".{self.published.name}.loading")

    @property
    def copy(self) -> Path:
        """The copy that the run loads into. Its name is the published one's, which is its catalog's name in DuckDB."""
        return self.working_folder / self.published.name

    @property
    def pipelines_folder(self) -> Path:
        """Where dlt's files go while a run is at work.

        dlt and DuckDB put this path into patterns and SQL texts, where quotes, percent signs and brackets mean
        something else: beside a warehouse with such a path it is a folder for temporary files.
        """
        if _IS_PLAIN.fullmatch(str(self.working_folder)):
            return self.working_folder / "dlt"
        name = hashlib.sha256(os.fsencode(self.working_folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"flexprice-wallets-{os.getuid()}-{name}"

    @property
    def run_file(self) -> Path:
        """Says who is at work."""
        return self.working_folder / "run.json"

    @property
    def foreign_wal(self) -> Path:
        """What a program that wrote into the published file leaves beside it."""
        return self.published.with_name(f"{self.published.name}.wal")


def _check_names(published: Path, raw_schema: str, schema: str) -> None:
    """Refuse names under which DuckDB would read one thing for another.

    DuckDB calls a database by its file's name up to the first dot, and takes the first part of `a.b` for a database
    where there is one of that name.
    """
    if _ODD.search(os.fspath(published)):
        raise ConfigurationError(
            f"The path {os.fspath(published)!r} has a character that DuckDB reads otherwise (a question mark, a "
            "backslash or a control character): name another --database."
        )
    catalog = published.name.split(".")[0].lower()
    for option, name in (("--raw-schema", raw_schema.lower()), ("--schema", schema.lower())):
        if name in _TAKEN:
            raise ConfigurationError(
                f"{option} {name!r} is a name of DuckDB's own: name another schema."
            )
        if catalog == name:
            raise ConfigurationError(
                f"DuckDB cannot tell the file {published.name} from its schema {name!r}: rename the file, such as to "
                "warehouse.duckdb."
            )
    if catalog in _TAKEN:
        raise ConfigurationError(
            f"DuckDB has a database {catalog!r} of its own, so it cannot open {published.name}: rename the file, such "
            "as to warehouse.duckdb."
        )
