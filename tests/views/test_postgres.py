"""The views, unchanged, on PostgreSQL: they must say there what they say in DuckDB.

A throwaway server is started on a Unix socket, as another user where the tests run as root.
"""

from __future__ import annotations

import csv
import io
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.descriptions import views
from flexprice_wallets.warehouse.sql_files import sql_folder
from flexprice_wallets.warehouse.upkeep import rebuild_stored
from tests.views.columns import view_columns
from tests.views.history import History, wallet
from tests.views.ledger import LedgerHistory
from tests.views.random_history import random_history
from tests.views.random_ledger import random_ledger

NULL = r"\N"
TYPES = {
    "VARCHAR": "text",
    "JSON": "json",
    "BOOLEAN": "boolean",
    "BIGINT": "bigint",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
}
#: What depends on the moment of asking.
OF_THE_MOMENT = {"last_snapshot_age_seconds", "last_complete_snapshot_age_seconds"}
#: DuckDB divides decimals as floats.
DIVIDED = re.compile(r"^(credits_per_day|days_left|observed_share)_")


@dataclass(frozen=True)
class Server:
    """A running server and who may talk to it."""

    programs: Path
    folder: Path
    user: str | None

    def psql(self, script: str) -> str:
        """Run a script, stopping at the first error, and return what it prints."""
        done = subprocess.run(
            [self.programs / "psql", "-X", "-q", "-h", self.folder, "-U", "tester", "-d", "postgres",
             "-v", "ON_ERROR_STOP=1", "-f", "-"],
            input=script, text=True, capture_output=True, check=False, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, view: str) -> tuple[list[str], list[list[str]]]:
        """Return the names of a view's columns and its rows as text."""
        text = self.psql(
            f"copy (select * from {view}) to stdout with (format csv, header, null '{NULL}');"
        )
        header, *rows = csv.reader(io.StringIO(text))
        return header, rows


def programs() -> Path | None:
    """The folder of the server's programs and of psql: on the path, or where Debian keeps them."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    needed = ("initdb", "pg_ctl", "postgres", "psql")
    return next((f for f in folders if all((f / name).exists() for name in needed)), None)


def other_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL's server (initdb, pg_ctl, postgres, psql) is not installed")
    user = other_user()
    if user is None and os.geteuid() == 0:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres or nobody")
    # A short path: that of a socket may not exceed some hundred characters.
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        _run(
            [
                where / "initdb",
                "-D",
                data,
                "-U",
                "tester",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
            ],
            user,
        )
        options = f"-c listen_addresses='' -c timezone=Asia/Tokyo -c fsync=off -k {folder}"
        _run(
            [where / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], user
        )
        try:
            yield Server(where, folder, user)
        finally:
            _run([where / "pg_ctl", "-D", data, "-m", "immediate", "stop"], user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[Any], user: str | None) -> None:
    done = subprocess.run(
        command, user=user, text=True, capture_output=True, check=False, cwd="/",
        stdin=subprocess.DEVNULL, env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def warehouses(server):
    """The same warehouse in DuckDB and in PostgreSQL."""
    history = random_history(1)
    thresholds = [("critical", 10, "below"), ("info", 50, None)]
    metadata = {"plan": "pro", 'a "key"': "", "ü": "{}"}
    last = wallet(
        "t1",
        30,
        thresholds=thresholds,
        price_types=["USAGE", "FIXED"],
        name='Ä, "b"',
        metadata=metadata,
    )
    history.snapshot(history.snapshots[-1].at + timedelta(hours=1), [last])
    connection = _with_a_ledger(history).warehouse()
    connection.execute(
        """update flexprice_raw.customers set metadata = '{"plan": "pro", "ü": ""}'"""
    )
    connection.execute(
        "insert into flexprice_raw.exchange_rates "
        "select distinct date_day, lower(currency), 'eur', 1.0842 "
        "from flexprice.currency_balance_daily where lower(currency) <> 'eur' and day(date_day) % 2 = 0"
    )
    rebuild_stored(connection)
    create_views(connection)
    script = ["create schema flexprice_raw;", "create schema flexprice;"]
    tables = connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'flexprice_raw' order by table_name"
    ).fetchall()
    for (table,) in tables:
        described = connection.execute(f"describe flexprice_raw.{table}").fetchall()
        columns = ", ".join(f'"{name}" {_postgres_type(kind)}' for name, kind, *_ in described)
        script.append(f"create table flexprice_raw.{table} ({columns});")
        script.append(f"copy flexprice_raw.{table} from stdin with (format csv, null '{NULL}');")
        rows = connection.execute(f"from flexprice_raw.{table}").fetchall()
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            [[_text(value) for value in row] for row in rows]
        )
        script.append(text.getvalue() + r"\.")
    script += [
        (sql_folder() / f"{view.name}.sql").read_text(encoding="utf-8")
        for view in views()
        if view.type == "view"
    ]
    server.psql("\n".join(script))
    return connection, server


def _with_a_ledger(history: History) -> LedgerHistory:
    """The last snapshots read a ledger, which explains little of what the wallets held."""
    ledger, _ = random_ledger(1, snapshots=2)
    before = [None] * (len(history.snapshots) - 2)
    return LedgerHistory(history, [*before, *ledger.ledgers])


@pytest.mark.parametrize(
    "view", [v for v in views() if v.type == "view"], ids=lambda view: view.name
)
def test_a_view_says_the_same_on_postgresql(warehouses, view):
    connection, server = warehouses
    header, rows = server.rows(f"flexprice.{view.name}")
    assert header == view_columns()[view.name]
    answer = connection.execute(f"from flexprice.{view.name}")
    kinds = [str(column[1]) for column in answer.description]
    expected = answer.fetchall()
    assert expected
    compared = [number for number, name in enumerate(header) if name not in OF_THE_MOMENT]
    assert sorted(
        ([_plain(row[n], header[n]) for n in compared] for row in expected), key=repr
    ) == sorted(
        ([_parsed(row[n], kinds[n], header[n]) for n in compared] for row in rows), key=repr
    )


def _postgres_type(kind: str) -> str:
    return TYPES.get(kind) or kind.replace("DECIMAL", "numeric").lower()


def _text(value: Any) -> str:
    if value is None:
        return NULL
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _plain(value: Any, name: str) -> Any:
    if isinstance(value, Decimal):
        return _number(value, name)
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return None if value is None else value if isinstance(value, bool | int) else str(value)


def _parsed(text: str, kind: str, name: str) -> Any:
    if text == NULL:
        return None
    if kind.startswith("DECIMAL"):
        return _number(Decimal(text), name)
    if kind == "BIGINT":
        return int(text)
    if kind == "BOOLEAN":
        return {"t": True, "f": False}[text]
    if kind.startswith("TIMESTAMP"):
        return datetime.fromisoformat(text).astimezone(UTC)
    return text


def _number(value: Decimal, name: str) -> Decimal:
    places = Decimal("0.01") if DIVIDED.match(name) else Decimal("1e-16")
    return value.quantize(places).normalize()
