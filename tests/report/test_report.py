"""`flexprice-wallets report`: what it says, and that it is one file."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from flexprice_wallets.commands.main import run
from flexprice_wallets.use.report.formats import plain
from flexprice_wallets.warehouse.database import open_database
from tests.small_history import CREDITS, RATE, SmallHistory

HOSTILE = "</script><script>document.title = 'broken'</script><img src=x onerror=alert(1)>\"'&"

Report = Callable[..., str]


@pytest.fixture
def report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Report:
    """Runs the command, and returns the page; where it fails, what it says."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    monkeypatch.chdir(tmp_path)

    def run_here(database: Path, *arguments: str, code: int = 0) -> str:
        assert run(["report", f"--database={database}", *arguments]) == code
        return capsys.readouterr().err if code else Path("report.html").read_text(encoding="utf-8")

    return run_here


class _Text(HTMLParser):
    """The text of a page outside scripts and styles, and its elements' addresses."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self._is_code = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._is_code = tag in {"script", "style"}
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's interface
        self._is_code = False

    def handle_data(self, data: str) -> None:
        if not self._is_code:
            self.words.append(data)


def test_figures_stand_in_it_exactly(page: Path, wallet_page: Path, history: SmallHistory) -> None:
    words = _Text(wallet_page.read_text(encoding="utf-8")).words
    for credits_ in CREDITS.values():
        assert plain(credits_) in words
        assert plain(credits_ * RATE) in words
    words = _Text(page.read_text(encoding="utf-8")).words
    with open_database(history.warehouse, read_only=True) as connection:
        latest = connection.execute(
            "select outstanding_balance from flexprice.currency_balance_daily where date_day = '2026-03-04'"
        ).fetchall()
    assert latest
    for (outstanding,) in latest:
        assert plain(outstanding) in words


def test_nothing_is_fetched_from_anywhere(page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    found = _Text(html)
    assert {
        address.split(":")[0] for address in found.addresses if not address.startswith("#")
    } == {"data"}
    assert not re.search(r"@import|url\(", html.split("</style>")[0])
    assert "default-src 'none'" in unescape(html)


def test_the_same_warehouse_gives_the_same_page(report: Report, history: SmallHistory) -> None:
    assert report(history.warehouse) == report(history.warehouse)


def test_the_closer_look_is_at_one_customers_wallets(report: Report, history: SmallHistory) -> None:
    assert 'id="closer-look"' not in report(history.warehouse)
    with_customer = report(history.warehouse, "--customer", history.customer_id)
    assert with_customer.count("data-chart=") == 1


def test_free_text_does_no_harm(report: Report, history: SmallHistory, tmp_path: Path) -> None:
    warehouse = history.copy(tmp_path)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update flexprice_raw.customers set name = ?", [HOSTILE])
        connection.execute("update flexprice_raw.wallets set name = ?", [HOSTILE])
    for arguments in ((), ("--customer", history.customer_id)):
        html = report(warehouse, *arguments)
        assert HOSTILE in "".join(_Text(html).words)
        assert _Text(html).tags.count("img") == 0
        plain_page = report(history.warehouse, *arguments)
        assert _Text(html).tags.count("script") == _Text(plain_page).tags.count("script")


def test_a_hostile_currency_does_no_harm_in_a_chart(
    report: Report, history: SmallHistory, tmp_path: Path
) -> None:
    warehouse = history.copy(tmp_path)
    with duckdb.connect(str(warehouse)) as connection:
        tables = connection.execute(
            "select table_name from duckdb_columns() "
            "where schema_name = 'flexprice_raw' and column_name = 'currency'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f"update flexprice_raw.{table} set currency = ?", [HOSTILE])
    html = report(warehouse)
    data = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert any("\\u003c/script>" in chart.lower() for chart in data)
    assert _Text(html).tags.count("img") == 0


def test_unknown_wallet(report: Report, history: SmallHistory) -> None:
    error = report(history.warehouse, "--wallet", "wallet_unknown", code=2)
    assert "knows no wallet of --wallet wallet_unknown" in error


def test_wallet_and_customer_together(report: Report, history: SmallHistory) -> None:
    assert "name one" in report(history.warehouse, "--wallet", "a", "--customer", "b", code=2)


def test_no_warehouse(report: Report, tmp_path: Path) -> None:
    assert "does not exist" in report(tmp_path / "none.duckdb", code=1)


def test_no_place_to_write(report: Report, history: SmallHistory) -> None:
    error = report(history.warehouse, "--output", "missing/report.html", code=1)
    assert "cannot be written" in error


@pytest.mark.parametrize("missing", ["altair", "jinja2"])
def test_the_extra_is_named_where_it_is_missing(
    history: SmallHistory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    missing: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(["report", f"--database={history.warehouse}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"needs {missing}" in error
    assert "pip install 'flexprice-wallets[report]'" in error
