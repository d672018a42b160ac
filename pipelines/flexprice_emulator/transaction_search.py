"""``POST /v1/wallets/transactions/search``: which transactions a caller asked for, in what order.

A page of a listing sorted by `updated_at` or `created_at` and then `id` is cut out of an index, so
that it costs the same wherever it stands; any other order costs a sort of all that match.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from flexprice_emulator.ledger import Ledger
from flexprice_emulator.listing import Page, page_of, sorted_rows
from flexprice_emulator.records import Transaction
from flexprice_emulator.responses import ApiError
from flexprice_emulator.transaction_filters import (
    Condition,
    TimeBounds,
    conditions_of,
    narrowed_to,
    time_bounds_of,
)

#: Every column that can be sorted by.
SORTABLE = tuple(name for name in Transaction.__slots__ if name not in ("metadata", "completed_at"))
_EXPANSIONS = ("customer", "wallet", "created_by_user")


@dataclass(frozen=True)
class Search:
    """A search as it was asked for; `bounds` are those of the times that there is an index of."""

    page: Page
    #: An id column and the ids that it is restricted to, if it is.
    narrowed_to: tuple[str, list[str]] | None
    conditions: tuple[Condition, ...]
    bounds: Mapping[str, TimeBounds]
    expand: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """One page and the number of rows on all pages."""

    rows: list[Transaction]
    total: int


def search_of(body: Mapping[str, Any]) -> Search:
    """Read a body (ApiError 400 where it makes no sense); keys that nobody knows are ignored."""
    wallet_id = body.get("id")
    if wallet_id is not None and not isinstance(wallet_id, str):
        raise ApiError(400, "id must be the id of a wallet")
    return Search(
        page=page_of(body, SORTABLE),
        narrowed_to=("wallet_id", [wallet_id]) if wallet_id else narrowed_to(body),
        conditions=tuple(conditions_of(body)),
        bounds=time_bounds_of(body),
        expand=_expand_of(body.get("expand")),
    )


def find(
    ledger: Ledger,
    search: Search,
    request_number: int,
    is_hidden: Callable[[Transaction], bool] | None = None,
) -> Found:
    """Return the page that was asked for. Rows that `is_hidden` names are as if not there."""
    sort = search.page.sort
    name = _index_name(sort)
    if name is None or search.narrowed_to is not None:
        rows = [row for row in _candidates(ledger, search) if _matches(row, search, is_hidden)]
        ordered = sorted_rows(rows, sort, request_number)
        return Found(_cut(ordered, search.page), len(rows))
    index = ledger.indexes[name]
    first, last = search.bounds[name]
    start = 0 if first is None else index.position((first, ""))
    stop = len(index) if last is None else index.position((last + 1, ""))
    others = any(bounds != (None, None) for key, bounds in search.bounds.items() if key != name)
    descends = sort[0][1]
    if search.conditions or others or is_hidden:
        keys = index.between(start, max(start, stop))
        rows = [
            row for _, key in keys if _matches(row := ledger.transactions[key], search, is_hidden)
        ]
        return Found(_cut(rows[::-1] if descends else rows, search.page), len(rows))
    total = max(stop - start, 0)
    begin = min(search.page.offset, total)
    end = min(begin + search.page.limit, total)
    if descends:
        keys = index.between(start + total - end, start + total - begin)
        return Found([ledger.transactions[key] for _, key in keys][::-1], total)
    keys = index.between(start + begin, start + end)
    return Found([ledger.transactions[key] for _, key in keys], total)


def _index_name(sort: tuple[tuple[str, bool], ...]) -> str | None:
    """Return the index that has this order; without the id, equal times come in any order."""
    match sort:
        case ((("updated_at" | "created_at") as name, descends), ("id", too)) if descends == too:
            return name
    return None


def _candidates(ledger: Ledger, search: Search) -> Iterable[Transaction]:
    if search.narrowed_to is None:
        return ledger
    column, ids = search.narrowed_to
    if column == "id":
        return [ledger.transactions[key] for key in ids if key in ledger.transactions]
    rows_of = ledger.of_wallet if column == "wallet_id" else ledger.of_customer
    return chain.from_iterable(map(rows_of, ids))


def _matches(
    row: Transaction, search: Search, is_hidden: Callable[[Transaction], bool] | None
) -> bool:
    for name, (first, last) in search.bounds.items():
        moment = getattr(row, name)
        if (first is not None and moment < first) or (last is not None and moment > last):
            return False
    if not all(condition(row) for condition in search.conditions):
        return False
    return is_hidden is None or not is_hidden(row)


def _cut(rows: list[Transaction], page: Page) -> list[Transaction]:
    return rows[page.offset : page.offset + page.limit]


def _expand_of(value: object) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    if not isinstance(value, str):
        raise ApiError(400, "expand must be a comma list")
    words = tuple(word.strip() for word in value.split(",") if word.strip())
    if unknown := [word for word in words if word not in _EXPANSIONS]:
        raise ApiError(400, "Invalid expand", invalid=unknown)
    return words
