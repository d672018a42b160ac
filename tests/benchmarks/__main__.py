"""`python -m tests.benchmarks`: measure the load, the warehouse, its replicas, or all of them."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.benchmarks import load
from tests.benchmarks.cases import CASES, LEDGER_CASES
from tests.benchmarks.measurement import WrongResult
from tests.benchmarks.report import PARTS, show, write
from tests.benchmarks.results import Section, seconds

_CASES = {case.name: case for case in CASES}
_LEDGERS = {case.name: case for case in LEDGER_CASES}
_PART = click.Choice(tuple(PARTS))


@click.command()
@click.argument("parts", nargs=-1, type=_PART)
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=click.Choice((*_CASES, *_LEDGERS)),
    help="Of the load, only this case; repeatable.  [default: all]",
)
@click.option("--runs", type=click.IntRange(1), help="Runs of each, instead of each case's own.")
@click.option(
    "--scale",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="So many times the customers and wallets.",
)
@click.option("--quick", is_flag=True, help="A look whether all works: one run each, 1 % of all.")
@click.option("--this-only", is_flag=True, help="Without the peers.")
@click.option(
    "--install", is_flag=True, help="Make the peers' environments; else those missing are left out."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the tables into this file.  [default: print only]",
)
def main(
    parts: tuple[str, ...],
    cases: tuple[str, ...],
    runs: int | None,
    scale: float,
    quick: bool,
    this_only: bool,
    install: bool,
    output: Path | None,
) -> None:
    """Measure PARTS: load, warehouse, replicate, or all where none is named."""
    if quick:
        runs, scale = runs or 1, min(scale, 0.01)
    command = shlex.join(("python", "-m", "tests.benchmarks", *sys.argv[1:]))
    for part in parts or tuple(PARTS):
        if part == "load":
            sections = _load(cases or (*_CASES, *_LEDGERS), runs, scale, this_only, install)
        elif part == "warehouse":
            sections = _warehouse(scale)
        else:
            sections = _replicate(scale)
        show(sections)
        if output is not None:
            write(output, part, sections, command)


def _load(
    names: tuple[str, ...], runs: int | None, scale: float, this_only: bool, install: bool
) -> list[Section]:
    chosen = [_CASES[name].scaled(scale, runs) for name in names if name in _CASES]
    ledgers = [_LEDGERS[name].scaled(scale, runs) for name in names if name in _LEDGERS]
    if this_only:
        chosen = [case.of_this_project() for case in chosen]
    try:
        return load.measure(chosen, ledgers, install=install, say=_say)
    except (WrongResult, TimeoutError) as error:
        raise click.ClickException(str(error)) from error


def _warehouse(scale: float) -> list[Section]:
    # Not before it is asked for: the load half needs none of what it imports.
    from tests.benchmarks import warehouse

    wallets = round(warehouse.WALLETS * scale)
    _say(f"The warehouse of {wallets:,} wallets is made and asked …")
    with TemporaryDirectory(prefix="flexprice-benchmark-") as folder:
        results = warehouse.measure(wallets, Path(folder))
    rows = [
        (each.name, "" if each.target is None else f"< {each.target:g}", seconds(each.seconds))
        for each in results
    ]
    return [
        Section(
            f"{wallets:,} wallets",
            "Medians in seconds, each with a connection of its own.",
            ("question", "target, s", "measured, s"),
            rows,
        )
    ]


def _replicate(scale: float) -> list[Section]:
    from tests.benchmarks import replication, warehouse

    wallets = round(warehouse.WALLETS * scale)
    _say(f"The warehouse of {wallets:,} wallets is made and replicated …")
    with TemporaryDirectory(prefix="flexprice-benchmark-") as folder:
        try:
            return replication.measure(wallets, Path(folder), say=_say)
        except (WrongResult, TimeoutError) as error:
            raise click.ClickException(str(error)) from error


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


if __name__ == "__main__":
    main(prog_name="python -m tests.benchmarks")
