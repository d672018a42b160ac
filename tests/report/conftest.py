"""A report of the small history, and a browser to look at it with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.browser import Browser, chromium, opened_browser
from tests.small_history import SmallHistory, small_history


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> SmallHistory:
    return small_history(tmp_path_factory)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with opened_browser(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def page(history: SmallHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report about everybody."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report import write_report

    output = tmp_path_factory.mktemp("report") / "report.html"
    write_report(history.warehouse, output)
    return output


@pytest.fixture(scope="module")
def wallet_page(history: SmallHistory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report about the wallet of the story."""
    pytest.importorskip("altair", reason="the extra `report` is not installed")
    from flexprice_wallets.use.report import Subject, write_report

    output = tmp_path_factory.mktemp("report") / "wallet.html"
    write_report(history.warehouse, output, subject=Subject("wallet", history.wallet_id))
    return output
