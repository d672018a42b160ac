"""Reads what is configured for a wallet: a setting that breaks the contract costs that one only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeVar

from flexprice_wallets.records import json_text, values
from flexprice_wallets.records.records import AlertThreshold, AutoTopup, WalletSettings
from flexprice_wallets.records.unrecognized import Shape, unrecognized_members
from flexprice_wallets.records.values import Unreadable, members, read

_T = TypeVar("_T")

_ALERT_LEVELS: Final = ("critical", "warning", "info")
_LEVEL_SHAPE: Final = Shape.of(("threshold", "condition"))

#: Every field of a wallet that has a place in the tables.
WALLET_SHAPE: Final = Shape.of(
    (
        "id",
        "customer_id",
        "tenant_id",
        "environment_id",
        "currency",
        "wallet_status",
        "status",
        "name",
        "description",
        "wallet_type",
        "metadata",
        "alert_enabled",
        "alert_state",
        "conversion_rate",
        "topup_conversion_rate",
        "balance",
        "credit_balance",
        "real_time_balance",
        "real_time_credit_balance",
        "is_cached_fallback",
        "current_period_usage",
        "unpaid_invoices_amount",
        "credits_available_breakdown",
        "created_at",
        "updated_at",
        "balance_updated_at",
        "created_by",
        "updated_by",
    ),
    alert_config=Shape.of(threshold=Shape.of(("type", "value"))),
    alert_settings=Shape.of(
        ("alert_enabled",), critical=_LEVEL_SHAPE, warning=_LEVEL_SHAPE, info=_LEVEL_SHAPE
    ),
    auto_topup=Shape.of(
        ("enabled", "threshold", "amount", "invoicing"), cooldown=Shape.of(("value", "unit"))
    ),
    config=Shape.of(("allowed_price_types",)),
)

#: What an unreadable field leaves unknown: an attribute of `WalletSettings`, the last of `Balance`.
ATTRIBUTE_OF_FIELD: Final[Mapping[str, str]] = {
    "name": "name",
    "description": "description",
    "wallet_type": "wallet_type",
    "conversion_rate": "conversion_rate",
    "topup_conversion_rate": "topup_conversion_rate",
    "alert_enabled": "alert_enabled",
    "alert_settings.alert_enabled": "alert_enabled",
    "alert_state": "alert_state",
    "alert_config": "alert_thresholds",
    "alert_settings": "alert_thresholds",
    "auto_topup": "auto_topup",
    "config": "allowed_price_types",
    "metadata": "metadata",
    "created_at": "source_created_at",
    "updated_at": "source_updated_at",
    "created_by": "created_by",
    "updated_by": "updated_by",
    "balance_updated_at": "source_balance_updated_at",
}


class SettingsReader:
    """Reads the settings of one wallet; `problems` holds a reason for each unreadable field."""

    def __init__(self, record: dict[str, object]) -> None:
        self._record = record
        self.problems: dict[str, str] = {}

    def settings(self, required: Mapping[str, str]) -> WalletSettings:
        """The settings, with the fields that no record can do without taken from `required`."""
        unrecognized = unrecognized_members(self._record, WALLET_SHAPE)
        alert_enabled = self._alert_enabled(unrecognized)
        return WalletSettings(
            name=self.read("name", values.text),
            description=self.read("description", values.text),
            currency=required["currency"],
            wallet_type=self.read("wallet_type", values.text),
            wallet_status=required["wallet_status"],
            record_status=required["status"],
            conversion_rate=self.read("conversion_rate", values.required_rate),
            topup_conversion_rate=self.read("topup_conversion_rate", values.rate),
            alert_enabled=alert_enabled,
            alert_state=self.read("alert_state", values.text),
            tenant_id=required["tenant_id"],
            environment_id=required["environment_id"],
            source_created_at=self.read("created_at", values.timestamp),
            source_updated_at=self.read("updated_at", values.timestamp),
            created_by=self.read("created_by", values.text),
            updated_by=self.read("updated_by", values.text),
            unrecognized_fields=json_text.canonical(unrecognized) if unrecognized else None,
            alert_thresholds=self._alert_thresholds(),
            auto_topup=self.read("auto_topup", _auto_topup),
            allowed_price_types=self.read("config", _allowed_price_types) or (),
            metadata=self.read("metadata", values.text_map) or (),
        )

    def read(self, name: str, reader: Callable[[object], _T]) -> _T | None:
        """The field `name`, or None and an entry in `problems`."""
        try:
            return reader(self._record.get(name))
        except Unreadable as error:
            self.problems[name] = str(error.within(name))
            return None

    def _alert_enabled(self, unrecognized: dict[str, object]) -> bool | None:
        """In August it is in `alert_settings`; where both are there, the outer one counts."""
        path = "alert_settings.alert_enabled"
        if self._record.get("alert_enabled") is None:
            try:
                return read(self._record, "alert_settings", _inner_alert_enabled)
            except Unreadable as error:
                self.problems[path] = str(error)
                return None
        outer = self.read("alert_enabled", values.boolean)
        settings = self._record.get("alert_settings")
        inner = settings.get("alert_enabled") if type(settings) is dict else None
        if inner is not None and inner is not outer:
            unrecognized[path] = inner
        return outer

    def _alert_thresholds(self) -> tuple[AlertThreshold, ...]:
        default = self.read("alert_config", _default_thresholds)
        levels = self.read("alert_settings", _level_thresholds)
        if default is None or levels is None:
            return ()
        return tuple(sorted(default + levels, key=lambda threshold: threshold.level))


def _inner_alert_enabled(value: object) -> bool | None:
    return read(members(value), "alert_enabled", values.boolean)


def _default_thresholds(value: object) -> list[AlertThreshold]:
    return read(members(value), "threshold", _default_threshold)


def _default_threshold(value: object) -> list[AlertThreshold]:
    fields = members(value)
    kind = read(fields, "type", values.text)
    limit = read(fields, "value", values.amount)
    if kind is None and limit is None:
        return []
    return [AlertThreshold("default", kind, limit, None)]


def _level_thresholds(value: object) -> list[AlertThreshold]:
    settings = members(value)
    found = (read(settings, level, reader) for level, reader in _LEVEL_READERS.items())
    return [threshold for threshold in found if threshold is not None]


def _threshold_of_level(level: str, value: object) -> AlertThreshold | None:
    fields = members(value)
    limit = read(fields, "threshold", values.amount)
    condition = read(fields, "condition", values.text)
    if limit is None and condition is None:
        return None
    return AlertThreshold(level, None, limit, condition)


_LEVEL_READERS: Final = {level: partial(_threshold_of_level, level) for level in _ALERT_LEVELS}


def _auto_topup(value: object) -> AutoTopup | None:
    if not (fields := members(value)):
        return None
    cooldown_value, cooldown_unit = read(fields, "cooldown", _cooldown)
    topup = AutoTopup(
        is_enabled=read(fields, "enabled", values.boolean),
        threshold=read(fields, "threshold", values.amount),
        amount=read(fields, "amount", values.amount),
        is_invoiced=read(fields, "invoicing", values.boolean),
        cooldown_value=cooldown_value,
        cooldown_unit=cooldown_unit,
    )
    return None if topup == _NO_AUTO_TOPUP else topup


def _cooldown(value: object) -> tuple[int | None, str | None]:
    fields = members(value)
    return read(fields, "value", values.integer), read(fields, "unit", values.text)


_NO_AUTO_TOPUP: Final = AutoTopup(None, None, None, None, None, None)


def _allowed_price_types(value: object) -> tuple[str, ...]:
    return read(members(value), "allowed_price_types", values.id_set)
