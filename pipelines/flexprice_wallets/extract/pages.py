"""Pages by offset under a moving list, made whole by overlap. Pure.

Each page is asked for so that it begins with a row read before. Where it does, every row between is accounted for;
where it does not, rows before it have gone and the pages have a gap: the next page goes back, twice as far each time.
Rows that came in between are seen twice and taken once. The list ends where nothing new comes, and then it must
have had as many rows as it said.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: A list that shifts this often under one reader is not being listed but rewritten.
_MOST_STEPS_BACK = 40
#: Rows that come in front of a page are seen again, but not so many.
_MOST_PAGES_WITHOUT_NEW = 20


class ListShifts(Exception):
    """The list changes faster than it can be read."""


class ListCut(Exception):
    """The list ended, or made no progress, before all the rows that it says it has."""


@dataclass(slots=True)
class PageWalk:
    """Where to read next, and which rows are new. `offset` is that of the page to ask for."""

    limit: int
    offset: int = 0
    is_done: bool = False
    _seen: set[str] = field(default_factory=set)
    _overlap: int = 1
    _steps_back: int = 0
    _pages_without_new: int = 0
    #: The fewest rows that any page said there were: rows may come and go while the pages are read.
    _total: int | None = None

    def __post_init__(self) -> None:
        if self.limit < 2:
            raise ValueError("pages that overlap hold at least two rows")

    def take(self, ids: list[str], total: int | None = None) -> list[int]:
        """Take the ids of the page at `offset`; returns the positions of the rows that are new.

        Args:
            ids: of the rows of the page.
            total: how many rows the page says there are in all, if it does.

        Raises:
            ListShifts: the pages cannot be joined.
            ListCut: the list ended, and rows are missing.
        """
        if total is not None:
            self._total = total if self._total is None else min(total, self._total)
        if self.offset > 0 and (not ids or ids[0] not in self._seen):
            return self._step_back()
        new = []
        for position, row_id in enumerate(ids):
            if row_id not in self._seen:
                self._seen.add(row_id)
                new.append(position)
        # A page may be shorter than asked for, though rows follow it.
        if len(ids) >= self.limit or (total is not None and self.offset + len(ids) < total):
            self._go_on(len(ids), is_progress=bool(new))
        else:
            self._end()
        return new

    def _go_on(self, rows: int, *, is_progress: bool) -> None:
        """Ask for the next page. One may bring nothing new where rows came in before it, but not many do."""
        self._pages_without_new = 0 if is_progress else self._pages_without_new + 1
        if self._pages_without_new > _MOST_PAGES_WITHOUT_NEW:
            raise ListCut(
                f"{self._pages_without_new} pages in a row brought nothing new {self._read}"
            )
        self.offset += max(rows - 1, 0)
        self._overlap = 1

    @property
    def _read(self) -> str:
        return (
            f"after {len(self._seen)} of {self._total if self._total is not None else 'its'} rows"
        )

    @property
    def _is_short(self) -> bool:
        """Whether fewer rows were seen than there are said to be."""
        return self._total is not None and len(self._seen) < self._total

    def _end(self) -> None:
        if self._is_short:
            raise ListCut(f"the list ended {self._read}")
        self.is_done = True

    def _step_back(self) -> list[int]:
        self._steps_back += 1
        if self._steps_back > _MOST_STEPS_BACK:
            raise ListShifts(f"the list shifted {self._steps_back} times while it was read")
        self._overlap *= 2
        self.offset = max(0, self.offset - self._overlap)
        return []
