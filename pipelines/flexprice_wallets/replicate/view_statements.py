"""The statements that create a view and say what it and its columns mean, where an engine keeps that. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

#: Engines that take the columns' comments with the view, and only there.
_WITH_THE_VIEW: Final = frozenset({"spark", "databricks"})


@dataclass(frozen=True, slots=True)
class DescribedView:
    """A view to be created.

    Attributes:
        schema: where.
        name: of the view.
        query: in the dialect of the engine.
        comment: what it means.
        columns: what each of its columns means, all of them in their order.
    """

    schema: str
    name: str
    query: str
    comment: str
    columns: Mapping[str, str]

    def target(self, dialect: str) -> str:
        """Its full name."""
        if dialect == "postgres":
            return f"{_name(self.schema, dialect)}.{_name(self.name, dialect)}"
        return f"{self.schema}.{self.name}"

    def statements(self, dialect: str) -> Iterator[str]:
        """The statement that creates it in a dialect of sqlglot, and those that only tell what it means."""
        create = f"create or replace view {self.target(dialect)}"
        if dialect in _WITH_THE_VIEW:
            columns = ",\n".join(
                f"  {_name(column, dialect)} comment {_text(comment, dialect)}"
                for column, comment in self.columns.items()
            )
            comment = _text(self.comment, dialect)
            yield f"{create} (\n{columns}\n)\ncomment {comment} as\n{self.query}"
        elif dialect == "trino":
            yield f"{create} comment {_text(self.comment, dialect)} as\n{self.query}"
            yield from self._column_comments(dialect)
        elif dialect == "postgres":
            yield f"{create} as\n{self.query}"
            yield f"comment on view {self.target(dialect)} is {_text(self.comment, dialect)}"
            yield from self._column_comments(dialect)
        else:
            yield f"{create} as\n{self.query}"

    def _column_comments(self, dialect: str) -> Iterator[str]:
        for column, comment in self.columns.items():
            name = f"{self.target(dialect)}.{_name(column, dialect)}"
            yield f"comment on column {name} is {_text(comment, dialect)}"


def _name(name: str, dialect: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect=dialect)


def _text(text: str, dialect: str) -> str:
    return exp.Literal.string(text).sql(dialect=dialect)
