"""The table of odd wallets: a good record with one change, and all that this may cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

MISSING: Final = ""  # no JSON text: the field is taken out


@dataclass(frozen=True)
class Case:
    """A good record with one change, and all that may differ from what the good record gives.

    `at` is the dotted path of the field that is set to the JSON text `to`; `rejected` maps each
    rejected group to a part of the reason; `differs` maps what differs to its value, written as
    `settings.name` for a column and as `settings.wallet_metadata` for the rows of a table.
    """

    name: str
    at: str
    to: str
    rejected: dict[str, str] = field(default_factory=dict)
    differs: dict[str, Any] = field(default_factory=dict)
    contract: str = "2026-08"


def whole(name: str, at: str, to: str, reason: str) -> Case:
    return Case(name, at, to, {"record": reason})


def no_balance(name: str, at: str, to: str, reason: str) -> Case:
    gone = {"balance": None, "real_time": None, "credits_available": None}
    return Case(name, at, to, {"balance": reason}, gone)


def no_rate(name: str, to: str, reason: str) -> Case:
    gone = {"balance": None, "real_time": None, "credits_available": None}
    unknown = {"settings.conversion_rate": None, "settings.unreadable_fields": ("conversion_rate",)}
    reasons = {"balance": reason, "settings": reason}
    return Case(name, "conversion_rate", to, reasons, gone | unknown)


def no_real_time(name: str, at: str, to: str, reason: str) -> Case:
    return Case(name, at, to, {"real_time": reason}, {"real_time": None})


def no_credits(name: str, at: str, to: str, reason: str) -> Case:
    return Case(name, at, to, {"credits_available": reason}, {"credits_available": None})


def unreadable(
    name: str, at: str, to: str, reason: str, attribute: str, empty: Any = None, **more: Any
) -> Case:
    """`attribute` is unknown since the field at `at` (or the object it is in) is unreadable."""
    listed = more.pop("listed", at.split(".")[0])
    return Case(
        name,
        at,
        to,
        {"settings": reason},
        {f"settings.{attribute}": empty, "settings.unreadable_fields": (listed,)} | more,
    )


def unrecognized(name: str, at: str, to: str, kept: str, contract: str = "2026-08") -> Case:
    return Case(name, at, to, {}, {"settings.unrecognized_fields": kept}, contract)


def taken(name: str, at: str, to: str, contract: str = "2026-08", **differs: Any) -> Case:
    dotted = {key.replace("__", "."): value for key, value in differs.items()}
    return Case(name, at, to, {}, dotted, contract)


CRITICAL: Final = {
    "level": "critical",
    "threshold": Decimal("10.000000000"),
    "condition": "below",
}
WARNING: Final = {"level": "warning", "threshold": Decimal("50.500000000"), "condition": "below"}
INFO: Final = {"level": "info", "threshold": Decimal("1000.000000000"), "condition": "above"}
DEFAULT: Final = {
    "level": "default",
    "threshold_type": "amount",
    "threshold": Decimal("1.500000000"),
}
NOON: Final = datetime(2026, 8, 20, 12, tzinfo=UTC)


CASES: Final = [
    # The record as a whole.
    whole("id missing", "id", MISSING, "id is missing or null"),
    whole("id null", "id", "null", "id is missing or null"),
    whole("id empty", "id", '""', "id is empty"),
    whole("id a number", "id", "7", "id is the number 7, not text"),
    whole("id a list", "id", '["w"]', "id is a list, not text"),
    whole("id too long", "id", f'"{"w" * 256}"', "id is longer than 255 characters"),
    whole("id half a surrogate pair", "id", r'"w\ud800"', "id is no valid Unicode"),
    whole("customer_id missing", "customer_id", MISSING, "customer_id is missing or null"),
    whole("customer_id true", "customer_id", "true", "customer_id is true, not text"),
    whole(
        "another customer's",
        "customer_id",
        '"cust_2"',
        "belongs to customer 'cust_2', asked for 'cust_01K200000000000000000000001'",
    ),
    whole("currency empty", "currency", '""', "currency is empty"),
    whole("currency an object", "currency", '{"code": "eur"}', "currency is an object, not text"),
    whole("wallet_status missing", "wallet_status", MISSING, "wallet_status is missing"),
    whole("wallet_status a number", "wallet_status", "1", "wallet_status is the number 1"),
    whole("status null", "status", "null", "status is missing or null"),
    whole("tenant_id missing", "tenant_id", MISSING, "tenant_id is missing or null"),
    whole("environment_id empty", "environment_id", '""', "environment_id is empty"),
    # The settled balance.
    no_balance("balance missing", "balance", MISSING, "balance is missing or null"),
    no_balance("balance null", "balance", "null", "balance is missing or null"),
    no_balance("balance empty", "balance", '""', "balance is the text '', not a plain decimal"),
    no_balance("balance true", "balance", "true", "balance is true, not a number"),
    no_balance("balance a list", "balance", "[1]", "balance is a list, not a number"),
    no_balance("balance words", "balance", '"n/a"', "balance is the text 'n/a'"),
    no_balance("balance with comma", "balance", '"1,250.5"', "not a plain decimal number"),
    no_balance("balance with spaces", "balance", '" 1 "', "not a plain decimal number"),
    no_balance("balance with newline", "balance", r'"1\n"', "not a plain decimal number"),
    no_balance("balance with plus", "balance", '"+1"', "not a plain decimal number"),
    no_balance("balance with underscore", "balance", '"1_000"', "not a plain decimal number"),
    no_balance("balance hexadecimal", "balance", '"0x10"', "not a plain decimal number"),
    no_balance("balance in Arabic digits", "balance", '"١٢"', "not a plain decimal number"),
    no_balance("balance without digits before", "balance", '".5"', "not a plain decimal number"),
    no_balance("balance NaN as text", "balance", '"NaN"', "not a plain decimal number"),
    no_balance("balance bare NaN", "balance", "NaN", "balance is the number NaN, not a number"),
    no_balance("balance bare -Infinity", "balance", "-Infinity", "the number -Infinity"),
    no_balance("ten decimals", "balance", '"0.0000000001"', "does not fit DECIMAL(28,9) exactly"),
    no_balance("twenty digits before", "balance", "1" + "0" * 19, "does not fit DECIMAL(28,9)"),
    no_balance("giant exponent", "balance", '"1e999999999"', "does not fit DECIMAL(28,9)"),
    no_balance("giant negative exponent", "balance", "1e-999999999", "does not fit DECIMAL"),
    no_balance("endless exponent", "balance", "1e9999999999999999999", "not a number"),
    no_balance("endless exponent as text", "balance", '"1e9999999999999999999"', "does not fit"),
    no_balance("a million digits", "balance", f'"{"9" * 10**6}"', "(1000000 characters)"),
    no_balance("credit_balance null", "credit_balance", "null", "credit_balance is missing"),
    no_balance("credit_balance words", "credit_balance", '"ten"', "the text 'ten'"),
    no_rate("conversion_rate missing", MISSING, "conversion_rate is missing or null"),
    no_rate("conversion_rate six decimals", '"0.000001"', "does not fit DECIMAL(10,5) exactly"),
    taken("balance a bare number", "balance", "90.000000001"),
    taken("balance with more zeros", "balance", '"90.0000000010000000000000"'),
    taken("balance with zeros before", "balance", '"00090.000000001"'),
    taken("balance with exponent", "balance", "90000000001E-9"),
    taken(
        "balance a bare integer",
        "balance",
        "-5",
        balance__balance=Decimal("-5.000000000"),
        real_time__pending_amount=Decimal("5.1234567890123456"),
    ),
    taken(
        "balance minus zero",
        "balance",
        '"-0"',
        balance__balance=Decimal("0.000000000"),
        real_time__pending_amount=Decimal("10.1234567890123456"),
    ),
    # The real-time figures.
    no_real_time("real time words", "real_time_balance", '"?"', "real_time_balance is the text"),
    no_real_time("real time false", "real_time_balance", "false", "is false, not a number"),
    no_real_time(
        "real time seventeen decimals",
        "real_time_balance",
        '"0.00000000000000001"',
        "does not fit DECIMAL(38,16) exactly",
    ),
    no_real_time("usage bad", "current_period_usage", "{}", "current_period_usage is an object"),
    no_real_time("unpaid bad", "unpaid_invoices_amount", '""', "unpaid_invoices_amount is the"),
    no_real_time("credits bad", "real_time_credit_balance", "NaN", "real_time_credit_balance is"),
    no_real_time("cached a word", "is_cached_fallback", '"true"', "is_cached_fallback is the text"),
    no_real_time(
        "others without it",
        "real_time_balance",
        "null",
        "real_time_credit_balance, current_period_usage, unpaid_invoices_amount came without",
    ),
    no_real_time(
        "pending too large",
        "real_time_balance",
        '"-9999999999999999999999"',
        "pending_amount is the number",
    ),
    taken(
        "no usage",
        "current_period_usage",
        MISSING,
        real_time__current_period_usage=None,
    ),
    taken("unpaid null", "unpaid_invoices_amount", "null", real_time__unpaid_invoices_amount=None),
    taken("cached missing", "is_cached_fallback", MISSING, real_time__is_cached_fallback=None),
    # The breakdown of available credits.
    no_credits("breakdown a list", "credits_available_breakdown", "[]", "is a list, not an object"),
    no_credits("kind null", "credits_available_breakdown.free", "null", "under 'free' is missing"),
    no_credits("kind words", "credits_available_breakdown.free", '"none"', "under 'free' is"),
    no_credits("kind without name", "credits_available_breakdown", '{"": "1"}', "under '' is"),
    taken("breakdown null", "credits_available_breakdown", "null", credits_available=None),
    taken("breakdown empty", "credits_available_breakdown", "{}", credits_available=None),
    taken("breakdown missing", "credits_available_breakdown", MISSING, credits_available=None),
    taken(
        "a later kind",
        "credits_available_breakdown.granted",
        "3",
        credits_available=[
            {"credit_type": "free", "credits_available": Decimal("0E-16")},
            {"credit_type": "granted", "credits_available": Decimal("3.0000000000000000")},
            {"credit_type": "purchased", "credits_available": Decimal("0E-16")},
        ],
    ),
    # The settings.
    unreadable("name a number", "name", "7", "name is the number 7, not text", "name"),
    unreadable("name no Unicode", "name", r'"\udc00"', "name is no valid Unicode", "name"),
    unreadable("type a list", "wallet_type", "[]", "wallet_type is a list", "wallet_type"),
    unreadable(
        "top-up rate bad",
        "topup_conversion_rate",
        '"100000"',
        "does not fit DECIMAL(10,5)",
        "topup_conversion_rate",
    ),
    unreadable("state a flag", "alert_state", "true", "alert_state is true", "alert_state"),
    unreadable(
        "created_at a date", "created_at", '"2026-08-01"', "not an RFC 3339", "source_created_at"
    ),
    unreadable(
        "updated_at a number",
        "updated_at",
        "1786000000",
        "updated_at is the number",
        "source_updated_at",
        **{"balance.source_updated_at": None},
    ),
    Case(
        "balance_updated_at unreadable",
        "balance_updated_at",
        '"yesterday"',
        {"settings": "balance_updated_at is the text 'yesterday'"},
        {
            "balance.source_balance_updated_at": None,
            "settings.unreadable_fields": ("balance_updated_at",),
        },
    ),
    unreadable("created_by bad", "created_by", "1", "created_by is", "created_by"),
    unreadable("metadata a list", "metadata", "[]", "metadata is a list", "wallet_metadata", []),
    unreadable(
        "metadata number",
        "metadata.plan",
        "1",
        "under 'plan' is the number 1, not text",
        "wallet_metadata",
        [],
    ),
    unreadable(
        "metadata null in it",
        "metadata.plan",
        "null",
        "under 'plan' is missing",
        "wallet_metadata",
        [],
    ),
    unreadable(
        "metadata key no Unicode",
        "metadata",
        r'{"\ud83d": "x"}',
        "is no valid",
        "wallet_metadata",
        [],
    ),
    unreadable(
        "price type a number",
        "config.allowed_price_types",
        '["ALL", 1]',
        "config.allowed_price_types has an entry that is the number 1",
        "wallet_allowed_price_types",
        [],
    ),
    unreadable(
        "config text", "config", '"ALL"', "config is the text", "wallet_allowed_price_types", []
    ),
    unreadable(
        "top-up a flag", "auto_topup", "true", "auto_topup is true", "wallet_auto_topups", []
    ),
    unreadable(
        "top-up amount bad",
        "auto_topup.amount",
        '"x"',
        "auto_topup.amount is",
        "wallet_auto_topups",
        [],
    ),
    unreadable(
        "top-up flag as text",
        "auto_topup.enabled",
        '"yes"',
        "auto_topup.enabled",
        "wallet_auto_topups",
        [],
    ),
    unreadable(
        "cooldown of half an hour",
        "auto_topup.cooldown.value",
        "0.5",
        "auto_topup.cooldown.value is the number 0.5, which does not fit a whole number",
        "wallet_auto_topups",
        [],
    ),
    unreadable(
        "cooldown beyond 64 bits",
        "auto_topup.cooldown.value",
        "9223372036854775808",
        "does not fit 64 bits",
        "wallet_auto_topups",
        [],
    ),
    unreadable(
        "the default bad",
        "alert_config",
        '{"threshold": {"type": "amount", "value": "1,5"}}',
        "alert_config.threshold.value is the text '1,5'",
        "wallet_alert_thresholds",
        [],
    ),
    Case(
        "levels a list",
        "alert_settings",
        "[]",
        {"settings": "alert_settings is a list, not an object"},
        {
            "settings.alert_enabled": None,
            "settings.wallet_alert_thresholds": [],
            "settings.unreadable_fields": ("alert_settings", "alert_settings.alert_enabled"),
        },
    ),
    unreadable(
        "a level bad",
        "alert_settings.warning.threshold",
        '"high"',
        "alert_settings.warning.threshold is the text 'high'",
        "wallet_alert_thresholds",
        [],
    ),
    unreadable(
        "inner switch bad",
        "alert_settings.alert_enabled",
        "1",
        "alert_settings.alert_enabled is the number 1",
        "alert_enabled",
        listed="alert_settings.alert_enabled",
    ),
    Case(
        "outer switch bad",
        "alert_enabled",
        '"on"',
        {"settings": "alert_enabled is the text 'on'"},
        {
            "settings.alert_enabled": None,
            "settings.unreadable_fields": ("alert_enabled",),
            "settings.unrecognized_fields": '{"alert_settings.alert_enabled":true}',
        },
    ),
    Case(
        "switches disagree",
        "alert_enabled",
        "false",
        {},
        {
            "settings.alert_enabled": False,
            "settings.unrecognized_fields": '{"alert_settings.alert_enabled":true}',
        },
    ),
    taken("switches agree", "alert_enabled", "true"),
    taken("name empty", "name", '""', settings__name=None),
    taken("name missing", "name", MISSING, settings__name=None),
    taken("name of spaces", "name", '"  "', settings__name="  "),
    taken("description empty", "description", '""', settings__description=None),
    taken("state empty", "alert_state", '""', settings__alert_state=None),
    taken("a later type", "wallet_type", '"GIFT"', settings__wallet_type="GIFT"),
    taken("a later status", "wallet_status", '"paused"', settings__wallet_status="paused"),
    taken("metadata null", "metadata", "null", settings__wallet_metadata=[]),
    taken("metadata empty", "metadata", "{}", settings__wallet_metadata=[]),
    taken("metadata missing", "metadata", MISSING, settings__wallet_metadata=[]),
    taken(
        "metadata with odd keys",
        "metadata",
        r'{"b.c d": "", "": "x", "\ud83d\ude00": "é"}',
        settings__wallet_metadata=[
            {"key": "", "value": "x"},
            {"key": "b.c d", "value": ""},
            {"key": "😀", "value": "é"},
        ],
    ),
    taken("config null", "config", "null", settings__wallet_allowed_price_types=[]),
    taken("config empty", "config", "{}", settings__wallet_allowed_price_types=[]),
    taken("config missing", "config", MISSING, settings__wallet_allowed_price_types=[]),
    taken(
        "price types repeated",
        "config.allowed_price_types",
        '["USAGE", "ALL", "USAGE"]',
        settings__wallet_allowed_price_types=[{"price_type": "ALL"}, {"price_type": "USAGE"}],
    ),
    taken("top-up null", "auto_topup", "null", settings__wallet_auto_topups=[]),
    taken("top-up empty", "auto_topup", "{}", settings__wallet_auto_topups=[]),
    taken("top-up missing", "auto_topup", MISSING, settings__wallet_auto_topups=[]),
    taken(
        "top-up all null",
        "auto_topup",
        '{"enabled": null, "amount": null, "cooldown": {}}',
        settings__wallet_auto_topups=[],
    ),
    taken(
        "top-up off",
        "auto_topup",
        '{"enabled": false}',
        settings__wallet_auto_topups=[
            {
                "is_enabled": False,
                "threshold": None,
                "amount": None,
                "is_invoiced": None,
                "cooldown_value": None,
                "cooldown_unit": None,
            }
        ],
    ),
    taken(
        "a level null",
        "alert_settings.info",
        "null",
        settings__wallet_alert_thresholds=[CRITICAL, WARNING],
    ),
    taken(
        "a level empty",
        "alert_settings.info",
        "{}",
        settings__wallet_alert_thresholds=[CRITICAL, WARNING],
    ),
    taken(
        "levels sorted",
        "alert_settings.critical",
        "null",
        settings__wallet_alert_thresholds=[INFO, WARNING],
    ),
    taken(
        "both kinds of threshold",
        "alert_config",
        '{"threshold": {"type": "amount", "value": 1.5}}',
        settings__wallet_alert_thresholds=[
            CRITICAL,
            DEFAULT,
            INFO,
            WARNING,
        ],
    ),
    taken(
        "threshold null",
        "alert_config.threshold",
        "null",
        "2026-01",
        settings__wallet_alert_thresholds=[],
    ),
    taken(
        "alert_config null", "alert_config", "null", "2026-01", settings__wallet_alert_thresholds=[]
    ),
    taken(
        "offset of two hours",
        "updated_at",
        '"2026-08-20T14:00:00+02:00"',
        settings__source_updated_at=NOON,
        balance__source_updated_at=NOON,
    ),
    taken(
        "finer than a microsecond",
        "created_at",
        '"2026-08-20T12:00:00.000000999Z"',
        settings__source_created_at=NOON,
    ),
    # Fields that nobody knows.
    unrecognized("new field", "new", '{"b": [1.50], "a": null}', '{"new":{"a":null,"b":[1.5]}}'),
    unrecognized("new field null", "new", "null", '{"new":null}'),
    unrecognized("new in config", "config.x", "1", '{"config.x":1}'),
    unrecognized(
        "dot in a key",
        "config",
        '{"allowed_price_types": ["ALL"], "a.b": 1}',
        r'{"config.a\\.b":1}',
    ),
    unrecognized("new in top-up", "auto_topup.x", '"é"', '{"auto_topup.x":"é"}'),
    unrecognized("new in cooldown", "auto_topup.cooldown.x", "{}", '{"auto_topup.cooldown.x":{}}'),
    unrecognized("new level", "alert_settings.fatal", "[]", '{"alert_settings.fatal":[]}'),
    unrecognized(
        "new in a level", "alert_settings.info.x", "true", '{"alert_settings.info.x":true}'
    ),
    unrecognized(
        "new in alert_config", "alert_config.x", "0.10", '{"alert_config.x":0.1}', "2026-01"
    ),
    unrecognized(
        "new in the threshold",
        "alert_config.threshold.x",
        "1e400",
        '{"alert_config.threshold.x":1e400}',
        "2026-01",
    ),
    unrecognized("no Unicode", "new", r'"\ud800"', r'{"new":"\\ud800"}'),
    unrecognized(
        "deeply nested", "new", "[" * 800 + "]" * 800, '{"new":' + "[" * 800 + "]" * 800 + "}"
    ),
]
