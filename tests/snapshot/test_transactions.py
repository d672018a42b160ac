"""The comparison of transactions, on pages made up for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flexprice_wallets.errors import ForeignAnswer
from flexprice_wallets.extract.calls import Failure
from flexprice_wallets.extract.events import LedgerEvent, LedgerUnread, TransactionsPage
from flexprice_wallets.records.records import Row, Transactions
from flexprice_wallets.records.transactions import parse_transactions
from flexprice_wallets.snapshot import ledger
from flexprice_wallets.snapshot.known import KnownRejection
from flexprice_wallets.snapshot.ledger import LedgerBefore, LedgerReading
from flexprice_wallets.snapshot.limits import Tolerance
from flexprice_wallets.snapshot.ownership import Ownership
from flexprice_wallets.snapshot.rejections import Rejections
from flexprice_wallets.snapshot.snapshot_time import snapshot_id
from flexprice_wallets.snapshot.transactions import TransactionComparison
from tests.records.test_transactions import fingerprint, raw, taken

AT = datetime(2026, 6, 1, tzinfo=UTC)
FIVE_PERCENT = Tolerance.parse("5%")


class Ledger:
    """What is written of a ledger, read after another that left `known`."""

    def __init__(self, known: list[Row] | None = None, **rejected: KnownRejection) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.asked: list[str] = []
        self._known = {each["transaction_id"]: fingerprint(each) for each in known or []}
        self.comparison = TransactionComparison(
            snapshot_id(AT),
            AT,
            self._write_columns,
            Ownership("tenant_1", "env_1"),
            Rejections(rejected, snapshot_id(AT), AT, self._write),
            self._last_hashes if known else None,
        )

    def take(self, *records: dict[str, Any]) -> list[tuple[str, Any]]:
        """What is written of these, at last."""
        self.comparison.take(*parse_transactions([*records]), AT)
        self.comparison.compare_waiting()
        return [
            (row["transaction_id"], row["credits_available"])
            for row in self.rows.get("wallet_transactions", [])
        ]

    def _write(self, table: str, row: Row) -> None:
        self.rows.setdefault(table, []).append(row)

    def _write_columns(
        self, table: str, columns: Mapping[str, list[Any]], constants: Mapping[str, Any]
    ) -> None:
        for values in zip(*columns.values(), strict=True):
            self._write(table, {**dict(zip(columns, values, strict=True)), **constants})

    def _last_hashes(self, pages: list[Transactions]) -> dict[str, bytes]:
        self.asked += [each for page in pages for each in page.columns["transaction_id"]]
        return {key: value for key, value in self._known.items() if key in self.asked}


def test_a_new_transaction_is_written_with_its_key() -> None:
    ledger = Ledger()
    ledger.take(raw())
    [row] = ledger.rows["wallet_transactions"]
    assert {
        name: row[name] for name in ("transaction_id", "wallet_id", "customer_id", "snapshot_at")
    } == {
        "transaction_id": "wtxn_1",
        "wallet_id": "wallet_1",
        "customer_id": "cust_1",
        "snapshot_at": AT,
    }
    assert row["version_hash"] == fingerprint(taken()).hex()
    assert (ledger.comparison.observed, ledger.comparison.changed) == (1, 1)
    assert ledger.comparison.newest == taken()["source_updated_at"]


def test_one_that_is_known_is_written_only_where_it_differs() -> None:
    known = [taken(), taken(id="wtxn_2")]
    assert Ledger(known).take(raw(), raw(id="wtxn_2")) == []
    assert Ledger(known).take(raw(updated_at="2026-05-30T00:00:00Z", updated_by="me")) == []
    ledger = Ledger(known)
    assert ledger.take(raw(credits_available="1"), raw(id="wtxn_2")) == [("wtxn_1", 1)]
    assert (ledger.comparison.observed, ledger.comparison.changed) == (2, 1)


def test_one_that_changes_and_changes_back_while_it_is_read_is_written_as_it_ended() -> None:
    assert Ledger([taken()]).take(raw(credits_available="1"), raw()) == [
        ("wtxn_1", 1),
        ("wtxn_1", 0),
    ]


def test_rejections_are_written_once_and_cleared_once_it_can_be_read() -> None:
    broken, other = raw(currency=None), raw(id="wtxn_2", currency=None)
    first = Ledger()
    first.take(broken, other)
    assert [row["transaction_id"] for row in first.rows["rejected_records"]] == ["wtxn_1", "wtxn_2"]
    assert first.comparison.rejections_held(None) == 2
    assert first.comparison.rejections_held({"nobody"}) == 2, "those of this snapshot"

    held = first.comparison.rejections.known
    for each in held.values():
        each.is_new = each.is_seen = False
    again = Ledger(None, **held)
    again.take(broken)
    again.comparison.clear_rejections()
    assert again.rows == {}
    assert again.comparison.rejections_held(None) == 2
    assert again.comparison.rejections_held({"nobody"}) == 0

    for each in held.values():
        each.is_seen = False
    mended = Ledger(None, **held)
    mended.take(raw())
    mended.comparison.clear_rejections()
    assert len(mended.rows["rejections_cleared"]) == 1
    assert mended.comparison.rejections_held(None) == 1


def test_a_stranger_s_transaction_is_refused() -> None:
    with pytest.raises(ForeignAnswer, match="tenant tenant_2"):
        Ledger().take(raw(tenant_id="tenant_2"))


class MadeUpFeed:
    """Gives pages, and notes what was asked for."""

    def __init__(self, *events: LedgerEvent) -> None:
        self.events = events
        self.asked: list[tuple[datetime | None, list[str] | None]] = []

    def transactions(
        self, after: datetime | None, wallet_ids: list[str] | None
    ) -> Iterator[LedgerEvent]:
        self.asked.append((after, wallet_ids))
        yield from self.events if len(self.asked) == 1 else ()


def page(*records: dict[str, Any]) -> TransactionsPage:
    return TransactionsPage(*parse_transactions([*records]), AT)


def unread(status: int, *, is_refused: bool = False) -> LedgerUnread:
    failure = Failure(f"http_{status}", "no", status)
    return LedgerUnread(failure, is_refused, "ledger", 3, AT)


def read(
    feed: MadeUpFeed,
    before: LedgerBefore | None = None,
    covered: set[str] | None = None,
    **rejected: KnownRejection,
) -> LedgerReading:
    comparison = Ledger(None, **rejected).comparison
    reading = LedgerReading(before or LedgerBefore(), comparison, FIVE_PERCENT, covered)
    for _ in reading.read(feed, None if covered is None else ["wallet_1"]):  # type: ignore[arg-type]
        pass
    return reading


def test_the_cursor_is_the_newest_change_and_some_minutes_are_read_again() -> None:
    feed = MadeUpFeed(page(raw(), raw(id="wtxn_2", updated_at="2026-05-31T00:00:00Z")))
    row = read(feed).row()
    newest = datetime(2026, 5, 31, tzinfo=UTC)
    assert feed.asked == [(None, None)]
    assert row["ledger_read_to"] == newest
    again = MadeUpFeed()
    assert read(again, LedgerBefore(True, newest)).row()["ledger_read_to"] == newest
    assert again.asked == [(newest - timedelta(minutes=10), None)]


def test_a_time_to_come_hides_nothing_that_is_written_until_then() -> None:
    before = datetime.now(UTC)
    row = read(MadeUpFeed(page(raw(), raw(id="wtxn_2", updated_at="2099-01-01T00:00:00Z")))).row()
    assert before <= row["ledger_read_to"] <= datetime.now(UTC)


def test_go_s_zero_time_is_no_bound() -> None:
    feed = MadeUpFeed()
    read(feed, LedgerBefore(True, datetime(1, 1, 1, tzinfo=UTC)))
    assert feed.asked == [(None, None)]


def test_a_selected_run_leaves_the_cursor_where_it_was() -> None:
    cursor = datetime(2026, 5, 1, tzinfo=UTC)
    reading = read(MadeUpFeed(page(raw())), LedgerBefore(True, cursor), {"cust_1"})
    assert reading.state == "complete"
    assert reading.row()["ledger_read_to"] == cursor


@pytest.mark.parametrize("is_known", [True, False])
def test_a_failure_costs_the_ledger(is_known: bool) -> None:
    cursor = datetime(2026, 5, 1, tzinfo=UTC) if is_known else None
    reading = read(MadeUpFeed(page(raw()), unread(500)), LedgerBefore(is_known, cursor))
    assert reading.row() == {
        "ledger": "failed",
        "ledger_read_to": cursor,
        "transactions_observed": None,
        "transactions_changed": None,
    }
    assert reading.rejections_held == 0
    assert reading.failure_row() == {
        "resource": "transactions",
        "resource_id": "ledger",
        "http_status": 500,
        "error_code": "http_500",
        "message": "no",
        "attempts": 3,
        "failed_at": AT,
    }


def test_a_refusal_is_a_failure_only_of_a_ledger_that_was_there() -> None:
    refused = MadeUpFeed(unread(403, is_refused=True))
    reading = read(refused)
    assert (reading.state, reading.failure_row()) == ("refused", None)
    reading = read(MadeUpFeed(unread(403, is_refused=True)), LedgerBefore(is_known=True))
    assert reading.state == "failed"
    assert reading.failure_row()


def test_too_many_rejections_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    good = page(*(raw(id=f"wtxn_{n}") for n in range(200)))
    few = page(*(raw(id=f"bad_{n}", currency=None) for n in range(10)))
    assert read(MadeUpFeed(few)).state == "complete", "ten are always tolerated"
    assert read(MadeUpFeed(good, few)).state == "complete"
    reading = read(MadeUpFeed(good, few, page(raw(id="bad", amount="x"))))
    assert reading.state == "failed"
    row = reading.failure_row()
    assert row is not None
    assert "11 of 211 transactions could not be taken (such as: amount is" in row["message"]
    # Where most are rejected, the rest is not read.
    monkeypatch.setattr(ledger, "_MANY_REJECTIONS", 5)
    feed = MadeUpFeed(page(*(raw(id=f"bad_{n}", currency=None) for n in range(11))), good)
    reading = read(feed)
    assert (reading.state, reading.comparison.observed) == ("failed", 0)


def test_wallets_of_rejected_transactions_are_read_again_as_a_whole() -> None:
    cursor = datetime(2026, 5, 31, tzinfo=UTC)
    rejected = KnownRejection("transaction", "cust_1", "wallet_1", "wtxn_1")
    feed = MadeUpFeed()
    read(feed, LedgerBefore(True, cursor), None, broken=rejected)
    assert feed.asked[1:] == [(None, ["wallet_1"])]
    # Not where the transaction was among those that have changed, nor by a selected run.
    feed = MadeUpFeed(page(raw()))
    read(feed, LedgerBefore(True, cursor), None, broken=rejected)
    assert len(feed.asked) == 1
    feed = MadeUpFeed()
    read(feed, LedgerBefore(True, cursor), {"cust_1"}, broken=rejected)
    assert len(feed.asked) == 1
