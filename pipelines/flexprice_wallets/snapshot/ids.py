"""Ids and their positions, in little memory: a warehouse may hold many millions."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final

#: Every so manieth packed id is kept as an object, too: most steps of a search then cost no unpacking.
_STRIDE: Final = 32


class Ids:
    """Different ids in the order in which they were added, each with its position in that order.

    As long as they are added in the order of their UTF-8 bytes they are packed into one text and found by bisection,
    which takes 8 bytes each beside the text; the others are kept as objects, which takes four times as much.
    """

    def __init__(self) -> None:
        self._text = bytearray()
        self._ends = array("Q")
        self._signposts: list[bytes] = []
        self._last_packed = b""
        self._others: list[str] = []
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ends) + len(self._others)

    def __iter__(self) -> Iterator[str]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: int) -> str:
        packed = len(self._ends)
        return (
            self._packed(position).decode()
            if position < packed
            else self._others[position - packed]
        )

    def position(self, identifier: str) -> int | None:
        """The position of an id; None where it was not added."""
        packed = len(self._ends)
        encoded = identifier.encode()
        if encoded > self._last_packed:
            return self._positions.get(identifier)
        end = min(packed, bisect_right(self._signposts, encoded) * _STRIDE)
        at = bisect_left(range(end), encoded, max(0, end - _STRIDE), end, key=self._packed)
        if at < end and self._packed(at) == encoded:
            return at
        return self._positions.get(identifier)

    def add(self, identifier: str) -> int:
        """The position of an id, which is added where it is not there yet."""
        end = len(self)
        encoded = identifier.encode()
        if not self._others and (not end or self._last_packed < encoded):
            if end % _STRIDE == 0:
                self._signposts.append(encoded)
            self._text += encoded
            self._ends.append(len(self._text))
            self._last_packed = encoded
            return end
        position = self.position(identifier)
        if position is not None:
            return position
        self._others.append(identifier)
        self._positions[identifier] = end
        return end

    def _packed(self, position: int) -> bytes:
        start = self._ends[position - 1] if position else 0
        return bytes(self._text[start : self._ends[position]])
