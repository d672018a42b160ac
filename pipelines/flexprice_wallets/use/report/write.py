"""Puts the report together and in its place."""

from __future__ import annotations

from pathlib import Path

from flexprice_wallets.errors import StorageError
from flexprice_wallets.use.replaced_file import replace_file
from flexprice_wallets.use.report import ledger_sections, sections
from flexprice_wallets.use.report.asked import Asked
from flexprice_wallets.use.report.charts import require_extra, scripts
from flexprice_wallets.use.report.closer_look import closer_look
from flexprice_wallets.use.report.page import Page
from flexprice_wallets.use.report.parts import Subject
from flexprice_wallets.warehouse.database import open_published

__all__ = ["Subject", "write_report"]


def write_report(
    database: Path,
    output: Path,
    *,
    subject: Subject | None = None,
    raw_schema: str = "flexprice_raw",
    schema: str = "flexprice",
) -> None:
    """Write the report of a warehouse as one HTML file, which replaces an earlier one when it is complete.

    Raises:
        ConfigurationError: where the extra `report` is not installed.
        NotFound: where the wallet or customer is unknown.
        NotAWarehouse, WarehouseTooNew: where the database is no warehouse of this program.
        StorageError: where the file cannot be written.
    """
    require_extra()
    chosen = (f"{subject.kind}_id", subject.id) if subject else None
    with open_published(database, raw_schema=raw_schema, schema=schema) as connection:
        ask = Asked(connection, raw_schema=raw_schema, schema=schema, subject=chosen)
        if subject is None:
            html = page_about_everybody(ask, schema, scripts())
        else:
            html = page_about(ask, schema, subject, scripts())
    _write(output, html)


def page_about_everybody(ask: Asked, schema: str, library: str) -> str:
    """The page of a whole tenant; `library` is the script that charts are drawn with."""
    page = Page("Customers' wallets")
    page.add(sections.overview(ask))
    page.add(sections.outstanding(ask, page.draw))
    page.add(sections.running_out(ask))
    page.add(sections.alerts(ask))
    page.add(sections.movements(ask))
    if ledger_sections.has_ledger(ask):
        page.add(ledger_sections.roll_forward(ask, page.draw))
        page.add(ledger_sections.expiring(ask))
        page.add(ledger_sections.breakage(ask))
        page.add(ledger_sections.reconciliation(ask))
    else:
        page.add(ledger_sections.no_ledger())
    page.add(sections.findings(ask, schema))
    page.add(sections.loads(ask))
    return page.html(library)


def page_about(ask: Asked, schema: str, subject: Subject, library: str) -> str:
    """The page of one wallet or customer, about whom alone `ask` answers.

    It can be sent to the customer: nothing in it concerns anybody else.
    """
    page = Page("")
    page.title, section = closer_look(ask, page.draw, subject)
    page.add(section)
    page.add(sections.running_out(ask, names_owner=False))
    page.add(sections.alerts(ask, names_owner=False))
    if ledger_sections.has_ledger(ask):
        page.add(ledger_sections.expiring(ask, names_owner=False))
        page.add(ledger_sections.reconciliation(ask, names_owner=False))
    page.add(sections.findings(ask, schema))
    return page.html(library)


def _write(output: Path, html: str) -> None:
    try:
        replace_file(output, html, ends_run=True)
    except OSError as error:
        raise StorageError(
            f"{output} cannot be written ({error.strerror or error}): name another --output."
        ) from error
