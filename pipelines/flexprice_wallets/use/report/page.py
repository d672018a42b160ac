"""The page: its head, its style, its scripts, and the places where charts are drawn."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files

from flexprice_wallets.use.report.charts import Chart
from flexprice_wallets.use.report.html import Markup, element, joined
from flexprice_wallets.use.report.parts import Section
from flexprice_wallets.version import __version__

_TITLE = "Customers' wallets"


class Page:
    """Collects sections and charts, and writes them as one document that asks nothing of any network."""

    def __init__(self) -> None:
        self._sections: list[Section] = []
        self._charts: list[Chart] = []

    def add(self, section: Section) -> None:
        self._sections.append(section)

    def draw(self, chart: Chart) -> Markup:
        """The place of a chart; what it shows stands there in words, for screen readers and until it is drawn."""
        self._charts.append(chart)
        return element(
            "div",
            class_="chart",
            role="img",
            aria_label=chart.summary,
            data_chart=f"chart-{len(self._charts)}",
            data_palette=chart.palette,
        )

    def html(self, library: str) -> str:
        """The document; `library` is the script that charts are drawn with."""
        drawing = _asset("page.js")
        links = (
            element("li", element("a", section.label or section.heading, href=f"#{section.anchor}"))
            for section in self._sections
        )
        parts = (
            element(
                "section",
                element("h2", section.heading, id=f"{section.anchor}-heading"),
                section.content,
                id=section.anchor,
                aria_labelledby=f"{section.anchor}-heading",
            )
            for section in self._sections
        )
        body = joined(
            (
                element("a", "Skip to the content", class_="skip", href="#content"),
                element(
                    "header",
                    element("h1", _TITLE),
                    element("nav", element("ul", *links), aria_label="Sections"),
                ),
                element("main", *parts, id="content"),
                element(
                    "footer",
                    element(
                        "p", f"Written by flexprice-wallets {__version__}. Times and days are UTC."
                    ),
                ),
                *(
                    element("script", _data(chart), type="application/json", id=f"chart-{number}")
                    for number, chart in enumerate(self._charts, start=1)
                ),
                *(element("script", Markup(script)) for script in (library, drawing)),
            )
        )
        head = joined(
            (
                Markup('<meta charset="utf-8">'),
                Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
                Markup('<meta name="color-scheme" content="light dark">'),
                Markup(
                    f'<meta http-equiv="Content-Security-Policy" content="{_policy(library, drawing)}">'
                ),
                Markup('<link rel="icon" href="data:,">'),
                element("title", f"{_TITLE} – flexprice-wallets"),
                element("style", Markup(_asset("page.css"))),
            )
        )
        root = element("html", element("head", head), element("body", body), lang="en")
        return f"<!doctype html>\n{root.html}\n"


def _policy(*scripts: str) -> str:
    """Let run what this program wrote and nothing else, should a customer's name ever slip through as a script."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    # Vega compiles its expressions at run time and styles its tooltips.
    return (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _data(chart: Chart) -> Markup:
    """A specification inside a script element, where only `<` could end it."""
    return Markup(chart.specification.replace("<", "\\u003c"))


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
