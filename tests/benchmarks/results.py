"""What a part of the benchmark gives back: tables, ready to be printed and written into BENCHMARKS.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """One table under a heading; `text` says in a sentence or two what is counted and how."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def seconds(value: float) -> str:
    """Seconds with as many decimals as a run of that length repeats."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def ratio(value: float) -> str:
    """How many times as much."""
    return f"{value:.2f} ×"


def megabytes(value: int | None) -> str:
    """Millions of bytes; an em dash where they were not measured."""
    return "—" if value is None else f"{value / 1_000_000:.0f}"
