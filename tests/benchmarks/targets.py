"""What the load half has to reach, and what of it was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tests.benchmarks.cases import CASES, LEDGER_CASES, Step
from tests.benchmarks.ledger_load import LedgerLoad
from tests.benchmarks.measurement import Series
from tests.benchmarks.programs import AIOHTTP, DLT, PROGRAMS, THIS, Program
from tests.benchmarks.results import Section, ratio, seconds

_NOT_MEASURED = "not measured"


class Measurements:
    """Finds series of figures by case, step and program."""

    def __init__(self, series: Iterable[Series], ledgers: Iterable[LedgerLoad] = ()) -> None:
        full = {case.name: case.customers for case in CASES}
        self._series = {
            (each.case.name, each.step, each.program.name): each
            for each in series
            # A tenth of the customers says nothing about a target.
            if each.times and each.case.customers == full[each.case.name]
        }

        self._ledgers = {each.case.name: each for each in ledgers if _is_full(each)}

    def of(self, case: str, step: Step = "first", program: Program = THIS) -> Series:
        """One of them.

        Raises:
            KeyError: it was not measured.
        """
        return self._series[case, step, program.name]

    def floors(self, case: str, step: Step = "first") -> str:
        series = self.of(case, step)
        return f"{ratio(series.wall / series.floor)} the floor"

    def faster_than(self, case: str, program: Program) -> str:
        times = self.of(case, program=program).wall / self.of(case).wall
        return f"{ratio(times)} as fast as {program.name}"

    def time_of(self, case: str, program: Program) -> str:
        return f"{ratio(self.of(case).wall / self.of(case, program=program).wall)} its time"

    def every_other_peer(self, case: str) -> str:
        peers = [each for each in PROGRAMS if each not in (THIS, AIOHTTP)]
        return ", ".join(self.faster_than(case, each) for each in peers)

    def memory(self, case: str) -> str:
        peak = self.of(case).peak_memory
        return _NOT_MEASURED if peak is None else f"{peak / 1_000_000:.0f} MB"

    def rows(self, case: str, step: Step) -> str:
        return f"{self.of(case, step).rows_written:,} rows written"

    def first_request(self, case: str) -> str:
        return f"{seconds(self.of(case).median(lambda run: run.first_request))} s"

    def transactions_per_second(self, case: str) -> str:
        return f"{self._ledgers[case].per_second:,.0f}/s"

    def memory_of_ledger(self, case: str) -> str:
        return f"{self._ledgers[case].peak_memory / 1_000_000:.0f} MB"


def _is_full(load: LedgerLoad) -> bool:
    return any(
        case.name == load.case.name and case.transactions == load.case.transactions
        for case in LEDGER_CASES
    )


@dataclass(frozen=True, slots=True)
class Target:
    """One line of what has to be reached."""

    what: str
    at_least: str
    hoped_for: str
    figure: Callable[[Measurements], str]


TARGETS: Final = (
    Target(
        "20,000 customers, 20 ms, first load",
        "1.35 × the floor",
        "1.2 ×",
        lambda m: m.floors("20k-20ms"),
    ),
    Target(
        "the same beside the aiohttp script",
        "1.15 × its time",
        "",
        lambda m: m.time_of("20k-20ms", AIOHTTP),
    ),
    Target(
        "the same beside dlt rest_api, tuned",
        "4 × as fast",
        "",
        lambda m: m.faster_than("20k-20ms", DLT),
    ),
    Target(
        "the same again, nothing changed",
        "1.12 × the floor",
        "",
        lambda m: m.floors("20k-20ms", "unchanged"),
    ),
    Target(
        "its rows",
        "0",
        "",
        lambda m: m.rows("20k-20ms", "unchanged"),
    ),
    Target(
        "the same again, 5 % changed",
        "1.15 × the floor",
        "",
        lambda m: m.floors("20k-20ms", "changed"),
    ),
    Target(
        "its rows, four for each changed wallet: balance, real-time balance, free and purchased credits",
        "exactly those",
        "",
        lambda m: m.rows("20k-20ms", "changed"),
    ),
    Target(
        "5,000 customers, 100 ms, first load",
        "1.2 × the floor",
        "1.1 ×",
        lambda m: m.floors("5k-100ms"),
    ),
    Target(
        "1,000 customers, 20 ms, first load, beside the aiohttp script",
        "1.2 × its time",
        "",
        lambda m: m.time_of("1k-20ms", AIOHTTP),
    ),
    Target(
        "20,000 customers, 0 ms, beside the aiohttp script",
        "2.5 × its time",
        "",
        lambda m: m.time_of("20k-0ms", AIOHTTP),
    ),
    Target(
        "20,000 customers, 0 ms, beside every other peer",
        "faster",
        "",
        lambda m: m.every_other_peer("20k-0ms"),
    ),
    Target(
        "peak memory, 20,000 customers",
        "300 MB",
        "",
        lambda m: m.memory("20k-20ms"),
    ),
    Target(
        "peak memory, 100,000 customers",
        "400 MB",
        "300 MB",
        lambda m: m.memory("scale-100k-20ms"),
    ),
    Target(
        "peak memory, 100,000 customers of a wallet each, 300,000 transactions",
        "400 MB",
        "",
        lambda m: m.memory_of_ledger("ledger-100k-customers"),
    ),
    Target(
        "1,000,000 transactions of the ledger, 0 ms, first load",
        "15,000/s",
        "",
        lambda m: m.transactions_per_second("ledger-1m"),
    ),
    Target(
        "its peak memory",
        "400 MB",
        "",
        lambda m: m.memory_of_ledger("ledger-1m"),
    ),
    Target(
        "command to first request",
        "1.5 s",
        "0.3 s",
        lambda m: m.first_request("20k-20ms"),
    ),
)


def targets_section(series: Iterable[Series], ledgers: Iterable[LedgerLoad] = ()) -> Section:
    """The targets, each beside its figure."""
    measurements = Measurements(series, ledgers)
    rows = []
    for target in TARGETS:
        try:
            figure = target.figure(measurements)
        except KeyError:
            figure = _NOT_MEASURED
        rows.append((target.what, target.at_least, target.hoped_for, figure))
    return Section(
        "Targets of the load",
        "The whole process counts: imports, the copy of the warehouse, views and publishing included.",
        ("case", "at least", "hoped for", "measured"),
        rows,
    )
