"""An answer has the shape it should have, or it is no answer."""

from __future__ import annotations

import pytest

from flexprice_wallets.records.answers import (
    AnswerError,
    page_of_answer,
    wallet_of_answer,
    wallets_of_answer,
    wallets_one_by_one,
    wallets_page,
)

NO_JSON = [b"", b"<html>", b'[{"id":', b'"\xff"', b"[" * 50_000]


@pytest.mark.parametrize("body", [*NO_JSON, b"null", b"{}", b'{"items": []}', b'"x"', b"1"])
def test_what_is_no_list_of_wallets(body: bytes) -> None:
    with pytest.raises(AnswerError):
        wallets_of_answer(body)


@pytest.mark.parametrize("body", [*NO_JSON, b"null", b"[]", b"true"])
def test_what_is_no_wallet(body: bytes) -> None:
    with pytest.raises(AnswerError):
        wallet_of_answer(body)


@pytest.mark.parametrize(
    "body",
    [
        *NO_JSON,
        b"[]",
        b"{}",
        b'{"items": null}',
        b'{"items": {}}',
        b'{"items": [], "pagination": []}',
        b'{"items": [], "pagination": {"total": "many"}}',
        b'{"items": [], "pagination": {"total": -1}}',
        b'{"items": [], "pagination": {"total": 1.5}}',
        b'{"items": [], "pagination": {"total": true}}',
    ],
)
def test_what_is_no_page_of_customers(body: bytes) -> None:
    with pytest.raises(AnswerError):
        page_of_answer(body)


def test_answers_are_taken_apart_without_judging_their_elements() -> None:
    assert wallets_of_answer(b"[]") == []
    assert wallets_of_answer(b'[{"id": "w"}, 7]') == [{"id": "w"}, 7]
    assert wallet_of_answer(b'{"id": "w"}') == {"id": "w"}


@pytest.mark.parametrize(
    ("pagination", "total"),
    [(b'{"total": 2500, "limit": 1}', 2500), (b'{"total": null}', None), (b"null", None)],
)
def test_a_page_of_customers(pagination: bytes, total: int | None) -> None:
    body = b'{"items": [{"id": "c"}, null], "pagination": ' + pagination + b"}"
    page = page_of_answer(body)
    assert page == [{"id": "c"}, None]
    assert (page.total, type(page.total)) == (total, type(total))
    assert page_of_answer(b'{"items": []}').total is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"items": [{"id": "a"}, 7 , {}], "pagination": {"total": 9}}',
        b'\xef\xbb\xbf { "pagination" : {"total": [1]} , "items":[ {"id":"a"},7,{} ] }\n',
        b'{"items": []}',
        b'{"items": [ ] , "x": null}',
    ],
)
def test_wallets_one_by_one_are_those_of_the_whole(body: bytes) -> None:
    assert list(wallets_one_by_one(body)) == wallets_page(body)


@pytest.mark.parametrize(
    "body",
    [
        *NO_JSON,
        b"[]",
        b"{}",
        b'{"items": {}}',
        b'{"items": null}',
        b'{"items": [{"id": "a"}',
        b'{"items": [{"id": "a"},]}',
        b'{"items": [{"id": "a"} {}]}',
        b'{"items": [] "x": 1}',
        b'{"items": [], }',
        b'{"items": []} {}',
        b'{"items" []}',
    ],
)
def test_what_is_no_list_of_items_one_by_one(body: bytes) -> None:
    with pytest.raises(AnswerError):
        list(wallets_one_by_one(body))
    with pytest.raises(AnswerError):
        wallets_page(body)


def test_the_message_shows_what_came_instead_in_ascii() -> None:
    with pytest.raises(AnswerError) as caught:
        wallets_of_answer('{"error": "später"}'.encode())
    message = str(caught.value)
    assert message == (
        'expected a list of wallets, got an object; it begins \'{"error": "sp\\xe4ter"}\''
    )
    with pytest.raises(AnswerError) as caught:
        wallets_of_answer(b"<html>" + b"x" * 10_000)
    assert "not JSON" in str(caught.value)
    assert "<html>" in str(caught.value)
    assert len(str(caught.value)) < 200
