"""Whatever comes from the warehouse is text in the page, and figures are exact."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from flexprice_wallets.use.report.html import Column, element, plain, table, text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (Decimal("1234567.100000000"), "1,234,567.1"),
        (Decimal("1000.000000000"), "1,000"),
        (Decimal("100"), "100"),
        (Decimal("0E-9"), "0"),
        (Decimal("-0.000000000"), "0"),
        (Decimal("-0.0000000000000001"), "−0.0000000000000001"),
        (Decimal("9999999999999999999.999999999"), "9,999,999,999,999,999,999.999999999"),
        (datetime(2026, 3, 1, 6, 30, tzinfo=UTC), "2026-03-01 06:30"),
        (date(2026, 3, 1), "2026-03-01"),
        ("=1+1", "=1+1"),
    ],
)
def test_plain(value: object, shown: str) -> None:
    assert plain(value) == shown


def test_text_and_attributes_are_escaped() -> None:
    hostile = """<b a="1" b='2'>&"""
    assert text(hostile).html == "&lt;b a=&quot;1&quot; b=&#x27;2&#x27;&gt;&amp;"
    assert "<b" not in element("p", hostile, aria_label=hostile).html
    assert element("p", element("em", "a & b")).html == "<p><em>a &amp; b</em></p>"


def test_a_table_says_what_it_is() -> None:
    html = table(
        "Wallets <all>",
        [Column("Id", "id", "id"), Column("Held", "held", "figure")],
        [{"id": "w<1", "held": Decimal("1.50")}],
    ).html
    assert "<caption>Wallets &lt;all&gt;</caption>" in html
    assert html.count('scope="col"') == 2
    assert '<th scope="row" class="id"><code>w&lt;1</code></th>' in html
    assert '<td class="figure">1.5</td>' in html
