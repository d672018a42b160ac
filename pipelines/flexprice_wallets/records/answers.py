"""Takes the body of an answer apart into records, or says that it is no such answer."""

from __future__ import annotations

from typing import Final

from flexprice_wallets.records import json_text, values

_MAX_QUOTED: Final = 80


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


def customers_page(body: bytes) -> tuple[list[object], int | None]:
    """The items of a page of customers, and `pagination.total` (None where it is left out).

    Raises:
        AnswerError: the body is not JSON, has no list of items, or a total that is not a count.
    """
    answer = _decode(body)
    if type(answer) is not dict:
        raise _wrong("a page of customers", answer, body)
    items = answer.get("items")
    if type(items) is not list:
        raise _wrong("a page with a list of items", answer, body)
    try:
        pagination = values.read(answer, "pagination", values.members)
        total = values.read(pagination, "total", values.integer)
    except values.Unreadable as error:
        raise AnswerError(f"a page of customers whose {error}") from None
    if total is not None and total < 0:
        raise AnswerError(f"a page of customers whose total is {total}")
    return items, total


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
