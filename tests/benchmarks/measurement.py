"""Runs the programs of a case by turns, counts what they wrote, and keeps every run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.answers import Scene
from tests.benchmarks.cases import CONNECTIONS, STEPS, Case, Step
from tests.benchmarks.environments import NotInstalled
from tests.benchmarks.process_tree import Run, run_measured
from tests.benchmarks.programs import Program
from tests.benchmarks.responder_process import RunningResponder

#: Seconds for a run, and for each customer. Slow peers need theirs; one that hangs must not hold up the rest for ever.
_LONGEST_RUN, _LONGEST_PER_CUSTOMER = 900.0, 0.002


class WrongResult(Exception):
    """A program ended badly, or its warehouse does not hold what the API said."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run, in seconds.

    `after_last_answer` is from the last answer to the end, `lateness` by how much answers missed their time on average.
    """

    wall: float
    cpu: float
    peak_memory: int | None
    requests: int
    first_request: float
    after_last_answer: float
    rows_written: int | None
    responder_share: float
    lateness: float


@dataclass(slots=True)
class Series:
    """All runs of a program doing a step of a case. `times` are those that count, `memory` those that sampled it."""

    case: Case
    program: Program
    step: Step
    floor: float
    wallets: int = 0
    times: list[Measured] = field(default_factory=list)
    memory: list[Measured] = field(default_factory=list)
    why_missing: str = ""

    def median(self, figure: Callable[[Measured], float]) -> float:
        """The median of a figure over the runs that count."""
        return statistics.median(map(figure, self.times))

    @property
    def wall(self) -> float:
        return self.median(lambda run: run.wall)

    @property
    def peak_memory(self) -> int | None:
        return max((run.peak_memory for run in self.memory if run.peak_memory), default=None)

    @property
    def rows_written(self) -> int | None:
        return self.times[0].rows_written


def measure_case(
    case: Case,
    responder: RunningResponder,
    floor: float,
    *,
    install: bool,
    say: Callable[[str], None],
) -> list[Series]:
    """Run everything that the case asks for.

    Raises:
        WrongResult: the figures would be those of a program that does not do its work.
    """
    series = [
        Series(case, program, step, floor)
        for program in case.programs
        for step in case.steps
        if program.is_this_project or step == "first"
    ]
    homes = _homes(case, series, install=install, say=say)
    for with_memory, is_timed in _rounds(case):
        # By turns, so that a machine that gets slower or faster does so for all of them.
        for program in case.programs:
            own = [each for each in series if each.program is program]
            if any(each.why_missing for each in own):
                continue
            if not is_timed:
                own = own[:1]
            try:
                _measure_round(own, homes[program.name], responder, with_memory, is_timed, say)
            except (WrongResult, TimeoutError) as error:
                if program.is_this_project:
                    raise
                say(f"{case.name}: {program.name} failed: {error}")
                for each in own:
                    each.why_missing = "failed"
                    each.times.clear()
    return series


def _homes(
    case: Case, series: list[Series], *, install: bool, say: Callable[[str], None]
) -> dict[str, Path]:
    """The environment of each program that is here."""
    homes = {}
    for program in case.programs:
        try:
            homes[program.name] = program.home(install=install)
        except NotInstalled as error:
            say(f"{case.name}: {program.name} is not installed ({error})")
            for each in series:
                if each.program is program:
                    each.why_missing = "not installed"
    return homes


def _measure_round(
    steps: list[Series],
    home: Path,
    responder: RunningResponder,
    with_memory: bool,
    is_timed: bool,
    say: Callable[[str], None],
) -> None:
    """Let a program do its steps one after another, beginning in an empty folder."""
    with TemporaryDirectory(prefix="flexprice-benchmark-") as folder:
        for series in steps:
            measured = _measure_step(series, home, Path(folder), responder, with_memory)
            if is_timed:
                series.times.append(measured)
            if with_memory:
                series.memory.append(measured)
            what = f"{series.case.name}: {series.program.name}, {STEPS[series.step]}"
            say(f"{what}: {measured.wall:.2f} s{'' if is_timed else ' (for its memory)'}")


def _rounds(case: Case) -> list[tuple[bool, bool]]:
    """Whether memory is sampled and whether times count; a round for memory comes first and warms up the caches."""
    if case.runs == 1:
        return [(True, True)]
    return [(True, False)] * case.with_memory + [(False, True)] * case.runs


def _measure_step(
    series: Series, home: Path, folder: Path, responder: RunningResponder, with_memory: bool
) -> Measured:
    case, program = series.case, series.program
    rows_before = program.rows(folder) if program.is_this_project else 0
    expected = responder.set_scene(
        Scene(case.customers, case.latency_ms, is_changed=series.step == "changed")
    )
    run = run_measured(
        program.command(home),
        program.variables(folder, home, responder.base_url, CONNECTIONS),
        folder,
        with_memory=with_memory,
        timeout=_LONGEST_RUN + case.customers * _LONGEST_PER_CUSTOMER,
    )
    what = f"{program.name}, {case.title}, {STEPS[series.step]}"
    if run.code:
        raise WrongResult(f"{what}: it ended with {run.code}:\n{run.output[-3000:]}")
    series.wallets = program.wallets(folder)
    if series.wallets != expected.wallets:
        raise WrongResult(f"{what}: {series.wallets} wallets instead of {expected.wallets}")
    rows = None
    if program.is_this_project:
        rows = program.rows(folder) - rows_before
        # Of a changed wallet its balance, its real-time balance, and its free and its purchased credits.
        wanted = {"unchanged": 0, "changed": 4 * expected.changed}.get(series.step, rows)
        if rows != wanted:
            raise WrongResult(f"{what}: {rows} rows written instead of {wanted}")
    return _measured(what, case, run, responder, rows)


def _measured(
    what: str, case: Case, run: Run, responder: RunningResponder, rows: int | None
) -> Measured:
    came, cpu = responder.statistics()
    if came.unknown or came.first_request_at is None or came.requests < case.customers:
        raise WrongResult(
            f"{what}: {came.requests} requests came, of which {came.unknown} for nothing"
        )
    return Measured(
        wall=run.wall,
        cpu=run.cpu,
        peak_memory=run.peak_memory,
        requests=came.requests,
        first_request=came.first_request_at - run.started_at,
        after_last_answer=run.started_at + run.wall - came.last_answer_at,
        rows_written=rows,
        responder_share=cpu / (came.last_answer_at - came.first_request_at),
        lateness=came.total_lateness / came.requests,
    )
