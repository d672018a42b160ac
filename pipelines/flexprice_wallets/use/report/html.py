"""Pieces of HTML. Whatever comes from the warehouse passes through `text` or `element`, which escape it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from html import escape
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Markup:
    """HTML that is safe as it stands."""

    html: str

    def __add__(self, other: Markup) -> Markup:
        return Markup(self.html + other.html)


def text(value: Any) -> Markup:
    """A value as people read it: figures exact, times in UTC to the minute, a dash for null."""
    return value if isinstance(value, Markup) else Markup(escape(plain(value), quote=True))


def plain(value: Any) -> str:
    """The same as unescaped text."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        figure = f"{value:,f}"
        figure = figure.rstrip("0").rstrip(".") if "." in figure else figure
        return "0" if figure == "-0" else figure.replace("-", "−")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def element(tag: str, *content: Any, **attributes: str) -> Markup:
    """An element; `class_` is the attribute class, `data_x` the attribute data-x."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value, quote=True)}"'
        for name, value in attributes.items()
    )
    return Markup(f"<{tag}{written}>{joined(content).html}</{tag}>")


def joined(parts: Iterable[Any]) -> Markup:
    """Pieces one after another."""
    return Markup("".join(text(part).html for part in parts))


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and where a row holds its value."""

    heading: str
    name: str
    kind: Literal["text", "figure", "id"] = "text"


def table(caption: str, columns: Sequence[Column], rows: Sequence[Any]) -> Markup:
    """A table with a caption; on a narrow screen it scrolls inside its own box, also by keyboard."""
    head = joined(
        element("th", column.heading, scope="col", class_=column.kind) for column in columns
    )
    body = joined(
        element(
            "tr",
            *(
                _cell(column, row[column.name], is_heading=number == 0)
                for number, column in enumerate(columns)
            ),
        )
        for row in rows
    )
    content = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", head)),
        element("tbody", body),
    )
    return element("div", content, class_="scroll", role="region", tabindex="0", aria_label=caption)


def _cell(column: Column, value: Any, *, is_heading: bool) -> Markup:
    content = element("code", value) if column.kind == "id" and value is not None else value
    if is_heading:
        return element("th", content, scope="row", class_=column.kind)
    return element("td", content, class_=column.kind)


def details(summary: str, *content: Any) -> Markup:
    """Something that is folded away until asked for."""
    return element("details", element("summary", summary), *content)
