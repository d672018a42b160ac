"""A text that must not be printed."""

from __future__ import annotations


class Secret:
    """Holds a secret; shows itself as asterisks in messages, logs and traces."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__
