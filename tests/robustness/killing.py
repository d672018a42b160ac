"""Kills loads at random instants and compares what comes of them with a twin that nobody disturbs."""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from flexprice_emulator import Emulator, Fault, Rates
from flexprice_wallets.snapshot.limits import Limits, Tolerance
from tests.robustness.killable import STEPS
from tests.robustness.support import (
    Command,
    Finished,
    contents,
    environment,
    leftovers,
    snapshot,
    snapshot_count,
    value,
)

#: Much happens between two snapshots, so that a row lost or written twice would show.
RATES = Rates.with_ledger(
    debit=0.3,
    top_up=0.2,
    meter_usage=0.3,
    freeze=0.05,
    close=0.03,
    hard_delete=0.02,
    set_name=0.1,
    move_wallet=0.02,
)
ANY_NUMBER = Limits(Tolerance.parse("100%"), Tolerance.parse("100%"))
STEP_NAMES = ("starting", *STEPS, "replaced")
_KILLED = -9


@dataclass
class Tally:
    """What was done to the loads, and what became of it."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    retries: int = 0
    runs: int = 0
    snapshots: int = 0
    leftovers_removed: int = 0
    rows: int = 0
    rows_wrong: int = 0
    mistakes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        by_step = "\n".join(f"    {step:<18} {self.kills[step]:>4}" for step in STEP_NAMES)
        return (
            f"kills            {self.kills.total():>6}\n{by_step}\n"
            f"faults injected  {self.faults:>6}\n"
            f"retries          {self.retries:>6}\n"
            f"runs             {self.runs:>6}\n"
            f"snapshots        {self.snapshots:>6}\n"
            f"leftovers gone   {self.leftovers_removed:>6}\n"
            f"rows compared    {self.rows:>6}\n"
            f"rows wrong       {self.rows_wrong:>6}"
        )


class Killing:
    """One warehouse whose loads are killed, and its twin."""

    def __init__(self, emulator: Emulator, folder: Path, seed: int) -> None:
        self._emulator = emulator
        self._random = Random(seed)
        self._folder = folder.resolve()
        (self._folder / "disturbed").mkdir()
        (self._folder / "twin").mkdir()
        self.database = self._folder / "disturbed" / "warehouse.duckdb"
        self.twin = self._folder / "twin" / "warehouse.duckdb"
        self._at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=60)
        #: Seconds that each step took last, from its begin to the next one's.
        self._lengths = dict.fromkeys(STEP_NAMES, 0.05)
        self._order: list[str] = []
        self.tally = Tally()

    def run(self, kills: int, kills_per_snapshot: int) -> Tally:
        """Kill so many loads, so many of each snapshot, and compare after every snapshot."""
        self._next_snapshot(kills=0, remaining=0)
        while (killed := self.tally.kills.total()) < kills:
            self._next_snapshot(kills_per_snapshot, kills - killed)
        self.tally.faults = self._emulator.faults.counts.total()
        self.tally.retries = int(
            value(self.database, "select sum(api_retries) from flexprice_raw.snapshots")
        )
        return self.tally

    def _next_snapshot(self, kills: int, remaining: int) -> None:
        emulator, tally = self._emulator, self.tally
        self._at += timedelta(hours=7)
        emulator.world.set_time(self._at)
        emulator.world.advance(timedelta(0), rates=RATES)
        before = snapshot_count(self.database)
        emulator.faults.clear()
        snapshot(emulator, self.twin, limits=ANY_NUMBER, snapshot_at=self._at)
        if tally.snapshots:
            emulator.faults.add(Fault("server_error", rate=0.05))
            emulator.faults.add(Fault("reset", rate=0.03))
            emulator.faults.add(Fault("truncated", rate=0.03))
        for _ in range(min(kills, remaining)):
            if self._kill_one(before):
                break
        else:
            self._complete()
        tally.snapshots += 1
        self._compare()

    def _kill_one(self, before: int) -> bool:
        """Kill a load; returns whether it had published all the same."""
        step = self._next_step()
        delay = (
            0.0
            if step in ("replacing", "replaced")
            else self._random.uniform(0, self._lengths[step])
        )
        fingerprint = _fingerprint(self.database)
        is_left_over = bool(leftovers(self.database))
        ended = self._load(f"{step} {delay}")
        self._check_report(ended, is_left_over, step)
        if ended.code != _KILLED:
            # It had ended before its moment came.
            self._check(ended.code == 0, f"{step}: exit {ended.code}: {ended.err[-300:]}")
        else:
            self.tally.kills[self._last_step()] += 1
        after = snapshot_count(self.database)
        self._check(after in (before, before + 1), f"{step}: {after} snapshots after {before}")
        if after == before:
            self._check(
                _fingerprint(self.database) == fingerprint, f"{step}: the published file changed"
            )
        return after > before

    def _complete(self) -> None:
        is_left_over = bool(leftovers(self.database))
        ended = self._load("")
        self._check(ended.code == 0, f"not killed: exit {ended.code}: {ended.err[-300:]}")
        self._check_report(ended, is_left_over, "not killed")
        self._check(leftovers(self.database) == set(), f"left {leftovers(self.database)}")
        self._measure()

    def _check_report(self, ended: Finished, is_left_over: bool, step: str) -> None:
        if is_left_over and STEP_NAMES.index(self._last_step()) > STEP_NAMES.index("importing"):
            self._check(
                "An earlier run was killed" in ended.err, f"{step}: leftovers were not reported"
            )
            self.tally.leftovers_removed += 1

    def _compare(self) -> None:
        expected, found = contents(self.twin), contents(self.database)
        self._check(expected.keys() == found.keys(), "the tables differ")
        self.tally.rows = sum(map(len, expected.values()))
        for table, rows in expected.items():
            wrong = Counter(rows)
            wrong.subtract(Counter(found.get(table, [])))
            if count := sum(map(abs, wrong.values())):
                self.tally.rows_wrong += count
                self._check(
                    False,
                    f"{table}: {count} rows differ, such as {next(k for k, n in wrong.items() if n)}",
                )

        books = "select count(*) from flexprice.ledger_reconciliation where state = 'differs'"
        self._check(value(self.database, books) == 0, "the books do not close")

    def _load(self, kill_at: str) -> Finished:
        self.tally.runs += 1
        self._steps_file.write_text("")
        command = Command(
            "load",
            f"--database={self.database}",
            f"--snapshot-at={self._at.isoformat()}",
            "--max-failures=100%",
            "--max-vanished=100%",
            program=("-m", "tests.robustness.killable"),
            environment=environment(
                self._folder,
                self._emulator.base_url,
                self._emulator.api_key,
                KILLABLE_AT=kill_at,
                KILLABLE_STEPS=str(self._steps_file),
                KILLABLE_FOLDER=str(self.database.with_name(f".{self.database.name}.loading")),
            ),
            cwd=self._folder,
        )
        return command.wait()

    @property
    def _steps_file(self) -> Path:
        return self._folder / "steps"

    def _steps(self) -> list[tuple[str, float]]:
        lines = self._steps_file.read_text().splitlines()
        return [(step, float(moment)) for step, moment in (line.split("\t") for line in lines)]

    def _last_step(self) -> str:
        return self._steps()[-1][0]

    def _measure(self) -> None:
        steps = self._steps()
        for (step, begin), (_, end) in itertools.pairwise(steps):
            self._lengths[step] = end - begin

    def _next_step(self) -> str:
        """Every step in turn, in a random order."""
        if not self._order:
            self._order = list(STEP_NAMES)
            self._random.shuffle(self._order)
        return self._order.pop()

    def _check(self, is_right: bool, mistake: str) -> None:
        if not is_right:
            self.tally.mistakes.append(mistake)


def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
