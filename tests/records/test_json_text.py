"""Decoding keeps every digit, encoding gives them back, equal values have one canonical text."""

from __future__ import annotations

import decimal
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_wallets.records import json_text
from flexprice_wallets.records.json_text import JsonError, RepeatedKey, UnreadableNumber

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
)


@given(VALUES)
def test_what_is_encoded_decodes_to_the_same(value: Any) -> None:
    assert json_text.decode(json_text.encode(value).encode()) == value
    assert json_text.decode(json_text.canonical(value).encode()) == value
    assert json_text.encode(value).isascii()


@pytest.mark.parametrize(
    "number",
    ["0.1", "1.50", "0.30000000000000004", "123456789012345678901234567890.123456789", "-0", "7"],
)
def test_a_number_keeps_its_digits(number: str) -> None:
    decoded = json_text.decode(number.encode())
    assert type(decoded) is Decimal
    assert json_text.encode(decoded) == number


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e9999999999999999999"])
def test_a_number_that_is_none_costs_itself_and_keeps_its_text(number: str) -> None:
    decoded: Any = json_text.decode(f'{{"a": {number}, "b": 1}}'.encode())
    assert type(decoded["a"]) is UnreadableNumber
    assert decoded["b"] == 1
    assert json.loads(json_text.encode(decoded)) == {"a": number, "b": 1}
    assert json.loads(json_text.canonical(decoded)) == {"a": number, "b": 1}


def test_decoding_does_not_depend_on_the_callers_decimal_context() -> None:
    with decimal.localcontext(decimal.Context(prec=3, traps=[])):
        decoded: Any = json_text.decode(b"[1.23456, 1e9999999999999999999]")
        assert json_text.canonical(decoded[0]) == "1.23456"
    assert type(decoded[1]) is UnreadableNumber


def test_a_key_given_twice_keeps_both_values_where_they_differ() -> None:
    decoded: Any = json_text.decode(b'{"a": 1, "b": 2, "a": 3, "b": 2.0}')
    assert type(decoded["a"]) is RepeatedKey
    assert decoded == {"a": [1, 3], "b": 2}
    assert json_text.encode(decoded) == '{"a":[1,3],"b":2}'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON: Expecting value at character 0"),
        (b"<html>502</html>", "not JSON"),
        (b'[{"id": "w', "not JSON: Unterminated string"),
        (b'[{"id": "w"}', "not JSON"),
        (b"[] []", "not JSON: Extra data"),
        (b"[1,]", "not JSON"),
        (b'["\xff"]', "not UTF-8 at byte 2 of 5"),
        (b'["caf\xe9"]', "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        json_text.decode(body)


def test_a_byte_order_mark_is_ignored() -> None:
    assert json_text.decode(b"\xef\xbb\xbf[]") == []


@pytest.mark.parametrize("body", [b"[" * 900 + b"]" * 900, b'{"a":' * 900 + b"1" + b"}" * 900])
def test_whatever_could_be_decoded_can_be_encoded(body: bytes) -> None:
    value = json_text.decode(body)
    assert json_text.encode(value) == json_text.canonical(value) == body.decode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"b": 1, "a": {"d": 2, "c": 3}}', '{"a":{"c":3,"d":2},"b":1}'),
        ("[1.50, 1.5, 15e-1, 0.015E2]", "[1.5,1.5,1.5,1.5]"),
        ("[100, 1e2, 100.0]", "[100,100,100]"),
        ("[0, -0, 0.00, 0e5]", "[0,0,0,0]"),
        ("[-0.05, 1e-41, -12e41]", "[-0.05,1e-41,-12e41]"),
        (f"[{'1' * 60}.5]", f"[{'1' * 60}.5]"),
        ('["é 東京 \\u0000"]', '["é 東京 \\u0000"]'),
        ('["\\ud800"]', '["\\\\ud800"]'),
        ('[{}, [], "", null, true, false]', '[{},[],"",null,true,false]'),
    ],
)
def test_canonical_text(value: str, text: str) -> None:
    assert json_text.canonical(json_text.decode(value.encode())) == text


def test_a_raw_record_is_cut_with_a_mark() -> None:
    raw = json_text.raw_record(["x" * json_text.MAX_RAW_LENGTH])
    assert raw.endswith(f"x [cut: {json_text.MAX_RAW_LENGTH + 4} characters in all]")
    assert len(raw) < json_text.MAX_RAW_LENGTH + 50
    assert json_text.raw_record(["é"]) == '["\\u00e9"]'


def test_what_is_no_json_value_is_the_callers_mistake() -> None:
    with pytest.raises(TypeError, match="float"):
        json_text.encode([0.1])
