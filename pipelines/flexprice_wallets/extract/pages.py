"""Pages by offset under a moving list, made whole by overlap. Pure.

Each page is asked for so that it begins with a row read before. Where it does, every row between is accounted for;
where it does not, rows before it have gone and the pages have a gap: the next page goes back, twice as far each time.
Rows that came in between are seen twice and taken once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: A list that shifts this often under one reader is not being listed but rewritten.
_MOST_STEPS_BACK = 40


class ListShifts(Exception):
    """The list changes faster than it can be read."""


@dataclass(slots=True)
class PageWalk:
    """Where to read next, and which rows are new. `offset` is that of the page to ask for."""

    limit: int
    offset: int = 0
    is_done: bool = False
    _seen: set[str] = field(default_factory=set)
    _overlap: int = 1
    _steps_back: int = 0

    def __post_init__(self) -> None:
        if self.limit < 2:
            raise ValueError("pages that overlap hold at least two rows")

    def take(self, ids: list[str]) -> list[int]:
        """Take the ids of the page at `offset`; returns the positions of the rows that are new.

        Raises:
            ListShifts: where the pages cannot be joined.
        """
        if self.offset > 0 and not (ids and ids[0] in self._seen):
            return self._step_back()
        new = []
        for position, row_id in enumerate(ids):
            if row_id not in self._seen:
                self._seen.add(row_id)
                new.append(position)
        if len(ids) < self.limit:
            self.is_done = True
        else:
            self.offset += len(ids) - 1
            self._overlap = 1
        return new

    def _step_back(self) -> list[int]:
        self._steps_back += 1
        if self._steps_back > _MOST_STEPS_BACK:
            raise ListShifts(f"the list shifted {self._steps_back} times while it was read")
        self._overlap *= 2
        self.offset = max(0, self.offset - self._overlap)
        return []
