"""The endpoints under ``/_emulator``: another process moves the world and asks for the truth."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import datetime, timedelta
from decimal import Decimal
from inspect import signature
from typing import Any, Protocol

from flexprice_emulator.faults import Fault, Faults
from flexprice_emulator.formats import JsonNumber, parse_rfc3339
from flexprice_emulator.quirks import Quirks
from flexprice_emulator.rates import Rates
from flexprice_emulator.records import AlertThreshold, AutoTopup, Customer, Transaction, Wallet
from flexprice_emulator.request_log import Request, RequestLog
from flexprice_emulator.responses import Response, data_response
from flexprice_emulator.state import OperationError
from flexprice_emulator.world import World

CONTROL_PREFIX = "/_emulator"

#: Methods of `World` that ``POST /_emulator/operations`` may call.
OPERATIONS = frozenset(
    {
        "debit",
        "credit",
        "top_up",
        "request_top_up",
        "complete_top_up",
        "fail_top_up",
        "expire_credit",
        "expire_credits",
        "auto_top_up",
        "change_balance_behind_ledger",
        "change_transaction",
        "set_name",
        "set_metadata",
        "set_alert_config",
        "set_alert_settings",
        "set_alert_state",
        "set_auto_topup",
        "set_allowed_price_types",
        "set_conversion_rate",
        "set_currency",
        "touch_wallet",
        "freeze",
        "thaw",
        "close",
        "reopen",
        "soft_delete",
        "hard_delete",
        "move_wallet",
        "meter_usage",
        "finalise_invoice",
        "pay_invoices",
        "rename_customer",
        "set_customer_metadata",
        "touch_customer",
        "archive_customer",
        "unarchive_customer",
        "add_customer",
        "add_wallet",
    }
)


class Controlled(Protocol):
    """What of the server can be controlled."""

    world: World
    quirks: Quirks
    faults: Faults
    requests: RequestLog
    latency_ms: float
    capacity: int | None


class Control:
    """Answers requests to the emulator itself, as JSON objects.

    ``GET /truth`` (``?ledger=true``, ``?transactions=false``), ``GET /balances`` (``?at=``, a time:
    what every wallet held then by its ledger), ``POST /time`` ``{"now"}``, ``POST /advance``
    ``{"seconds", "steps", "rates"}``, ``POST /operations`` ``{"operation", "arguments"}``, ``GET``,
    ``POST`` (one fault, or ``{"mix_rate"}``) and ``DELETE /faults``, ``POST /settings``
    ``{"contract", "latency_ms", "capacity", "quirks"}``, ``GET`` and ``DELETE /requests``.
    """

    def __init__(self, emulator: Controlled) -> None:
        self._emulator = emulator
        self._routes: dict[tuple[str, str], Callable[[Request], object]] = {
            ("GET", "/truth"): self._truth,
            ("GET", "/balances"): self._balances,
            ("POST", "/time"): self._set_time,
            ("POST", "/advance"): self._advance,
            ("POST", "/operations"): self._operate,
            ("GET", "/faults"): lambda _request: self._faults(),
            ("POST", "/faults"): self._add_faults,
            ("DELETE", "/faults"): self._clear_faults,
            ("POST", "/settings"): self._set,
            ("GET", "/requests"): lambda _request: emulator.requests.summary(),
            ("DELETE", "/requests"): self._clear_requests,
        }

    def answer(self, request: Request) -> Response:
        """Return the answer: 400 with a message where the request makes no sense."""
        route = self._routes.get((request.method, request.path.removeprefix(CONTROL_PREFIX)))
        if route is None:
            return data_response({"error": "no such endpoint of the emulator"}, 404)
        try:
            return data_response(route(request))
        except (OperationError, TypeError, ValueError, ArithmeticError) as error:
            return data_response({"error": str(error) or type(error).__name__}, 400)

    def _truth(self, request: Request) -> object:
        query = request.query
        return self._emulator.world.truth(
            ledger=query.get("ledger") == "true",
            transactions=query.get("transactions") != "false",
        )

    def _balances(self, request: Request) -> object:
        world, moment = self._emulator.world, _time(request.query.get("at"))
        with world.lock:
            return {key: world.ledger_balance_at(key, moment) for key in world.wallets}

    def _set_time(self, request: Request) -> object:
        self._emulator.world.set_time(_time(_body(request).get("now")))
        return {"now": self._emulator.world.now}

    def _advance(self, request: Request) -> object:
        body = _body(request)
        rates = body.get("rates")
        done = self._emulator.world.advance(
            timedelta(seconds=float(body.get("seconds", 3600))),
            steps=int(body.get("steps", 1)),
            rates=None
            if rates is None
            else Rates.only(**{name: float(rate) for name, rate in rates.items()}),
        )
        return {"now": self._emulator.world.now, "done": dict(done)}

    def _operate(self, request: Request) -> object:
        body = _body(request)
        name, arguments = body.get("operation"), dict(body.get("arguments") or {})
        if name not in OPERATIONS:
            raise ValueError(f"unknown operation; there are {', '.join(sorted(OPERATIONS))}")
        operation = getattr(World, str(name))
        signature(operation).bind(None, **arguments)
        for key, convert in _CONVERSIONS.items():
            if (key, arguments.get(key)) != (key, None):
                arguments[key] = convert(arguments[key])
        result = operation(self._emulator.world, **arguments)
        return {"id": result.id} if isinstance(result, Customer | Wallet | Transaction) else {}

    def _faults(self) -> object:
        faults = self._emulator.faults
        return {"active": [asdict(fault) for fault in faults.active], "counts": dict(faults.counts)}

    def _add_faults(self, request: Request) -> object:
        body = _body(request)
        if "mix_rate" in body:
            self._emulator.faults.add_mix(float(body["mix_rate"]))
        else:
            self._emulator.faults.add(Fault.from_mapping(body))
        return self._faults()

    def _clear_faults(self, _request: Request) -> object:
        self._emulator.faults.clear()
        return self._faults()

    def _clear_requests(self, _request: Request) -> object:
        self._emulator.requests.clear()
        return self._emulator.requests.summary()

    def _set(self, request: Request) -> object:
        emulator, body = self._emulator, _body(request)
        if unknown := set(body) - {"contract", "latency_ms", "capacity", "quirks"}:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        quirks = body.get("quirks", {})
        if unknown := set(quirks) - {entry.name for entry in fields(Quirks)}:
            raise ValueError(f"unknown quirks: {', '.join(sorted(unknown))}")
        if body.get("contract", "2026-08") not in ("2026-01", "2026-08"):
            raise ValueError("the contract is 2026-01 or 2026-08")
        with emulator.world.lock:
            emulator.world.contract = body.get("contract", emulator.world.contract)
            emulator.latency_ms = float(body.get("latency_ms", emulator.latency_ms))
            if "capacity" in body:
                capacity = body["capacity"]
                emulator.capacity = None if capacity is None else int(capacity)
            for name, value in quirks.items():
                # Sets and rates come as lists and as text of numbers; the rest as it is.
                kind = type(getattr(emulator.quirks, name))
                setattr(emulator.quirks, name, kind(value) if kind in (set, float) else value)
        return {"contract": emulator.world.contract, "latency_ms": emulator.latency_ms}


def _body(request: Request) -> dict[str, Any]:
    body = json.loads(request.body or b"{}", parse_float=JsonNumber)
    if not isinstance(body, dict):
        raise TypeError("the body must be a JSON object")
    return body


def _time(value: object) -> datetime:
    if not isinstance(value, str):
        raise TypeError("a time must be RFC 3339 text")
    return parse_rfc3339(value)


def _threshold(values: Mapping[str, Any]) -> AlertThreshold:
    return AlertThreshold(**{**values, "threshold": Decimal(values["threshold"])})


def _levels(levels: Mapping[str, Any]) -> dict[str, AlertThreshold | None]:
    return {name: None if entry is None else _threshold(entry) for name, entry in levels.items()}


def _auto_topup(values: Mapping[str, Any]) -> AutoTopup:
    threshold, amount, cooldown = (values.get(key) for key in ("threshold", "amount", "cooldown"))
    return AutoTopup(
        enabled=values.get("enabled"),
        threshold=None if threshold is None else Decimal(threshold),
        amount=None if amount is None else Decimal(amount),
        invoicing=values.get("invoicing"),
        cooldown=None if cooldown is None else (cooldown["value"], cooldown["unit"]),
    )


#: How the arguments of operations are read from JSON.
_CONVERSIONS: dict[str, Callable[[Any], object]] = {
    "credits_": Decimal,
    "amount": Decimal,
    "rate": Decimal,
    "threshold": _threshold,
    "levels": _levels,
    "auto_topup": _auto_topup,
    "created_at": _time,
    "expires_at": _time,
    "bonus": Decimal,
    "credits_available": Decimal,
    "credit_amount": Decimal,
    "credit_balance_before": Decimal,
    "credit_balance_after": Decimal,
}
