"""Turns a wallet of the API into a `WalletRecord`: a bad group of fields costs that group only."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Final

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.columns import Compared, Field, FieldGroup
from flexprice_wallets.records.reading import (
    FieldReader,
    Problems,
    Record,
    RowReader,
    getter,
    reader_of,
    shape_of,
)
from flexprice_wallets.records.records import Rejection, Row, Settings, WalletRecord
from flexprice_wallets.records.unrecognized import unrecognized_members
from flexprice_wallets.records.values import Unreadable, read
from flexprice_wallets.records.wallet_tables import (
    SETTINGS_TABLES,
    WALLET_BALANCES,
    WALLET_CREDITS_AVAILABLE,
    WALLET_REAL_TIME_BALANCES,
    WALLET_TABLES,
    WALLETS,
)


def _is_essential(field: Field) -> bool:
    """Whether no record can do without it: an id or a word that must be there."""
    return reader_of(field) is values.required_id


_ESSENTIAL: Final = tuple(
    (field.name, field.paths[0]) for field in WALLETS.fields if _is_essential(field)
)
_SETTINGS: Final = FieldReader(field for field in WALLETS.fields if not _is_essential(field))
#: Times that are recorded beside the balance; one that cannot be read does not cost the balance.
_BESIDE_BALANCE: Final = FieldReader(field for field in WALLET_BALANCES.fields if field.rejects)
_BALANCE: Final = FieldReader(field for field in WALLET_BALANCES.fields if not field.rejects)
_REAL_TIME: Final = FieldReader(WALLET_REAL_TIME_BALANCES.fields)
_OTHER_REAL_TIME_FIGURES: Final = tuple(
    field.paths[0]
    for field in WALLET_REAL_TIME_BALANCES.fields
    if field.nullable and field.compared is not Compared.NEVER
)
_ROWS: Final = {table.name: RowReader(table) for table in SETTINGS_TABLES}
_CREDITS: Final = RowReader(WALLET_CREDITS_AVAILABLE)
_SHAPE: Final = shape_of(WALLET_TABLES, "id", "customer_id")
#: Of fields that stand at several paths: each path, and what takes its value out of a record.
_ALTERNATIVES: Final = tuple(
    tuple((path, getter(path)) for path in field.paths)
    for field in WALLETS.fields
    if len(field.paths) > 1
)
# Room for the difference of any two figures of 38 digits, exactly.
_EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation])


def parse_wallet(raw: object, *, asked_customer_id: str | None) -> WalletRecord | Rejection:
    """The wallet that `raw`, an element of a decoded answer, describes.

    Args:
        raw: what `json_text.decode` gave for one wallet.
        asked_customer_id: Flexprice id of the customer whose wallets were asked for; None where
            the wallet was asked for by its own id, whoever owns it.

    Returns:
        The record, whose `rejections` say which groups of fields could not be taken, or a
        `Rejection` of the whole record.
    """
    if type(raw) is not dict:
        reason = f"the wallet is {values.shown(raw)}, not an object"
        return rejected_wallet(raw, reason, asked_customer_id, None)
    try:
        wallet_id = read(raw, "id", values.required_id)
        customer_id = read(raw, "customer_id", values.required_id)
        essential = {column: read(raw, path, values.required_id) for column, path in _ESSENTIAL}
        _check_owner(customer_id, asked_customer_id)
    except Unreadable as error:
        customer = asked_customer_id or values.readable_id(raw.get("customer_id"))
        return rejected_wallet(raw, str(error), customer, values.readable_id(raw.get("id")))
    return _record_of(raw, wallet_id, customer_id, essential)


def _check_owner(customer_id: str, asked_customer_id: str | None) -> None:
    if asked_customer_id is not None and customer_id != asked_customer_id:
        raise Unreadable(
            f"the wallet belongs to customer {values.printable(customer_id)}, "
            f"asked for {values.printable(asked_customer_id)}"
        )


def _record_of(raw: Record, wallet_id: str, customer_id: str, essential: Row) -> WalletRecord:
    beside_balance: Row = {}
    problems: Problems = {}
    _BESIDE_BALANCE.read_each(raw, beside_balance, problems)
    settings = _settings(raw, essential, problems)
    record = WalletRecord(wallet_id, customer_id, settings)
    if problems:
        _reject(record, raw, "settings", "; ".join(dict.fromkeys(map(str, problems.values()))))
    currency = essential["currency"]
    try:
        balance = record.balance = {"currency": currency, **_BALANCE.read(raw), **beside_balance}
    except Unreadable as error:
        # The other figures are stated against the balance, so they go with it.
        _reject(record, raw, "balance", f"{error}; no other figure is taken without the balance")
        return record
    try:
        record.real_time = _real_time(raw, currency, balance["balance"])
    except Unreadable as error:
        _reject(record, raw, "real_time", str(error))
    try:
        # No kind at all is unknown, not zero.
        record.credits_available = _CREDITS.read(raw) or None
    except Unreadable as error:
        _reject(record, raw, "credits_available", str(error))
    return record


def _settings(raw: Record, essential: Row, problems: Problems) -> Settings:
    """The settings; a field that cannot be read is unknown there, with its reason in `problems`."""
    row = {**essential}
    _SETTINGS.read_each(raw, row, problems)
    rows = {name: reader.read_each(raw, problems) for name, reader in _ROWS.items()}
    unrecognized = unrecognized_members(raw, _SHAPE)
    for alternatives in _ALTERNATIVES:
        unrecognized |= _other_values(raw, alternatives)
    row["unrecognized_fields"] = json_text.canonical(unrecognized) if unrecognized else None
    unreadable = tuple(sorted(problems))
    row["unreadable_fields"] = unreadable_fields_text(unreadable)
    return Settings(row, rows, unreadable)


def _other_values(
    raw: Record, alternatives: tuple[tuple[str, Callable[[Record], object]], ...]
) -> Row:
    """What stands at the later paths of a field and is not what the first one says."""
    found = {}
    for path, get in alternatives:
        try:
            value = get(raw)
        except Unreadable:  # reported by the field's reader
            continue
        if value is not None:
            found[path] = value
    if len(found) < 2:
        return {}
    taken, *_ = found.values()
    return {path: value for path, value in found.items() if value is not taken}


def unreadable_fields_text(names: tuple[str, ...]) -> str | None:
    """The names as the column `unreadable_fields` keeps them: a JSON list; None where there are none."""
    return json.dumps(names) if names else None


def _reject(record: WalletRecord, raw: object, group: FieldGroup, reason: str) -> None:
    kept = record.rejections[0].raw_record if record.rejections else json_text.raw_record(raw)
    record.rejections.append(
        Rejection("wallet", group, reason, record.customer_id, record.wallet_id, kept)
    )


def _real_time(raw: Record, currency: str, balance: Decimal) -> Row | None:
    """The real-time figures; None where the answer has none of them."""
    if raw.get("real_time_balance") is None:
        given = [name for name in _OTHER_REAL_TIME_FIGURES if raw.get(name) is not None]
        if given:
            raise Unreadable(f"{', '.join(given)} came without real_time_balance")
        return None
    row = _REAL_TIME.read(raw)
    difference: Record = {"pending_amount": _EXACT.subtract(balance, row["real_time_balance"])}
    row["pending_amount"] = read(difference, "pending_amount", values.required_real_time)
    row["currency"] = currency
    return row


def rejected_wallet(
    raw: object, reason: str, customer_id: str | None, wallet_id: str | None
) -> Rejection:
    """The rejection of a whole wallet for a reason that its record alone does not show."""
    return Rejection("wallet", "record", reason, customer_id, wallet_id, json_text.raw_record(raw))


def _columns_of_problems() -> dict[str, tuple[list[str], list[str]]]:
    unknown: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for field in WALLETS.fields:
        for path in field.paths:
            unknown[path][0].append(field.name)
    for table, reader in _ROWS.items():
        for name in reader.problem_names:
            unknown[name][1].append(table)
    return dict(unknown)


_UNKNOWN_BY_PROBLEM: Final = _columns_of_problems()


def with_last_known(settings: Settings, last: Settings) -> Settings:
    """Settings of which some could not be read, with those as they were last known.

    A setting that was not readable then either stays unknown.
    """
    row, rows = {**settings.values}, {**settings.rows}
    for name in settings.unreadable_fields:
        columns, tables = _UNKNOWN_BY_PROBLEM.get(name, ((), ()))
        row |= {column: last.values.get(column) for column in columns}
        rows |= {table: last.rows.get(table, []) for table in tables}
    still_unknown = tuple(sorted({*settings.unreadable_fields} & {*last.unreadable_fields}))
    row["unreadable_fields"] = unreadable_fields_text(still_unknown)
    return Settings(row, rows, still_unknown)


def ended_of(settings: Settings) -> str | None:
    """How a wallet has ended, if its record says so."""
    if settings.values["record_status"] == "deleted":
        return "deleted"
    return "closed" if settings.values["wallet_status"] == "closed" else None
