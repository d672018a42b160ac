"""The programs that are compared: how each is called, and how its warehouse is counted."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from tests.benchmarks.environments import PEERS, environment_of, version_in

API_KEY: Final = "sk_benchmark_0123456789"

#: What a load writes besides rows of data: its own row, dlt's, and what the views are made fast by.
_BOOKS: Final = "^(snapshots|warehouse|stored_.*|_dlt_.*)$"


@dataclass(frozen=True, slots=True)
class Program:
    """A program that loads all customers' wallets into a DuckDB file of its own in the working folder.

    `script` is a file in `peers/`; a program without one is this project. `packages` are those that its speed hangs on,
    `how` says how it is tuned and what it leaves out.
    """

    name: str
    database: str
    count_wallets: str
    how: str
    script: str = ""
    peer: str = ""
    packages: tuple[str, ...] = ()

    @property
    def is_this_project(self) -> bool:
        return not self.peer

    def home(self, *, install: bool) -> Path:
        """The environment it runs in.

        Raises:
            NotInstalled: it is not here.
        """
        return environment_of(self.peer, install=install) if self.peer else Path(sys.prefix)

    def versions(self, home: Path) -> str:
        """Its packages with their versions."""
        return ", ".join(f"{package} {version_in(home, package)}" for package in self.packages)

    def command(self, home: Path) -> list[str]:
        """The command line: this project's with default options; a peer learns of its connections by a variable."""
        if self.is_this_project:
            return [str(home / "bin" / "flexprice-wallets"), "load"]
        return [str(home / "bin" / "python"), str(PEERS / self.script)]

    def variables(
        self, folder: Path, home: Path, base_url: str, connections: int
    ) -> dict[str, str]:
        """The environment variables: an empty home, and no settings but these."""
        kept = {
            name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ
        }
        return kept | {
            "PATH": os.pathsep.join((str(home / "bin"), os.environ.get("PATH", os.defpath))),
            "HOME": str(folder),
            # dlt keeps its files elsewhere than in the home where the user is root.
            "DLT_DATA_DIR": str(folder / ".dlt-data"),
            "PYTHONNOUSERSITE": "1",
            "FLEXPRICE_API_KEY": API_KEY,
            "FLEXPRICE_BASE_URL": base_url,
            "CONNECTIONS": str(connections),
        }

    def wallets(self, folder: Path) -> int:
        """How many wallets its warehouse holds."""
        return self._number(folder, self.count_wallets)

    def rows(self, folder: Path) -> int:
        """How many rows of data this project's warehouse holds, in all tables; 0 where there is none yet."""
        if not (folder / self.database).exists():
            return 0
        with duckdb.connect(str(folder / self.database), read_only=True) as connection:
            tables = connection.execute(
                "select table_name from duckdb_tables() where schema_name = 'flexprice_raw'"
                " and not regexp_matches(table_name, ?)",
                [_BOOKS],
            ).fetchall()
        return sum(
            self._number(folder, f"select count(*) from flexprice_raw.{t}") for (t,) in tables
        )

    def transactions(self, folder: Path) -> int:
        """How many transactions of the ledger this project's warehouse holds."""
        return self._number(folder, "select count(*) from flexprice.wallet_transactions")

    def _number(self, folder: Path, query: str) -> int:
        with duckdb.connect(str(folder / self.database), read_only=True) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None, "a query of a number gives a row"
        return int(row[0])


THIS: Final = Program(
    "flexprice-wallets",
    "warehouse.duckdb",
    "select count(*) from flexprice.wallets",
    "as it is installed, with default options; with history, checks, views and publishing",
    packages=("dlt", "duckdb", "requests", "urllib3", "pyarrow"),
)
AIOHTTP: Final = Program(
    "aiohttp script",
    "peer.duckdb",
    "select count(distinct id) from wallets",
    "one process on uvloop, orjson, one insert of an Arrow table; no history, no retries",
    "aiohttp_script.py",
    "aiohttp",
    ("aiohttp", "uvloop", "orjson", "pyarrow", "duckdb"),
)
DLT: Final = Program(
    "dlt rest_api",
    "peer.duckdb",
    "select count(distinct id) from flexprice.wallets",
    "parallelized children, a worker for each connection, one session, pages of 100, parquet",
    "dlt_rest_api.py",
    "dlt",
    ("dlt", "duckdb", "pyarrow"),
)
SINGER: Final = Program(
    "singer-sdk",
    "peer.duckdb",
    "select count(distinct id) from flexprice.wallets",
    "a tap piped into target-duckdb; the SDK asks for children one after another",
    "singer_pipe.py",
    "singer",
    ("singer-sdk", "target-duckdb", "duckdb"),
)
AIRBYTE: Final = Program(
    "airbyte-cdk",
    "peer.duckdb",
    "select count(distinct id) from wallets",
    "a thread for each connection; a script inserts the records as one Arrow table",
    "airbyte_source.py",
    "airbyte",
    ("airbyte-cdk", "duckdb"),
)

PROGRAMS: Final = (THIS, AIOHTTP, DLT, SINGER, AIRBYTE)
