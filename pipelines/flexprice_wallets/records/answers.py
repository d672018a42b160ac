"""Takes the body of an answer apart into records, or says that it is no such answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import orjson

from flexprice_wallets.records import json_text, values

_MAX_QUOTED: Final = 80
#: So few opening brackets are not nested too deeply; with more, that hangs on how deep in calls the decoder is.
_FEW_BRACKETS: Final = 300


class AnswerError(ValueError):
    """The answer as a whole has the wrong shape, so nothing it says counts. Worth a retry."""


def wallets_of_answer(body: bytes) -> list[object]:
    """The wallets in the answer of `GET /v1/customers/wallets`, a bare list; none is checked yet.

    Raises:
        AnswerError: the body is not JSON, or not a list.
    """
    answer = _decode(body)
    if type(answer) is not list:
        raise _wrong("a list of wallets", answer, body)
    return answer


def undecoded_wallets(body: bytes) -> list[object]:
    """The body alone where `wallets_of_answer` is sure to take it, for `decoded_wallets` in another process.

    Where that is not sure, the wallets: to decode them takes five times as long as to look, and so does sending them.

    Raises:
        AnswerError: as `wallets_of_answer`.
    """
    if body.count(b"[") + body.count(b"{") <= _FEW_BRACKETS:
        try:
            if type(orjson.loads(body)) is list:
                return [body]
        except orjson.JSONDecodeError:
            pass  # orjson refuses some JSON that `json_text` takes
    return wallets_of_answer(body)


def decoded_wallets(records: list[object]) -> list[object]:
    """The wallets of what `undecoded_wallets` gave."""
    if len(records) == 1 and isinstance(body := records[0], bytes):
        return wallets_of_answer(body)
    return records


def wallet_of_answer(body: bytes) -> dict[str, object]:
    """The wallet in the answer of `GET /v1/wallets/{id}`, its fields not checked yet.

    Raises:
        AnswerError: the body is not JSON, or not an object.
    """
    answer = _decode(body)
    if type(answer) is not dict:
        raise _wrong("a wallet", answer, body)
    return answer


def wallets_page(body: bytes) -> list[object]:
    """The wallets in the answer of `GET /v1/wallets`, none checked yet. What it says of pages is not true.

    Raises:
        AnswerError: the body is not JSON, or has no list of items.
    """
    answer = _decode(body)
    items = answer.get("items") if type(answer) is dict else None
    if type(items) is not list:
        raise _wrong("a page with a list of wallets", answer, body)
    return items


def wallets_one_by_one(body: bytes) -> Iterator[object]:
    """The same as `wallets_page`, each wallet decoded when it is asked for: an answer may hold all of a tenant.

    Raises:
        AnswerError: as `wallets_page`; of what is wrong further on, only when it is reached.
    """
    try:
        yield from json_text.items_of(body, "items")
    except json_text.JsonError as error:
        raise AnswerError(f"{error}; it begins {_beginning(body)}") from None


class Page(list[object]):
    """The items of one page, unchecked. `total`: how many there are on all pages; None where the API leaves it out."""

    __slots__ = ("total",)

    def __init__(self, items: list[object], total: int | None) -> None:
        super().__init__(items)
        self.total = total


def page_of_answer(body: bytes) -> Page:
    """The page in the answer of a search, of customers or of transactions.

    Raises:
        AnswerError: the body is not JSON, has no list of items, or a total that is not a count.
    """
    answer = _decode(body)
    items = answer.get("items") if type(answer) is dict else None
    if type(answer) is not dict or type(items) is not list:
        raise _wrong("a page with a list of items", answer, body)
    try:
        pagination = values.read(answer, "pagination", values.members)
        total = values.read(pagination, "total", values.integer)
    except values.Unreadable as error:
        raise AnswerError(f"a page whose {error}") from None
    if total is not None and total < 0:
        raise AnswerError(f"a page whose total is {total}")
    return Page(items, total)


def _decode(body: bytes) -> object:
    try:
        return json_text.decode(body)
    except json_text.JsonError as error:
        raise AnswerError(f"{error}; it begins {_beginning(body)}") from None


def _wrong(expected: str, answer: object, body: bytes) -> AnswerError:
    return AnswerError(
        f"expected {expected}, got {values.shown(answer)}; it begins {_beginning(body)}"
    )


def _beginning(body: bytes) -> str:
    """The first bytes of the body as ASCII, for a message."""
    return ascii(body[:_MAX_QUOTED].decode("utf-8", "backslashreplace"))
