"""Pages by key through a table that is being written to: what to ask for next, given a page. Pure.

Rows come sorted by the time of their last change. Each page begins where the one before ended, so that the millionth
row costs as much as the first, and rows that change meanwhile only move to the end. The API can filter for times
strictly later than one: it is asked for a microsecond before the last row, and what was taken at that instant is
skipped. Where one instant holds more rows than a page, it alone is read by offset.

The API ignores filters that it does not know, so no page is believed that is not what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from flexprice_wallets.extract.pages import PageWalk
from flexprice_wallets.records import values
from flexprice_wallets.records.answers import Page

_TICK: Final = timedelta(microseconds=1)
_MOST_PAGES_WITHOUT_NEW: Final = 50
#: A stretch of time that is not worth being split.
_SHORTEST: Final = timedelta(seconds=1)
_SORT: Final = [{"field": name, "direction": "asc"} for name in ("updated_at", "id")]


class Unconfirmed(Exception):
    """A page is not what was asked for, so rows may be missing from it."""


@dataclass(slots=True)
class KeyWalk:
    """Reads the rows from `since` on and before `before`, of one wallet or of all. Times are aware, None no bound."""

    since: datetime | None = None
    before: datetime | None = None
    wallet_id: str | None = None
    limit: int = 1000
    is_done: bool = False
    #: What was taken at the instant `since`.
    _taken: set[str] = field(default_factory=set)
    _pages_without_new: int = 0
    #: Reads the instant `since` alone, if that has more rows than a page.
    _instant: PageWalk | None = None

    def query(self) -> dict[str, Any]:
        """The body of the request for the next page."""
        filters = []
        if self.since is not None:
            filters.append(_date_filter("after", self.since - _TICK))
        if self._end is not None:
            filters.append(_date_filter("before", self._end))
        query: dict[str, Any] = {"limit": self.limit, "sort": _SORT, "filters": filters}
        if self._instant is not None:
            query["offset"] = self._instant.offset
        if self.wallet_id is not None:
            query["id"] = self.wallet_id
        return query

    def take(self, page: Page) -> list[object]:
        """Take the page that was asked for; returns the rows that are new.

        Raises:
            Unconfirmed: the page is not what was asked for, or brings nothing though there is more.
            ListShifts, ListCut: as `PageWalk.take`, at an instant of many rows.
        """
        moments = self._moments(page)
        if self._instant is None:
            new = self._take_in_order(page, moments)
        else:
            new = self._take_of_instant(page, moments, self._instant)
        self._pages_without_new = 0 if new else self._pages_without_new + 1
        if self._pages_without_new > _MOST_PAGES_WITHOUT_NEW:
            raise Unconfirmed(f"{self._pages_without_new} pages in a row brought nothing new")
        return new

    def split(self, newest: datetime) -> KeyWalk | None:
        """Give half of the time that is left to another walk; None where it is short."""
        end = self.before or newest
        if self.since is None or self._instant is not None or end - self.since < _SHORTEST:
            return None
        middle = self.since + (end - self.since) / 2
        other = KeyWalk(middle, self.before, self.wallet_id, self.limit)
        self.before = middle
        return other

    def _take_in_order(self, page: Page, moments: list[datetime | None]) -> list[object]:
        new = [row for row, moment in zip(page, moments, strict=True) if self._is_new(row, moment)]
        has_more = len(page) >= self.limit or (
            bool(new) if page.total is None else page.total > len(page)
        )
        last = moments[-1] if moments else None
        if not has_more:
            self.is_done = True
        elif last is None:
            raise Unconfirmed("a page has no row with a time, though there are more")
        elif moments[0] == last or not new:
            self._instant = PageWalk(self.limit)
        if last is not None:
            self._note_taken(page, moments, last)
        return new

    @property
    def _end(self) -> datetime | None:
        return self.before if self._instant is None or self.since is None else self.since + _TICK

    def _is_new(self, row: object, moment: datetime | None) -> bool:
        if self.since is None or moment is None or moment > self.since:
            return True
        return moment == self.since and _identity(row) not in self._taken

    def _take_of_instant(
        self, page: Page, moments: list[datetime | None], instant: PageWalk
    ) -> list[object]:
        positions = instant.take([_identity(row) for row in page], page.total)
        new = [page[each] for each in positions if self._is_new(page[each], moments[each])]
        self._taken.update(map(_identity, new))
        if instant.is_done and self.since is not None:
            self._instant = None
            self.since += _TICK
            self._taken.clear()
            # The instant may have been the last of this stretch.
            self.is_done = self.before is not None and self.since >= self.before
        return new

    def _moments(self, page: Page) -> list[datetime | None]:
        """The rows' times; a row without one, which will be rejected, stands at the time of the row before.

        Raises:
            Unconfirmed: the rows are out of order or not from the time that was asked for.
        """
        moments: list[datetime | None] = []
        # Further decimals of a time are cut, so a row may seem to be as old as what was asked for.
        last = None if self.since is None else self.since - _TICK
        for row in page:
            moment = _moment(row)
            if moment is None:
                moments.append(last)
                continue
            if last is not None and moment < last:
                raise Unconfirmed(
                    f"a row of {moment} comes after {last}: the order or the filter was ignored"
                )
            last = moment
            moments.append(moment)
        if last is not None and self._end is not None and last >= self._end:
            raise Unconfirmed(f"a row of {last} is not before {self._end}: a filter was ignored")
        return moments

    def _note_taken(self, page: Page, moments: list[datetime | None], last: datetime) -> None:
        if self.since is None or last > self.since:
            self._taken.clear()
            self.since = last
        self._taken.update(
            _identity(row)
            for row, moment in zip(page, moments, strict=True)
            if moment == self.since
        )


def _date_filter(operator: str, moment: datetime) -> dict[str, Any]:
    date = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "field": "updated_at",
        "operator": operator,
        "data_type": "date",
        "value": {"date": date},
    }


def _moment(row: object) -> datetime | None:
    try:
        return values.timestamp(row.get("updated_at")) if isinstance(row, dict) else None
    except values.Unreadable:
        return None


def _identity(row: object) -> str:
    row_id = row.get("id") if isinstance(row, dict) else None
    return row_id if isinstance(row_id, str) else f"without id: {row!r}"
