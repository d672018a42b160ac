"""An answer has the shape it should have, or it is no answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexprice_wallets.records.answers import (
    AnswerError,
    decoded_wallets,
    page_of_answer,
    undecoded_wallets,
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


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
#: Valid answers, and such with any bytes in them.
_BODIES = st.builds(
    lambda value, junk, place: (body := json.dumps(value).encode())[:place] + junk + body[place:],
    st.lists(_VALUES) | _VALUES,
    st.just(b"") | st.binary(max_size=3),
    st.integers(min_value=0, max_value=40),
)


@given(_BODIES)
@example(b"[" * 200 + b"]" * 200)
@example(b"[" * 900 + b"]" * 900)
@example(b"[" * 1100 + b"]" * 1100)
@example(b'[{"id": 1, "id": 2}, 1e999, 123456789012345678901234567890, -0.10]')
@example(b"\xef\xbb\xbf[]")
@example(b'["\\ud800", NaN]')
@example(b'["\xff"]')
def test_an_answer_that_is_sent_as_it_came_says_what_it_said(body: bytes) -> None:
    try:
        expected = wallets_of_answer(body)
    except AnswerError:
        with pytest.raises(AnswerError):
            undecoded_wallets(body)
    else:
        # As text: what is no number is unequal to itself.
        assert repr(decoded_wallets(undecoded_wallets(body))) == repr(expected)


def test_only_what_is_surely_shallow_is_sent_as_it_came() -> None:
    few = b"[" + b",".join([b"{}"] * 50) + b"]"
    many = b"[" + b",".join([b"{}"] * 5000) + b"]"
    assert undecoded_wallets(few) == [few]
    assert undecoded_wallets(many) == [{}] * 5000
