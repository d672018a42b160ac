"""A history made by hand: what each snapshot saw, written into raw tables change-only, as a load would.

history = History()
history.snapshot("2026-03-01 08:00", [wallet("w1", 100)])
history.snapshot("2026-03-02 08:00", failed=["c1"])
connection = history.warehouse()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import duckdb

from flexprice_wallets.records.tables import TABLES
from flexprice_wallets.warehouse.create_views import create_views
from flexprice_wallets.warehouse.upkeep import apply_snapshots

Number = int | str | Decimal
#: How long after the start of a run an answer arrives, so that the clocks cannot be mixed up.
ANSWER_DELAY = timedelta(seconds=30)


@dataclass(frozen=True)
class Seen:
    """What one snapshot saw of a wallet. `None` for a figure: the answer left it out."""

    wallet_id: str
    customer_id: str
    balance: Decimal
    rate: Decimal
    currency: str
    real_time: Decimal | None
    free: Decimal | None
    purchased: Decimal | None
    status: str
    wallet_type: str
    is_listed: bool
    ended: str | None
    name: str | None
    thresholds: tuple[tuple[str, Decimal, str | None], ...]
    price_types: tuple[str, ...]
    cached: bool | None = None

    @property
    def credits(self) -> Decimal:
        return self.balance / self.rate


def wallet(
    wallet_id: str,
    balance: Number = 0,
    *,
    customer: str = "c1",
    rate: Number = 1,
    currency: str = "usd",
    real_time: Number | None = None,
    free: Number | None = None,
    purchased: Number | None = None,
    status: str = "active",
    wallet_type: str = "PRE_PAID",
    listed: bool | None = None,
    ended: str | None = None,
    name: str | None = None,
    thresholds: Iterable[tuple[str, Number, str | None]] = (),
    price_types: Iterable[str] = (),
    cached: bool | None = None,
) -> Seen:
    """What a snapshot saw of a wallet; one that is not active or has ended is not listed."""
    return Seen(
        wallet_id=wallet_id,
        customer_id=customer,
        balance=Decimal(balance),
        rate=Decimal(rate),
        currency=currency,
        real_time=_decimal(real_time),
        free=_decimal(free),
        purchased=_decimal(purchased),
        status="closed" if ended == "closed" else status,
        wallet_type=wallet_type,
        is_listed=(status == "active" and ended is None) if listed is None else listed,
        ended=ended,
        name=name,
        thresholds=tuple((level, Decimal(limit), how) for level, limit, how in thresholds),
        price_types=tuple(price_types),
        cached=cached,
    )


def _decimal(number: Number | None) -> Decimal | None:
    return None if number is None else Decimal(number)


@dataclass
class Snapshot:
    """One snapshot: what was asked for, what came, what failed."""

    at: datetime
    seen: Sequence[Seen]
    #: Customers that could not be read; wallets that could not be read (by their id).
    failed: Sequence[str] = ()
    #: Wallets of which some record was rejected, with nothing of it taken.
    rejected: Sequence[str] = ()
    #: Customers covered by a snapshot of scope 'selected'; None: scope 'all'.
    selected: Sequence[str] | None = None
    real_time: bool = True
    credits: bool = True
    #: Customers that the list no longer holds.
    unlisted_customers: Sequence[str] = ()

    @property
    def snapshot_id(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def scope(self) -> Literal["all", "selected"]:
        return "all" if self.selected is None else "selected"


def moment(text: str) -> datetime:
    """A time in UTC, written `2026-03-01 08:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class _Last:
    """What was written last of a wallet."""

    seen: Seen
    settings: tuple[Any, ...]
    balance: tuple[Any, ...] | None = None
    real_time: tuple[Any, ...] | None = None
    credits: tuple[Any, ...] | None = None
    given: tuple[bool, bool] = (True, True)


@dataclass
class History:
    """Snapshots in order of time."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def snapshot(self, at: str | datetime, seen: Sequence[Seen] = (), **details: Any) -> History:
        """Add a snapshot; see `Snapshot` for the details."""
        time = moment(at) if isinstance(at, str) else at
        self.snapshots.append(Snapshot(time, seen, **details))
        return self

    def warehouse(
        self, *, until: int | None = None, time_zone: str = "UTC", database: str = ":memory:"
    ) -> duckdb.DuckDBPyConnection:
        """Return a warehouse of the first `until` snapshots (or all), with its views."""
        connection = empty_warehouse(database)
        connection.execute(f"set timezone = '{time_zone}'")
        self.load(connection, 0, until)
        apply_snapshots(connection)
        create_views(connection)
        return connection

    def load(
        self, connection: duckdb.DuckDBPyConnection, start: int, stop: int | None = None
    ) -> None:
        """Write the raw rows of the snapshots from `start` up to, not including, `stop`."""
        chosen = {snapshot.snapshot_id for snapshot in self.snapshots[start:stop]}
        rows: dict[str, list[dict[str, Any]]] = {}
        for table, row in self.raw_rows():
            if row["snapshot_id"] in chosen:
                rows.setdefault(table, []).append(row)
        for table, table_rows in rows.items():
            insert(connection, table, table_rows)

    def raw_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield every raw row as (table, row)."""
        wallets: dict[str, _Last] = {}
        customers: dict[str, bool] = {}
        rejected: set[str] = set()
        for snapshot in self.snapshots:
            key = {"snapshot_id": snapshot.snapshot_id, "snapshot_at": snapshot.at}
            for wallet_id in sorted(rejected):
                yield "rejections_cleared", key | {"rejection_hash": wallet_id}
            rejected = set(snapshot.rejected)
            yield "snapshots", key | _snapshot_figures(snapshot)
            for customer_id in snapshot.selected or ():
                yield "snapshot_customers", key | {"customer_id": customer_id}
            yield from _trouble(snapshot, wallets, key)
            listed = {seen.customer_id: True for seen in snapshot.seen}
            listed |= dict.fromkeys(snapshot.unlisted_customers, False)
            for customer_id, is_listed in listed.items():
                if customers.get(customer_id) != is_listed:
                    customers[customer_id] = is_listed
                    yield (
                        "customers",
                        key
                        | {
                            "customer_id": customer_id,
                            "observed_at": snapshot.at + ANSWER_DELAY,
                            "version_hash": f"{is_listed}",
                            "is_listed": is_listed,
                            "name": f"Customer {customer_id}",
                        },
                    )
            for seen in snapshot.seen:
                yield from _versions(snapshot, seen, wallets, key)


def _snapshot_figures(snapshot: Snapshot) -> dict[str, Any]:
    troubled = bool(snapshot.failed or snapshot.rejected)
    return {
        "started_at": snapshot.at,
        "finished_at": snapshot.at + 2 * ANSWER_DELAY,
        "completeness": "partial" if troubled else "complete",
        "scope": snapshot.scope,
        "include_real_time_balance": snapshot.real_time,
        "include_credits_available_breakdown": snapshot.credits,
        "customers_expected": 1,
        "customers_observed": 1,
        "customers_failed": len(snapshot.failed),
        "wallets_observed": len(snapshot.seen),
        "wallets_changed": 0,
        "records_rejected": len(snapshot.rejected),
        "api_requests": 1,
        "api_retries": 0,
        "pipeline_version": "1.0.0",
        "_dlt_load_id": snapshot.snapshot_id,
    }


def _trouble(
    snapshot: Snapshot, wallets: dict[str, _Last], key: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for resource_id in snapshot.failed:
        known = wallets.get(resource_id)
        yield (
            "fetch_failures",
            key
            | {
                "resource": "customer_wallets" if known is None else "wallet",
                "resource_id": resource_id,
                "customer_id": resource_id if known is None else known.seen.customer_id,
                "wallet_id": None if known is None else resource_id,
                "error_code": "server_error",
                "message": "the server failed",
                "attempts": 5,
                "failed_at": snapshot.at,
            },
        )
    for number, wallet_id in enumerate(snapshot.rejected, start=1):
        known = wallets.get(wallet_id)
        yield (
            "rejected_records",
            key
            | {
                "record_number": number,
                "resource": "wallet",
                "field_group": "record",
                "reason": "not a number",
                "customer_id": None if known is None else known.seen.customer_id,
                "wallet_id": wallet_id,
                "raw_record": "{}",
                "observed_at": snapshot.at,
                "rejection_hash": wallet_id,
            },
        )


def _versions(
    snapshot: Snapshot, seen: Seen, wallets: dict[str, _Last], key: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a load writes of one wallet: only what differs from what it wrote last."""
    last = wallets.get(seen.wallet_id)
    if seen.ended == "not_found" and last is not None:
        # A 404 says nothing but that.
        seen = replace(last.seen, ended="not_found", is_listed=False)
    base = key | {
        "wallet_id": seen.wallet_id,
        "customer_id": seen.customer_id,
        "observed_at": snapshot.at + ANSWER_DELAY,
    }
    settings = (
        seen.customer_id,
        seen.status,
        seen.wallet_type,
        seen.is_listed,
        seen.ended,
        seen.name,
        seen.rate,
        seen.currency,
        tuple(sorted(seen.thresholds, key=repr)),
        tuple(sorted(seen.price_types)),
    )
    is_new = last is None
    is_return = last is not None and last.seen.ended is not None and seen.ended is None
    previous = last or _Last(seen, settings)
    now = _Last(seen, settings, given=previous.given)
    if is_new or settings != previous.settings:
        yield from _settings(seen, base | {"version_hash": str(hash(settings))})
    balance = (seen.customer_id, seen.currency, seen.rate, seen.balance)
    begins_anew = is_new or is_return or previous.balance is None
    if seen.ended != "not_found" and (begins_anew or balance != previous.balance):
        now.balance = balance
        yield (
            "wallet_balances",
            base
            | {
                "version_hash": str(hash(balance)),
                "currency": seen.currency,
                "conversion_rate": seen.rate,
                "balance": seen.balance,
                "credit_balance": seen.credits,
            },
        )
    else:
        now.balance = previous.balance
    same_context = not begins_anew and balance[:2] == (previous.balance or ())[:2]
    now.real_time = previous.real_time if same_context else None
    now.credits = previous.credits if same_context else None
    asked = seen.ended is None and seen.is_listed
    if asked and snapshot.real_time and seen.real_time is not None:
        real_time = (seen.real_time, seen.balance - seen.real_time)
        if now.real_time != real_time:
            now.real_time = real_time
            yield (
                "wallet_real_time_balances",
                base
                | {
                    "version_hash": str(hash(real_time)),
                    "currency": seen.currency,
                    "real_time_balance": seen.real_time,
                    "is_cached_fallback": seen.cached,
                    "real_time_credit_balance": seen.real_time / seen.rate,
                    "pending_amount": seen.balance - seen.real_time,
                },
            )
    kinds = {"free": seen.free, "purchased": seen.purchased}
    available = {kind: number for kind, number in kinds.items() if number is not None}
    if asked and snapshot.credits and available:
        credit_set = tuple(available.items())
        if now.credits != credit_set:
            now.credits = credit_set
            for kind, number in available.items():
                yield (
                    "wallet_credits_available",
                    base
                    | {
                        "version_hash": str(hash(credit_set)),
                        "credit_type": kind,
                        "credits_available": number,
                        "currency": seen.currency,
                    },
                )
    if asked:
        given = (
            seen.real_time is not None if snapshot.real_time else previous.given[0],
            bool(available) if snapshot.credits else previous.given[1],
        )
        if given != previous.given:
            now.given = given
            yield (
                "wallet_figures_given",
                base
                | {
                    "version_hash": str(hash(given)),
                    "is_real_time_balance_given": given[0],
                    "is_credits_available_given": given[1],
                },
            )
    wallets[seen.wallet_id] = now


def _settings(seen: Seen, base: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield (
        "wallets",
        base
        | {
            "name": seen.name,
            "currency": seen.currency,
            "wallet_type": seen.wallet_type,
            "wallet_status": seen.status,
            "record_status": "deleted" if seen.ended == "deleted" else "published",
            "conversion_rate": seen.rate,
            "is_listed": seen.is_listed,
            "ended": seen.ended,
        },
    )
    for level, threshold, condition in seen.thresholds:
        yield (
            "wallet_alert_thresholds",
            base
            | {
                "level": level,
                "threshold_type": "amount",
                "threshold": threshold,
                "condition": condition,
                "currency": seen.currency,
            },
        )
    for price_type in seen.price_types:
        yield "wallet_allowed_price_types", base | {"price_type": price_type}


def empty_warehouse(
    database: str = ":memory:", *, raw_schema: str = "flexprice_raw"
) -> duckdb.DuckDBPyConnection:
    """Return a database with the tables of a load and no rows."""
    connection = duckdb.connect(database)
    connection.execute(f'create schema "{raw_schema}"')
    for table in TABLES:
        columns = ", ".join(
            f'"{column.name}" {column.type.value}{"" if column.nullable else " not null"}'
            for column in table.columns
        )
        connection.execute(f'create table "{raw_schema}"."{table.name}" ({columns})')
    connection.execute(
        f'create table "{raw_schema}"._dlt_loads (load_id varchar, schema_name varchar, '
        "status bigint, inserted_at timestamptz, schema_version_hash varchar)"
    )
    return connection


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert rows by the names of their columns, exactly."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = ", ".join(f'"{name}"' for name in names)
    marks = "(" + ", ".join("?" for _ in names) + ")"
    values = [_plain(row.get(name)) for row in rows for name in names]
    connection.execute(
        f"insert into flexprice_raw.{table} ({columns}) values " + ", ".join([marks] * len(rows)),
        values,
    )


def _plain(value: Any) -> Any:
    """Numbers as text, so that the column's exact type is what reads them."""
    return str(value) if isinstance(value, Decimal) else value


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, *parameters: Any
) -> list[tuple[Any, ...]]:
    """Rows of a query for comparison by eye: decimals without trailing zeros, times in UTC as short text."""
    return [
        tuple(_readable(value) for value in row)
        for row in connection.execute(query, list(parameters)).fetchall()
    ]


def _readable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%m-%d %H:%M")
    if hasattr(value, "strftime"):
        return value.strftime("%m-%d")
    return value
