"""Asks the warehouse the report's questions: about everybody, or about one wallet or customer only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import duckdb

from flexprice_wallets.use.report.holdings import MOVED, Holding, Moved
from flexprice_wallets.use.report.queries import ROWS_BY_CURRENCY, ROWS_SHOWN

#: One row of an answer, by column name; amounts are Decimal, times aware.
Row = Mapping[str, Any]

# What was read or found of a wallet while it was somebody else's is told to nobody else, nor its pace of then.
_READ: Final = (
    " and not coalesce(list_contains(cast($moved_unread as varchar[]), {}wallet_id), false)"
)
_SINCE: Final = (
    "coalesce(found_at >= list_extract($moved_since, list_position($moved, wallet_id)), true)"
)
_OWN_PACE: Final = "not list_contains(cast($moved_recently as varchar[]), runway.wallet_id)"


class Asked:
    """Answers the report's questions from one open warehouse, about everybody or about one subject only."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        *,
        raw_schema: str,
        schema: str,
        subject: tuple[str, str] | None = None,
    ) -> None:
        """`subject` is the column and the value that every row of a question about wallets must have."""
        self._connection = connection
        self._names: dict[str, object] = {
            "raw_schema": raw_schema,
            "schema": schema,
            "limit": ROWS_SHOWN,
            "limit_by_currency": ROWS_BY_CURRENCY,
        }
        self._values: dict[str, Any] = {}
        #: The wallets of the subject that were somebody else's before.
        self.moved: dict[str, Moved] = {}
        column = None
        if subject:
            column, self._values["subject"] = subject
            self._names["subject_column"] = column
            self.moved = {row.pop("wallet_id"): Moved(**row) for row in self._rows(MOVED)}
        self._names |= {
            "subject": self._of_subject(column, "runway."),
            "alert_subject": self._of_subject(column, "alerts."),
            "subject_of_finding": self._of_subject(column),
            "since_of_finding": _SINCE if self.moved else "true",
            "pace_is_own": _OWN_PACE if self.moved else "true",
        }
        self._values |= {
            "moved": list(self.moved),
            "moved_since": [moved.since for moved in self.moved.values()],
            "moved_unread": [wallet for wallet, moved in self.moved.items() if moved.is_unread],
            "moved_recently": [wallet for wallet, moved in self.moved.items() if moved.is_recent],
        }

    def __call__(self, sql: str, **values: Any) -> list[Row]:
        """The rows of a question; `values` are its parameters by name."""
        return [*self._rows(sql, **values)]

    def holding(self, wallet: Row) -> Holding:
        """A wallet in the hands of its present customer."""
        wallet_id = wallet["wallet_id"]
        return Holding(wallet_id, wallet["customer_id"], self.moved.get(wallet_id))

    def _of_subject(self, column: str | None, table: str = "") -> str:
        if column is None:
            return "true"
        return f"{table}{column} = $subject" + (_READ.format(table) if self.moved else "")

    def _rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        written = sql.format(**self._names)
        asked_for = set(re.findall(r"\$(\w+)", written))
        given = {n: value for n, value in (self._values | values).items() if n in asked_for}
        result = self._connection.execute(written, given)
        columns = [name for name, *_ in result.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
