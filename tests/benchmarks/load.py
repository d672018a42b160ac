"""The load half of the benchmark: from the command to the published file, beside other programs that do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle, islice

from tests.benchmarks.answers import Scene
from tests.benchmarks.cases import CONNECTIONS, STEPS, Case, LedgerCase
from tests.benchmarks.ceiling import requests_per_second
from tests.benchmarks.environments import NotInstalled
from tests.benchmarks.ledger_load import ledger_section, measure_ledger
from tests.benchmarks.measurement import Series, measure_case
from tests.benchmarks.programs import PROGRAMS
from tests.benchmarks.responder_process import RunningResponder, responder_process
from tests.benchmarks.results import Section, megabytes, ratio, seconds
from tests.benchmarks.targets import targets_section

#: How long the bare generator asks, to know what the responder allows at most.
_CEILING_SECONDS = 3.0
_MOST_PER_SECOND = 25_000
_MANY_CUSTOMERS = 1_000_000


def measure(
    cases: Sequence[Case],
    ledgers: Sequence[LedgerCase] = (),
    *,
    install: bool,
    say: Callable[[str], None] = lambda _: None,
) -> list[Section]:
    """Measure all cases: those of customers' wallets with one responder, each ledger with its own.

    Raises:
        WrongResult: a program did not load what the API said.
    """
    loads = [measure_ledger(each, say=say) for each in ledgers]
    series, ceilings = _measure_customers(cases, install=install, say=say) if cases else ([], {})
    return [
        targets_section(series, loads),
        *([_ceiling_section(ceilings)] if ceilings else ()),
        *(_case_section(case, series) for case in cases if not case.is_scaling),
        *([ledger_section(loads)] if loads else ()),
        *_scaling_sections(series),
        *([_versions_section(series)] if series else ()),
    ]


def _measure_customers(
    cases: Sequence[Case], *, install: bool, say: Callable[[str], None]
) -> tuple[list[Series], dict[float, float]]:
    """What was measured, and how many requests a second are possible at each latency."""
    customers = max(case.customers for case in cases)
    ceilings: dict[float, float] = {}
    series: list[Series] = []
    say(f"The responder makes {customers:,} customers …")
    with responder_process(customers) as responder:
        for case in cases:
            if case.latency_ms not in ceilings:
                ceiling = _ceiling(responder, case.latency_ms, customers)
                ceilings[case.latency_ms] = ceiling
                say(f"At {case.latency_ms:g} ms it answers {ceiling:,.0f} requests/s at most.")
            floor = case.customers / ceilings[case.latency_ms]
            series += measure_case(case, responder, floor, install=install, say=say)
    return series, ceilings


def _ceiling(responder: RunningResponder, latency_ms: float, customers: int) -> float:
    """The best of two, as nothing but disturbances makes it lower."""
    ids = responder.customer_ids(min(customers, 10_000))
    per_second = CONNECTIONS / latency_ms * 1000 if latency_ms else _MOST_PER_SECOND
    # Where few are loaded, nobody needs to know it better.
    count = min(round(per_second * _CEILING_SECONDS), max(1000, 5 * customers))
    asked = list(islice(cycle(ids), count))
    responder.set_scene(Scene(customers, latency_ms))
    return max(requests_per_second(responder.port, asked, CONNECTIONS) for _ in range(2))


def _ceiling_section(ceilings: dict[float, float]) -> Section:
    return Section(
        "The floor",
        "What a bare load generator reaches, which sends bytes made beforehand and counts bytes that come back, over "
        f"{CONNECTIONS} connections. The floor of a load is its number of customers divided by this. With its default "
        "options this project has up to 64 requests under way.",
        ("latency", "requests/s at most"),
        [(f"{latency:g} ms", f"{ceiling:,.0f}") for latency, ceiling in ceilings.items()],
    )


def _case_section(case: Case, series: Iterable[Series]) -> Section:
    own = [each for each in series if each.case == case]
    floor = own[0].floor
    reference = next((each for each in own if each.program.is_this_project and each.times), None)
    return Section(
        case.title,
        f"The floor is {seconds(floor)} s. {_runs(case)}",
        (
            "program",
            "step",
            "wall, s",
            "× floor",
            "× this",
            "CPU, s",
            "memory, MB",
            "requests/s",
            "first, s",
            "last, s",
            "wallets",
            "rows written",
            "responder",
            "late, ms",
        ),
        [_row(each, reference) for each in own],
    )


def _runs(case: Case) -> str:
    return "One run, with memory sampled in it." if case.runs == 1 else f"Medians of {case.runs}."


def _row(series: Series, reference: Series | None) -> tuple[str, ...]:
    if not series.times:
        return (series.program.name, series.why_missing, *["—"] * 12)
    rows = series.rows_written
    return (
        series.program.name,
        STEPS[series.step],
        seconds(series.wall),
        ratio(series.wall / series.floor),
        ratio(series.wall / reference.wall) if reference else "—",
        seconds(series.median(lambda run: run.cpu)),
        megabytes(series.peak_memory),
        f"{series.median(lambda run: run.requests / run.wall):,.0f}",
        seconds(series.median(lambda run: run.first_request)),
        seconds(series.median(lambda run: run.after_last_answer)),
        f"{series.wallets:,}",
        "all" if rows is None else f"{rows:,}",
        f"{series.median(lambda run: run.responder_share):.0%}",
        f"{series.median(lambda run: run.lateness) * 1000:.1f}",
    )


def _scaling_sections(series: Iterable[Series]) -> list[Section]:
    own = [each for each in series if each.case.is_scaling and each.times]
    if not own:
        return []
    rows = [
        (
            f"{each.case.customers:,}",
            f"{each.case.latency_ms:g} ms",
            str(each.case.runs),
            seconds(each.wall),
            ratio(each.wall / each.floor),
            seconds(each.median(lambda run: run.cpu)),
            megabytes(each.peak_memory),
            f"{each.median(lambda run: run.requests / run.wall):,.0f}",
            f"{each.wallets:,}",
        )
        for each in own
    ]
    return [
        Section(
            "How it scales",
            "First loads of this project with default options, medians of so many runs. Where there is one, memory was "
            f"sampled in it.{_ten_times_the_largest(own)}",
            (
                "customers",
                "latency",
                "runs",
                "wall, s",
                "× the floor",
                "CPU, s",
                "peak memory, MB",
                "requests/s",
                "wallets",
            ),
            rows,
        )
    ]


def _ten_times_the_largest(own: Iterable[Series]) -> str:
    """What ten times a million customers would take, in proportion; '' where none were loaded."""
    largest = max(own, key=lambda each: each.case.customers)
    if largest.peak_memory is None or largest.case.customers < _MANY_CUSTOMERS:
        return ""
    customers, hours = 10 * largest.case.customers, 10 * largest.wall / 3600
    memory = 10 * largest.peak_memory / 1_000_000_000
    return (
        f" In proportion to the largest, {customers:,} customers would take {hours:.1f} hours at "
        f"{largest.case.latency_ms:g} ms, and some {memory:.0f} GB."
    )


def _versions_section(series: Iterable[Series]) -> Section:
    ran = {each.program.name for each in series if each.times}
    rows = []
    for program in PROGRAMS:
        if program.name in ran:
            try:
                rows.append(
                    (program.name, program.how, program.versions(program.home(install=False)))
                )
            except NotInstalled:
                continue
    return Section(
        "What ran", "Each loads the same customers' wallets.", ("program", "how", "packages"), rows
    )
