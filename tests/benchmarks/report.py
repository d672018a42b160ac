"""Prints tables, and keeps them in BENCHMARKS.md: each part in a place of its own, so that one can be renewed alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tests.benchmarks.machine import commit, machine, today
from tests.benchmarks.results import Section

#: The parts in the order of the file, with what stands above each.
PARTS: Final = {
    "load": """\
## The load

A whole process loads all customers' wallets from a responder on the same machine, which answers bytes made beforehand
with a fixed latency. Programs take turns. CPU is that of the whole process tree. Memory is the largest sum of its
proportional set sizes, sampled every 50 ms, where there are several runs in one more whose times do not count.
`× floor` and `× this` compare the wall time with the floor and with this project's first load; `first` is the time from
the command to its first request, `last` that from the last answer to the end; `responder` is the share of a core that
answering took, and `late` by how much answers missed their time on average.""",
    "warehouse": """\
## The warehouse""",
    "replicate": """\
## The replicas

A whole process of `flexprice-wallets replicate` brings a generated warehouse to a PostgreSQL server of default settings
on the same machine, and to Iceberg tables in a folder: the whole of it, and then one more snapshot.""",
}
_NARROWEST: Final = 160
_INTRODUCTION: Final = """\
# Benchmarks

Written by `make bench`.
"""


def show(sections: Sequence[Section]) -> None:
    """Print the sections as tables."""
    console = Console()
    # Folded into 80 columns the wide tables could not be read; a pipe has no width at all.
    console.width = max(console.width, _NARROWEST)
    for section in sections:
        console.print(f"\n{section.title}", style="bold", highlight=False)
        console.print(section.text, highlight=False)
        table = Table(box=SIMPLE)
        for number, column in enumerate(section.columns):
            table.add_column(column, overflow="fold", no_wrap=number == 0)
        for row in section.rows:
            table.add_row(*row)
        console.print(table)


def write(path: Path, part: str, sections: Sequence[Section], command: str) -> None:
    """Put a part into the file in place of what it said before; the other parts stay."""
    kept = _parts_of(path)
    kept[part] = "\n\n".join(
        (
            PARTS[part],
            f"Measured on {today()} at commit {commit()} with `{command}`: {machine()}.",
            *map(_markdown, sections),
        )
    )
    texts = [
        f"<!-- {name} -->\n\n{kept[name]}\n\n<!-- end of {name} -->\n"
        for name in PARTS
        if name in kept
    ]
    path.write_text("\n".join((_INTRODUCTION, *texts)), encoding="utf-8")


def _parts_of(path: Path) -> dict[str, str]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.findall(r"<!-- (\w+) -->\n\n(.*?)\n\n<!-- end of \1 -->", text, flags=re.DOTALL)
    return dict(found)


def _markdown(section: Section) -> str:
    lines = [
        f"### {section.title}",
        "",
        section.text,
        "",
        _line(section.columns),
        _line(["---"] * len(section.columns)),
        *map(_line, section.rows),
    ]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
