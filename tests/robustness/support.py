"""Loads to be disturbed: in this process where nothing kills them, as a command where something does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import requests

import flexprice_wallets
from flexprice_emulator import Emulator
from flexprice_wallets.extract.api_options import ApiOptions, Timeouts
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.secret import Secret
from flexprice_wallets.snapshot.load import LoadResult, load
from flexprice_wallets.snapshot.options import LoadOptions

#: Where the packages are, for processes that do not inherit this one's path.
SOURCES = Path(flexprice_wallets.__file__).parents[1]
REPOSITORY = Path(__file__).parents[2]
#: A busy machine may take so long for anything.
PATIENCE = 60.0

QUICK_RETRIES = RetryPolicy(attempts=8, total_time=60.0, first_delay=0.02, longest_delay=0.3)
FEW_RETRIES = RetryPolicy(attempts=3, total_time=10.0, first_delay=0.02, longest_delay=0.1)
SHORT_TIMEOUTS = Timeouts(connect=5.0, read=1.0, answer=2.0)

#: Rows of the warehouse that two loads of the same world share: all but the machine's own times and counts.
_OF_THE_MACHINE = frozenset(
    {
        "observed_at",
        "started_at",
        "finished_at",
        "failed_at",
        "found_at",
        "api_requests",
        "api_retries",
        "attempts",
        "_dlt_load_id",
        "_dlt_id",
        "loaded_at",
    }
)


def api_options(emulator: Emulator, **settings: Any) -> ApiOptions:
    return ApiOptions(
        Secret(emulator.api_key),
        emulator.base_url,
        **{"retries": QUICK_RETRIES, "timeouts": SHORT_TIMEOUTS, **settings},
    )


def snapshot(
    emulator: Emulator, database: Path, api: Mapping[str, Any] | None = None, **options: Any
) -> LoadResult:
    """Load in this process, with short waits."""
    return load(LoadOptions(api_options(emulator, **(api or {})), database, **options))


def query(database: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows of a query on the published file, with times in UTC."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql).fetchall()


def value(database: Path, sql: str) -> Any:
    [(only,)] = query(database, sql)
    return only


def snapshot_count(database: Path) -> int:
    if not database.exists():
        return 0
    return int(value(database, "select count(*) from flexprice_raw.snapshots"))


def version_rows(database: Path) -> dict[str, int]:
    """Rows of every table that a load writes, but for `snapshots`."""
    return {
        name: value(database, f"select count(*) from flexprice_raw.{name}")
        for (name,) in query(
            database,
            "select table_name from duckdb_tables() where schema_name = 'flexprice_raw' "
            "and not starts_with(table_name, '_dlt') and not starts_with(table_name, 'stored_') "
            "and table_name <> 'snapshots' order by table_name",
        )
    }


_FIGURES = (
    "balance",
    "credit_balance",
    "real_time_balance",
    "real_time_credit_balance",
    "current_period_usage",
    "unpaid_invoices_amount",
)
_TEXTS = ("customer_id", "currency", "wallet_type", "wallet_status", "name", "description")


def wrong_values(database: Path, truth: Mapping[str, Any]) -> list[str]:
    """Where `flexprice.wallets` differs from the emulator's truth; empty where every value of every wallet is right."""
    columns = (*_TEXTS, *_FIGURES, "conversion_rate", "free_credits", "purchased_credits")
    names = ", ".join(columns)
    found = {
        wallet_id: dict(zip(columns, values, strict=True))
        for wallet_id, *values in query(
            database, f"select wallet_id, {names} from flexprice.wallets where is_listed"
        )
    }
    listed = {key for key, each in truth["customers"].items() if each["is_listed"]}
    expected = {
        key: wallet
        for key, wallet in truth["wallets"].items()
        if wallet["is_listed"] and wallet["customer_id"] in listed
    }
    wrong = [f"{key} is missing" for key in expected.keys() - found.keys()]
    wrong += [f"{key} should not be there" for key in found.keys() - expected.keys()]
    for key in expected.keys() & found.keys():
        wallet, row = expected[key], found[key]
        available = wallet["credits_available_breakdown"]
        wanted = {
            **{name: wallet[name] for name in (*_TEXTS, *_FIGURES, "conversion_rate")},
            "free_credits": available["free"],
            "purchased_credits": available["purchased"],
        }
        wrong += [
            f"{key}: {name} is {row[name]!r}, expected {wanted[name]!r}"
            for name in wanted
            if not _same(row[name], wanted[name])
        ]
    return wrong


