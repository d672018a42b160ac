"""One self-contained HTML page that shows the warehouse to people who write no SQL."""

from flexprice_wallets.use.report.write import Subject, write_report

__all__ = ["Subject", "write_report"]
