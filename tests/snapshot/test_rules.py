"""The small rules: how much may fail, when a snapshot is, whose the warehouse is, what goes on as last known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexprice_wallets.errors import ConfigurationError, ForeignAnswer, SnapshotTimeError
from flexprice_wallets.records.columns import Compared
from flexprice_wallets.records.fingerprints import (
    balance_fingerprint,
    credits_fingerprint,
    real_time_fingerprint,
    same_where_given,
    settings_fingerprint,
)
from flexprice_wallets.records.records import Rejection, WalletRecord
from flexprice_wallets.records.wallet_tables import SETTINGS_TABLES, WALLETS
from flexprice_wallets.records.wallets import parse_wallet, with_last_known
from flexprice_wallets.snapshot.limits import Tolerance
from flexprice_wallets.snapshot.ownership import Ownership
from flexprice_wallets.snapshot.snapshot_time import choose_snapshot_time, snapshot_id
from tests.snapshot.records import CUSTOMER_ID, raw_wallet

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def parsed(**changes: Any) -> WalletRecord:
    record = parse_wallet(raw_wallet(**changes), asked_customer_id=None)
    assert not isinstance(record, Rejection)
    return record


# --- tolerance -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count", "whole", "is_exceeded"),
    [
        ("5%", 10, 20, False),
        ("5%", 11, 219, True),
        ("5%", 11, 220, False),
        ("5%", 12, 220, True),
        ("0%", 10, 10, False),
        ("0%", 11, 1000, True),
        ("100%", 50, 50, False),
        ("2.5%", 26, 1000, True),
        ("2.5%", 25, 1000, False),
        ("0", 0, 10, False),
        ("0", 1, 10, True),
        ("40", 40, 41, False),
        ("40", 41, 100_000, True),
    ],
)
def test_tolerance(text: str, count: int, whole: int, is_exceeded: bool) -> None:
    assert Tolerance.parse(text).is_exceeded(count, whole) is is_exceeded


@pytest.mark.parametrize("text", ["", "%", "-1", "101%", "5 %", "1.5", "five", "1e3", "100.1%"])
def test_what_is_no_tolerance(text: str) -> None:
    with pytest.raises(ConfigurationError):
        Tolerance.parse(text)


def test_a_tolerance_says_what_it_is() -> None:
    assert str(Tolerance.parse("2.50%")) == "2.5% and more than 10"
    assert str(Tolerance.parse("40")) == "40"


# --- the time of a snapshot ----------------------------------------------------------------------------------------


def test_a_snapshot_has_the_clocks_time() -> None:
    assert choose_snapshot_time(NOW, None).at == NOW
    chosen = choose_snapshot_time(NOW, NOW - MINUTE)
    assert (chosen.at, chosen.moved_by) == (NOW, timedelta(0))


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(microseconds=1), 4 * MINUTE])
def test_a_clock_that_went_back_is_moved_just_past_the_last_snapshot(behind: timedelta) -> None:
    last = NOW + behind
    chosen = choose_snapshot_time(NOW, last)
    assert chosen.at == last + timedelta(microseconds=1)
    assert chosen.moved_by == chosen.at - NOW


def test_a_last_snapshot_far_ahead_of_the_clock_stops_the_run() -> None:
    with pytest.raises(SnapshotTimeError, match="clock"):
        choose_snapshot_time(NOW, NOW + 6 * MINUTE)


def test_a_time_that_is_asked_for_is_taken_or_refused() -> None:
    asked = NOW - timedelta(days=30)
    assert choose_snapshot_time(NOW, None, asked).at == asked
    assert choose_snapshot_time(NOW, None, NOW + 5 * MINUTE).at == NOW + 5 * MINUTE
    for last in (asked, asked + MINUTE):
        with pytest.raises(SnapshotTimeError, match="not later"):
            choose_snapshot_time(NOW, last, asked)
    with pytest.raises(SnapshotTimeError, match="future"):
        choose_snapshot_time(NOW, None, NOW + 5 * MINUTE + timedelta(microseconds=1))


def test_a_snapshot_id_is_utc_with_microseconds() -> None:
    east = datetime(2026, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert snapshot_id(east) == "2025-12-31T20:00:00.000000Z"


@given(*[st.datetimes(timezones=st.just(UTC))] * 2)
def test_snapshot_ids_sort_as_the_times_do(one: datetime, other: datetime) -> None:
    assert (snapshot_id(one) < snapshot_id(other)) is (one < other)


# --- ownership -----------------------------------------------------------------------------------------------------


def test_the_first_record_says_whose_the_warehouse_is() -> None:
    ownership = Ownership()
    ownership.check("tenant", "environment")
    ownership.check("tenant", "environment")
    for other in (("tenant", "other"), ("other", "environment"), (None, None)):
        with pytest.raises(ForeignAnswer, match="the warehouse holds tenant tenant"):
            ownership.check(*other)


# --- fingerprints --------------------------------------------------------------------------------------------------

_OTHER_SETTINGS: dict[str, dict[str, Any]] = {
    "name": {"name": "Another"},
    "description": {"description": "Another"},
    "currency": {"currency": "usd"},
    "wallet_type": {"wallet_type": "POST_PAID"},
    "wallet_status": {"wallet_status": "frozen"},
    "record_status": {"status": "archived"},
    "conversion_rate": {"conversion_rate": "1.00001"},
    "topup_conversion_rate": {"topup_conversion_rate": None},
    "alert_enabled": {"alert_enabled": False},
    "alert_state": {"alert_state": ""},
    "tenant_id": {"tenant_id": "other"},
    "environment_id": {"environment_id": "other"},
    "source_created_at": {"created_at": "2026-08-01T00:00:00.000002Z"},
    "created_by": {"created_by": "somebody"},
    "unrecognized_fields": {"colour": "blue"},
    "wallet_alert_thresholds": {"alert_settings": {"critical": {"threshold": "10"}}},
    "wallet_auto_topups": {"auto_topup": {"enabled": False}},
    "wallet_allowed_price_types": {"config": {}},
    "wallet_metadata": {"metadata": {"plan": "gold"}},
    "unreadable_fields": {"auto_topup": []},
}


def _settings_hash(record: WalletRecord, **state: Any) -> bytes:
    record.settings.values.update({"is_listed": True, "ended": None, **state})
    return settings_fingerprint(record.customer_id, record.settings)


def test_every_setting_is_compared_or_recorded_only() -> None:
    recorded_only = {f.name for f in WALLETS.fields if f.compared is Compared.NEVER}
    assert recorded_only == {"source_updated_at", "updated_by"}
    columns = {f.name for f in WALLETS.fields} | {"unrecognized_fields", "unreadable_fields"}
    tables = {table.name for table in SETTINGS_TABLES}
    assert columns | tables == {*_OTHER_SETTINGS, *recorded_only}


@pytest.mark.parametrize("setting", _OTHER_SETTINGS)
def test_a_setting_makes_a_difference(setting: str) -> None:
    def value(record: WalletRecord) -> Any:
        settings = record.settings
        return settings.rows[setting] if setting in settings.rows else settings.values[setting]

    other = parsed(**_OTHER_SETTINGS[setting])
    assert value(other) != value(parsed())
    assert _settings_hash(other) != _settings_hash(parsed())


def test_a_value_that_is_absent_is_left_out_of_the_hash() -> None:
    record = parsed()
    before = _settings_hash(record)
    record.settings.values["a_column_of_tomorrow"] = None
    record.settings.rows["a_table_of_tomorrow"] = []
    assert _settings_hash(record) == before


def test_owner_listing_and_end_make_a_difference() -> None:
    record = parsed()
    hashes = {
        _settings_hash(record),
        _settings_hash(record, is_listed=False),
        _settings_hash(record, ended="closed"),
        _settings_hash(replace(record, customer_id="other")),
    }
    assert len(hashes) == 4


def test_fingerprints_are_the_same_in_every_run() -> None:
    # A warehouse keeps them: another recipe needs another `hash_recipe` and a migration.
    record = parsed()
    assert record.balance is not None
    assert record.real_time is not None
    assert record.credits_available is not None
    assert {
        "settings": _settings_hash(record).hex(),
        "balance": balance_fingerprint(CUSTOMER_ID, record.balance).hex(),
        "real_time": real_time_fingerprint(CUSTOMER_ID, record.real_time).hex(),
        "credits": credits_fingerprint(CUSTOMER_ID, "eur", record.credits_available).hex(),
    } == {
        "settings": "b7ece91e50bdf7080b5d9055fcf79eed",
        "balance": "3ae5461982caccb90ee46fdf6795569c",
        "real_time": "5212125364aac0be5a922cc557f0ee7eb716bd9ab910dd01",
        "credits": "5fd0772b616290bf9ac42ca4c6828299",
    }


def test_a_left_out_part_makes_no_difference_and_a_new_one_does() -> None:
    def hash_of(**changes: Any) -> bytes:
        real_time = parsed(**changes).real_time
        assert real_time is not None
        return real_time_fingerprint(CUSTOMER_ID, real_time)

    whole, without = hash_of(), hash_of(current_period_usage=None)
    assert same_where_given(whole, whole)
    assert same_where_given(whole, without)
    assert not same_where_given(without, whole)
    assert not same_where_given(whole, hash_of(current_period_usage="1"))
    assert not same_where_given(whole, hash_of(unpaid_invoices_amount="1"))
    assert not same_where_given(whole, hash_of(real_time_balance="1"))
    assert not same_where_given(bytes(24), whole)
    # A part that came later than the known hash: it was not given then.
    assert same_where_given(whole[:16], hash_of(unpaid_invoices_amount=None))
    assert not same_where_given(whole[:16], whole)


def test_numbers_are_compared_as_numbers() -> None:
    one, other = parsed().balance, parsed(balance=Decimal("90.0000000010")).balance
    assert one is not None
    assert other is not None
    assert balance_fingerprint(CUSTOMER_ID, one) == balance_fingerprint(CUSTOMER_ID, other)


# --- settings as last known ----------------------------------------------------------------------------------------


def test_what_was_unreadable_goes_on_as_last_known() -> None:
    last = parsed().settings
    new = parsed(metadata="none", name="New", created_at="yesterday").settings
    merged = with_last_known(new, last)
    assert merged.rows["wallet_metadata"] == last.rows["wallet_metadata"]
    assert merged.values["source_created_at"] == last.values["source_created_at"]
    assert merged.values["name"] == "New"
    assert merged.unreadable_fields == ()
    assert merged.values["unreadable_fields"] is None


def test_what_never_was_readable_stays_unknown() -> None:
    last = parsed(metadata="none").settings
    new = parsed(metadata="some", auto_topup="often").settings
    merged = with_last_known(new, last)
    assert merged.rows["wallet_metadata"] == []
    assert merged.unreadable_fields == ("metadata",)
    assert merged.values["unreadable_fields"] == '["metadata"]'
    assert merged.rows["wallet_auto_topups"] == last.rows["wallet_auto_topups"]