def _same(found: Any, expected: Any) -> bool:
    # Nothing is pending where the API leaves the fields out.
    return bool(found == expected or (found is None and expected in (None, Decimal(0), "")))


def contents(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table and view, without what differs between two runs on the same world."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        columns = connection.execute(
            "select schema_name, table_name, list(column_name order by column_index) from duckdb_columns() "
            "where schema_name in ('flexprice', 'flexprice_raw') and not starts_with(table_name, '_dlt') "
            "group by all"
        ).fetchall()
        rows = {}
        for schema, table, names in columns:
            kept = [f'"{name}"' for name in names if not _is_of_the_machine(name)]
            rows[f"{schema}.{table}"] = connection.execute(
                f'select {", ".join(kept)} from "{schema}"."{table}" order by all'
            ).fetchall()
    return rows


def _is_of_the_machine(name: str) -> bool:
    return (
        name in _OF_THE_MACHINE
        or name.endswith(("_observed_at", "_age", "_seconds"))
        or name == "age"
    )


def leftovers(database: Path) -> set[str]:
    """Files beside the published one that a run which ended in order does not leave."""
    return {path.name for path in database.parent.iterdir()} - {
        database.name,
        f".{database.name}.lock",
    }


# --- The command ----------------------------------------------------------------------------------


@dataclass
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str
    seconds: float


class Command:
    """`flexprice-wallets` (or another program) as a process of its own, with an environment of its own."""

    def __init__(
        self,
        *arguments: str | Path,
        environment: Mapping[str, str],
        cwd: Path,
        program: tuple[str, ...] = ("-m", "flexprice_wallets"),
        **popen: Any,
    ) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            env=dict(environment),
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **popen,
        )

    def wait(self, seconds: float = PATIENCE) -> Finished:
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"still running after {seconds} s\n{out}\n{err}") from None
        return Finished(self.process.returncode, out, err, time.monotonic() - self._started)

    def end_by(self, number: signal.Signals) -> Finished:
        """Send a signal; the seconds are those from then on."""
        self._started = time.monotonic()
        self.process.send_signal(number)
        return self.wait()


def environment(home: Path, base_url: str, api_key: str, **more: str) -> dict[str, str]:
    """The environment of a command that inherits nothing but the path."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{SOURCES}{os.pathsep}{REPOSITORY}",
        "HOME": str(home),
        "FLEXPRICE_BASE_URL": base_url,
        "FLEXPRICE_API_KEY": api_key,
        **more,
    }


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.005)


def family_of(process: int) -> list[int]:
    """A process and all its descendants."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:
        return []
    return [process, *(each for child in children for each in family_of(int(child)))]


def slowness() -> float:
    """How many times longer than alone a process takes now that others are at work: wall time by CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    while time.process_time() - cpu < 0.1:
        pass
    return max(1.0, (time.perf_counter() - wall) / (time.process_time() - cpu))


class EmulatorProcess:
    """An emulator in a process of its own, so that it takes no time from the one that loads; moved over HTTP."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._control = base_url.removesuffix("/v1") + "/_emulator"

    def post(self, path: str, **body: Any) -> Any:
        answer = requests.post(f"{self._control}/{path}", json=body, timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self._control}/{path}", timeout=PATIENCE)
        answer.raise_for_status()
        return answer.json()

    def clear_faults(self) -> None:
        requests.delete(f"{self._control}/faults", timeout=PATIENCE).raise_for_status()


@contextmanager
def emulator_process(api_key: str = "emulator-key", **options: object) -> Iterator[EmulatorProcess]:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "flexprice_emulator",
            f"--api-key={api_key}",
            "--lifetime=3600",
            *flags,
        ],
        env={**os.environ, "PYTHONPATH": str(SOURCES)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield EmulatorProcess(line.split()[0].removeprefix("base_url="))
    finally:
        process.terminate()
        process.wait(PATIENCE)
