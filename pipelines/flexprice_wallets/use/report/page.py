"""The page: collects sections and charts, and writes them by the templates as one document."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files
from typing import Any, Final

from flexprice_wallets.use.report import formats
from flexprice_wallets.use.report.charts import Chart
from flexprice_wallets.use.report.parts import Place, Section
from flexprice_wallets.version import __version__

_TEMPLATES: Final = files("flexprice_wallets.use.report") / "templates"


class Page:
    """Collects sections and charts, and writes them as one document that asks nothing of any network."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._sections: list[Section] = []
        self._places: list[Place] = []

    def add(self, section: Section) -> None:
        self._sections.append(section)

    def draw(self, chart: Chart) -> Place:
        """The place of a chart; what it shows stands there in words, for screen readers and until it is drawn."""
        place = Place(len(self._places) + 1, chart)
        self._places.append(place)
        return place

    def html(self, library: str) -> str:
        """The document; `library` is the script that charts are drawn with."""
        from markupsafe import Markup

        drawing = _asset("page.js")
        return str(
            _environment()
            .get_template("page.html")
            .render(
                title=self.title,
                version=__version__,
                sections=self._sections,
                policy=_policy(library, drawing),
                style=Markup(_asset("page.css")),
                scripts=[Markup(library), Markup(drawing)],
                # Inside a script element only `<` could end it.
                specifications=[
                    (place.number, Markup(place.chart.specification.replace("<", "\\u003c")))
                    for place in self._places
                ],
            )
        )


def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("flexprice_wallets.use.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    named = (
        "plain", "code", "month", "money", "quantity", "rate", "short_id", "count",
    )  # fmt: skip
    environment.filters.update({name: getattr(formats, name) for name in named})
    return environment


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


def _asset(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
