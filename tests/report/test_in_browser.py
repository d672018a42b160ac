"""The report as a real browser shows it: no errors, no requests, on paper white and in the dark, wide and narrow."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.report.browser import Browser

#: The lowest contrast between text and the ground of a section, as WCAG reckons it.
CONTRAST = """
(() => {
  const channel = (c) => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; };
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  };
  const ground = light(getComputedStyle(document.querySelector("main > section")).backgroundColor);
  return Math.min(...["p", "h2", "caption", "td", "a", "summary", ".note"].map((name) => {
    const found = document.querySelector(`main ${name}, nav ${name}`);
    const ink = light(getComputedStyle(found).color);
    return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
  }));
})()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390], ids=["wide", "phone"])
def test_it_opens_without_a_network_and_without_a_complaint(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    address = page.as_uri()
    browser.open(address, width=width, dark=dark)
    drawn = browser.value("document.querySelectorAll('[data-chart] svg').length")
    assert drawn == browser.value("document.querySelectorAll('[data-chart]').length") > 2
    assert browser.complaints == []
    assert [request for request in browser.requests if not request.startswith("data:")] == [address]
    # Tables scroll inside their own boxes; the page itself never does sideways.
    assert browser.value("document.documentElement.scrollWidth") == width
    widest = (
        "Math.max(...Array.from(document.querySelectorAll('[data-chart] svg'), s => s.clientWidth))"
    )
    assert width / 4 < browser.value(widest) <= width
    assert browser.value(CONTRAST) >= 4.5
    assert browser.screenshot().startswith(b"\x89PNG")


def test_dark_is_dark(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri(), dark=True)
    colour = "getComputedStyle(document.body).backgroundColor"
    ticks = "document.querySelector('[data-chart] svg .role-axis-label text').getAttribute('fill')"
    dark = browser.value(colour), browser.value(ticks)
    # Charts are drawn again when the reader switches.
    browser.prefer("light")
    browser.wait_for(f"{ticks} !== {dark[1]!r}")
    assert browser.value(colour) != dark[0]
    assert browser.complaints == []


def test_a_screen_reader_finds_its_way(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    headings = browser.accessible("heading")
    for heading in (
        "Overview",
        "Outstanding liability",
        "Wallets about to run out",
        "Alerts",
        "Loads",
    ):
        assert heading in headings
    images = browser.accessible("image")
    assert len(images) == browser.value("document.querySelectorAll('[data-chart]').length")
    assert any(name.startswith("Outstanding in usd: ") for name in images)
    assert any("in 5 steps with 0 top-ups" in name for name in images)
    tables = browser.accessible("table")
    assert tables
    assert all(tables)
    assert browser.value("document.documentElement.lang") == "en"
    assert browser.value("Array.from(document.querySelectorAll('th:not([scope])')).length") == 0
    levels = browser.value(
        "Array.from(document.querySelectorAll('h1, h2, h3'), h => +h.tagName[1])"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    identifiers = "Array.from(document.querySelectorAll('[id]'), e => e.id)"
    assert len(browser.value(identifiers)) == len(set(browser.value(identifiers)))
    assert browser.value(
        "Array.from(document.querySelectorAll('nav a')).every(a => document.querySelector(a.hash))"
    )


def test_without_scripts_every_chart_is_there_in_words(page: Path) -> None:
    html = page.read_text(encoding="utf-8").split('<script type="application/json"')[0]
    assert html.count('role="img" aria-label="') == html.count("data-chart=") > 2


def test_a_page_that_complains_would_be_noticed(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    html = page.read_text(encoding="utf-8")
    broken.write_text(html.replace("<main", '<img src="other.png"><main'), encoding="utf-8")
    browser.open(broken.as_uri())
    assert browser.complaints != []
