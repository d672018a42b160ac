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
  return Math.min(...["p", "h2", "caption", "td", "a", "summary", ".note", "th", "td code"].flatMap((name) => {
    const found = document.querySelector(`main ${name}, nav ${name}`);
    if (!found) return [];
    const ink = light(getComputedStyle(found).color);
    return (Math.max(ink, ground) + .05) / (Math.min(ink, ground) + .05);
  }));
})()
"""


#: Whatever is wider than its box, so that something of it is cut off or has to be scrolled to.
CUT_OFF = """
Array.from(document.querySelectorAll("body *"))
  .filter((e) => !e.closest("svg, .heard, .skip") && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
  .map((e) => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 40)}`)
"""
#: Whatever a reader or a screen reader finds without a name.
NAMELESS = """
Array.from(document.querySelectorAll("table, th button, [data-chart], section[id], input, td[data-label=''], h2, h3"))
  .filter((e) => {
    const name = e.matches("table") ? e.caption?.textContent
      : e.matches("[data-chart]") ? e.getAttribute("aria-label")
      : e.matches("section") ? document.getElementById(e.getAttribute("aria-labelledby"))?.textContent
      : e.matches("input") ? e.labels[0]?.textContent
      : e.textContent;
    return !name?.trim();
  })
  .map((e) => e.outerHTML.slice(0, 80))
"""
#: Charts with an axis of amounts that has no unit, or is written as nobody writes money.
ODD_AXES = """
Array.from(document.querySelectorAll("[data-chart] svg"))
  .filter((svg) => {
    const titles = Array.from(svg.querySelectorAll(".role-axis-title text"), (t) => t.textContent);
    const labels = Array.from(svg.querySelectorAll(".role-axis-label text"), (t) => t.textContent);
    return !titles.some((t) => /^[A-Z]{3}$/.test(t)) || labels.some((t) => /e[+-]|^0[A-Za-z]/.test(t));
  }).length
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390], ids=["wide", "phone"])
@pytest.mark.parametrize("about", ["page", "wallet_page", "crowded_page"])
def test_it_opens_without_a_network_and_without_a_complaint(
    browser: Browser, request: pytest.FixtureRequest, about: str, width: int, dark: bool
) -> None:
    address = request.getfixturevalue(about).as_uri()
    browser.open(address, width=width, dark=dark)
    drawn = browser.value("document.querySelectorAll('[data-chart] svg').length")
    assert drawn == browser.value("document.querySelectorAll('[data-chart]').length") > 0
    assert browser.complaints == []
    assert [request for request in browser.requests if not request.startswith("data:")] == [address]
    browser.value("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for precise in (False, True):
        browser.value(f"document.getElementById('exact').checked = {str(precise).lower()}")
        assert browser.value("document.documentElement.scrollWidth") == width
        assert browser.value(CUT_OFF) == []
    assert browser.value(NAMELESS) == []
    assert browser.value(ODD_AXES) == 0
    widest = (
        "Math.max(...Array.from(document.querySelectorAll('[data-chart] svg'), s => s.clientWidth))"
    )
    assert width / 4 < browser.value(widest) <= width
    assert browser.value(CONTRAST) >= 4.5
    assert browser.screenshot().startswith(b"\x89PNG")


def test_a_crowded_page_has_every_line_of_the_books(browser: Browser, crowded_page: Path) -> None:
    browser.open(crowded_page.as_uri())
    headings = (
        "Array.from(document.querySelectorAll('#roll-forward thead th'), e => e.textContent.trim())"
    )
    assert browser.value(headings) == [
        "Month", "Opening", "Purchased", "Granted", "Refunded", "Adjusted", "Used", "Expired", "Lost with wallets",
        "Other", "Revaluation", "Unexplained", "Closing", "Of it in ended wallets",
    ]  # fmt: skip


def test_tables_are_sorted_by_any_column(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    table = "document.querySelector('#movements table')"
    column = f"Array.from({table}.tHead.rows[0].cells).findIndex(c => c.textContent.trim() === 'Movement')"
    keys = f"Array.from({table}.tBodies[0].rows, r => Number(r.cells[{column}].dataset.key))"
    found = browser.value(keys)
    assert min(found) < max(found)
    button = f"{table}.tHead.rows[0].cells[{column}].querySelector('button')"
    for order in (True, False):
        browser.value(f"{button}.click()")
        assert browser.value(keys) == sorted(found, reverse=order)
    assert browser.value(f"{button}.parentElement.getAttribute('aria-sort')") == "ascending"


def test_a_phone_leaves_out_what_is_empty_but_no_wallet(browser: Browser, page: Path) -> None:
    cells = "Array.from(document.querySelectorAll('main td'))"
    hidden = f"{cells}.filter((e) => getComputedStyle(e).display === 'none')"
    browser.open(page.as_uri())
    assert browser.value(f"{hidden}.length") == 0
    browser.open(page.as_uri(), width=390)
    assert browser.value(f"{hidden}.every((e) => e.textContent.trim().replace('–', '') === '')")
    assert browser.value(f"{hidden}.length") > 0
    wallets = f"{cells}.filter((e) => e.className === 'wallet')"
    assert browser.value(f"{wallets}.length") > 0
    assert browser.value(f"{wallets}.every((e) => getComputedStyle(e).display !== 'none')")
    assert browser.value(f"{wallets}.some((e) => e.textContent.includes('Unnamed wallet'))")


def test_full_precision_is_a_click_away(browser: Browser, page: Path) -> None:
    browser.open(page.as_uri())
    display = "getComputedStyle(document.querySelector('.headline .{}')).display"
    for shown, hidden in (("rounded", "exact"), ("exact", "rounded"), ("rounded", "exact")):
        assert browser.value(display.format(hidden)) == "none"
        assert browser.value(display.format(shown)) != "none"
        browser.value("document.getElementById('exact').click()")


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
        "Outstanding",
        "Soon used up",
        "Alerts",
        "Largest movements",
        "Books by month",
        "Credits that expire",
        "Breakage",
        "Reconciliation",
        "To look into",
        "Loads",
    ):
        assert heading in headings
    images = browser.accessible("image")
    assert len(images) == browser.value("document.querySelectorAll('[data-chart]').length")
    assert any(name.startswith("Outstanding in USD: ") for name in images)
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
    assert html.count('role="img" aria-label="') == html.count("data-chart=") > 1


def test_a_page_that_complains_would_be_noticed(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.html"
    html = page.read_text(encoding="utf-8")
    broken.write_text(html.replace("<main", '<img src="other.png"><main'), encoding="utf-8")
    browser.open(broken.as_uri())
    assert browser.complaints != []
