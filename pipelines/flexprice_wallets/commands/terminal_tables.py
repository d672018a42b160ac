"""Prints the answers of queries as tables for people."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flexprice_wallets.commands.output import say

_UNBOUNDED = 10_000


def print_query(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Print a query's answer on stdout; figures as they are, times in UTC to the second."""
    result = connection.execute(sql)
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    rows = result.fetchall()
    for position, (name, *_) in enumerate(result.description or ()):
        is_number = any(isinstance(row[position], int | Decimal) for row in rows)
        table.add_column(Text(name), justify="right" if is_number else "left", no_wrap=True)
    for row in rows:
        # As `Text`: in a plain one square brackets and colons would be taken for markup.
        table.add_row(*(Text(_text(value)) for value in row))
    # Wider than any terminal: a figure cut to fit would be a wrong one.
    console = Console(highlight=False, width=_UNBOUNDED)
    with console.capture() as printed:
        console.print(table)
    say(printed.get())


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
