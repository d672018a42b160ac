"""The replication part of the benchmark: how long a large warehouse takes to other engines, and how one answers."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from flexprice_wallets.replicate.tables import ReplicatedTable, replicated_tables
from flexprice_wallets.warehouse.database import open_database
from flexprice_wallets.warehouse.sql_files import literal, quoted
from tests.benchmarks.generated_warehouse import Scale
from tests.benchmarks.measurement import WrongResult
from tests.benchmarks.process_tree import Run, run_measured
from tests.benchmarks.replicas import PostgresReplica, Replica, replicas
from tests.benchmarks.results import Section, megabytes, seconds
from tests.benchmarks.warehouse import (
    CHANGED_EVERY,
    TARGETS,
    add_snapshot,
    copied,
    make_warehouse,
    queries,
)
from tests.command_line import PROGRAM, environment
from tests.replicate.comparison import plain

#: Of a day's replication, on two cores.
MOST_SECONDS: Final = 60
MOST_MEMORY: Final = 1_000_000_000
#: What is asked of PostgreSQL, as of DuckDB.
ASKED: Final = ("one wallet: history", "all currencies: a year by day")

_FIRST: Final = "first replication"
_DAY: Final = "a day's: 5 % of the wallets changed"
#: Tens of millions of rows take their time; a program that hangs must not hold up the rest for ever.
_LONGEST_RUN: Final = 7200.0

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Replication:
    """One run of the command, and how many rows it sent; `server_cpu` is None where there is no server."""

    place: str
    step: str
    run: Run
    server_cpu: float | None
    rows: int


@dataclass(frozen=True, slots=True)
class Answered:
    """A question that both engines answered alike: medians in seconds, and how many rows there were."""

    name: str
    target: float
    postgres: float
    duckdb: float
    rows: int


def measure(
    wallets: int, folder: Path, *, say: Callable[[str], None], runs: int = 5
) -> list[Section]:
    """Replicate a generated warehouse of so many wallets, then a day's snapshot, and ask PostgreSQL.

    Args:
        wallets: how many.
        folder: keeps the generated warehouse, where there is not one already.
        say: is told what goes on.
        runs: of each question.

    Raises:
        WrongResult: other rows were sent than had to be, or the engines do not answer alike.
    """
    warehouse = folder / f"warehouse-{wallets}.duckdb"
    if not warehouse.exists():
        make_warehouse(warehouse, Scale(wallets))
    with copied(warehouse) as file, replicas(folder) as places:
        servers = [place for place in places if isinstance(place, PostgresReplica)]
        if not servers:
            say("PostgreSQL is not installed (its server, or psycopg2): only Iceberg is measured.")
        wanted = rows_to_send(None, file)
        done = [_replicate(file, place, _FIRST, wanted, say) for place in places]
        add_snapshot(file, CHANGED_EVERY)
        wanted = rows_to_send(warehouse, file)
        done += [_replicate(file, place, _DAY, wanted, say) for place in places]
        answered = [
            answer(name, query, file, server, runs)
            for server in servers
            for name, query in queries(wallets).items()
            if name in ASKED
        ]
    return [_replications(wallets, done), *([_views(answered)] if answered else [])]


def rows_to_send(before: Path | None, now: Path) -> dict[str, int]:
    """How many rows of each table bring a replica from one state to another; tables without any are left out.

    Found by comparing the rows themselves, where the program goes by hashes and times.
    """
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(now))} as now_ (read_only)")
        if before is not None:
            connection.execute(f"attach {literal(str(before))} as before_ (read_only)")
        counts = {
            table.name: _rows_to_send(connection, table, is_first=before is None)
            for table in replicated_tables()
        }
    return {name: count for name, count in counts.items() if count}


def _rows_to_send(
    connection: duckdb.DuckDBPyConnection, table: ReplicatedTable, *, is_first: bool
) -> int:
    now, before = (f"{catalog}.flexprice_raw.{table.name}" for catalog in ("now_", "before_"))
    if is_first:
        return _count(connection, f"from {now}")
    if table.appended_by is not None:
        return _count(connection, f"from {now}") - _count(connection, f"from {before}")
    columns = ", ".join(quoted(column.name) for column in table.columns)
    key = ", ".join(map(quoted, table.grain)) or "1"
    different = f"select {columns} from {now} except select {columns} from {before}"
    gone = f"select {key} from {before} except select {key} from {now}"
    return _count(connection, f"from ({different})") + _count(connection, f"from ({gone})")


def _count(connection: duckdb.DuckDBPyConnection, source: str) -> int:
    [(count,)] = connection.execute(f"select count(*) {source}").fetchall()
    return int(count)


def _replicate(
    warehouse: Path, place: Replica, step: str, wanted: Counts, say: Callable[[str], None]
) -> Replication:
    worked = place.server_cpu()
    run = run_measured(
        [*PROGRAM, "replicate", "--json", f"--destination={place.destination}",
         f"--database={warehouse}"],
        environment(warehouse.parent, **place.variables),
        warehouse.parent,
        with_memory=True,
        timeout=_LONGEST_RUN,
    )  # fmt: skip
    what = f"{place.name}, {step}"
    if run.code:
        raise WrongResult(f"{what}: it ended with {run.code}:\n{run.output[-3000:]}")
    told = json.loads(run.output.splitlines()[-1])["rows"]
    check_rows(f"{what}: sent", told, wanted)
    check_rows(f"{what}: arrived", place.arrived(), wanted)
    server_cpu = None
    if worked is not None:
        server_cpu = (place.server_cpu() or 0) - worked
    say(f"{what}: {run.wall:.1f} s, {megabytes(run.peak_memory)} MB")
    return Replication(place.name, step, run, server_cpu, sum(told.values()))


def check_rows(what: str, counted: Counts, wanted: Counts) -> None:
    """Make sure that the rows of each table are as many as had to be sent.

    Raises:
        WrongResult: they are more or fewer.
    """
    wrong = [
        f"{counted.get(name, 0)} rows of {name} instead of {wanted.get(name, 0)}"
        for name in sorted({*counted, *wanted})
        if counted.get(name, 0) != wanted.get(name, 0)
    ]
    if wrong:
        raise WrongResult(f"{what} {', '.join(wrong)}")


def answer(name: str, query: str, warehouse: Path, server: PostgresReplica, runs: int) -> Answered:
    """Ask both engines the same, by turns.

    Raises:
        WrongResult: they do not answer alike, or nothing.
    """
    times: dict[str, list[float]] = {"postgres": [], "duckdb": []}
    for _ in range(runs):
        duration, there = server.answer(f"select {query}")
        times["postgres"].append(duration)
        duration, here = _answer_of_duckdb(warehouse, query)
        times["duckdb"].append(duration)
        if not here or _comparable(here) != _comparable(there):
            raise WrongResult(
                f"{name}: {len(there)} rows of PostgreSQL are not the {len(here)} of DuckDB"
            )
    medians = {engine: statistics.median(durations) for engine, durations in times.items()}
    return Answered(name, TARGETS[name], medians["postgres"], medians["duckdb"], len(here))


def _answer_of_duckdb(warehouse: Path, query: str) -> tuple[float, list[tuple[Any, ...]]]:
    with open_database(warehouse, read_only=True) as connection:
        started = time.perf_counter()
        rows = connection.execute(f"select {query}").fetchall()
        return time.perf_counter() - started, rows


def _comparable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(map(plain, row)) for row in rows), key=repr)


def _replications(wallets: int, done: Sequence[Replication]) -> Section:
    rows = [
        (
            each.place,
            each.step,
            f"< {MOST_SECONDS}" if each.step == _DAY else "",
            seconds(each.run.wall),
            seconds(each.run.cpu),
            "—" if each.server_cpu is None else seconds(each.server_cpu),
            f"< {megabytes(MOST_MEMORY)}" if each.step == _DAY else "",
            megabytes(each.run.peak_memory),
            f"{each.rows:,}",
        )
        for each in done
    ]
    return Section(
        f"{wallets:,} wallets, replicated",
        "One run each, with memory sampled in it. CPU and memory are the command's, the server's CPU is beside. Rows "
        "are counted where they arrived.",
        (
            "to",
            "step",
            "target, s",
            "wall, s",
            "CPU, s",
            "server's CPU, s",
            "target, MB",
            "memory, MB",
            "rows sent",
        ),
        rows,
    )


def _views(answered: Sequence[Answered]) -> Section:
    rows = [
        (
            each.name,
            f"< {each.target:g}",
            seconds(each.postgres),
            seconds(each.duckdb),
            f"{each.rows:,}",
        )
        for each in answered
    ]
    return Section(
        "Views in PostgreSQL",
        "Medians in seconds after a day's replication, each with a connection of its own. Both give equal rows.",
        ("question", "target, s", "PostgreSQL, s", "DuckDB, s", "rows"),
        rows,
    )
