"""Every operation that can happen by chance, with what is drawn for it."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from flexprice_emulator import reasons
from flexprice_emulator.formats import EXACT
from flexprice_emulator.operations import Operations
from flexprice_emulator.profiles import CURRENCY_BY_CODE, METADATA, PLAN_NAMES, PRICE_TYPES
from flexprice_emulator.records import AlertThreshold, AutoTopup, Wallet
from flexprice_emulator.state import OperationError

_CREDIT_STEP = Decimal("0.0001")
_ANY_CURRENCY = tuple(CURRENCY_BY_CODE)
_ANY_RATE = tuple(rate for each in CURRENCY_BY_CODE.values() for rate in each.rates)


def _share_of_usual(rng: random.Random, wallet: Wallet, least: int, most: int) -> Decimal:
    """Draw credits: so many thousandths of what the wallet usually holds, at least one 0.0001."""
    share = Decimal(rng.randrange(least * 1000, most * 1000)).scaleb(-6)
    credits_ = EXACT.multiply(wallet.usual_credits, share)
    return max(credits_.quantize(_CREDIT_STEP, context=EXACT), _CREDIT_STEP)


def _some_use(rng: random.Random, wallet: Wallet) -> Decimal:
    """Draw credits to debit; only a post-paid wallet may go into debt with them."""
    credits_ = _share_of_usual(rng, wallet, 1, 60)
    if wallet.wallet_type != "POST_PAID":
        credits_ = min(credits_, wallet.credit_balance)
    if credits_ <= 0:
        raise OperationError(f"wallet {wallet.id} has nothing to debit")
    return credits_


def _some_credits(rng: random.Random, wallet: Wallet) -> Decimal:
    return _share_of_usual(rng, wallet, 50, 600)


def _debit(world: Operations, rng: random.Random, key: str) -> None:
    world.debit(key, _some_use(rng, world.wallet(key)))


def _top_up(world: Operations, rng: random.Random, key: str) -> None:
    wallet = world.wallet(key)
    if wallet.wallet_type == "POST_PAID" and wallet.credit_balance < 0:
        world.top_up(key, -wallet.credit_balance)
    else:
        world.top_up(key, _some_credits(rng, wallet), free=rng.random() < 0.3)


def _close(world: Operations, _rng: random.Random, key: str) -> None:
    if world.wallet(key).credit_balance < 0:
        raise OperationError(f"wallet {key} is in debt")
    world.close(key)


def _subscription_grant(world: Operations, rng: random.Random, key: str) -> None:
    world.top_up(
        key,
        _some_credits(rng, world.wallet(key)),
        reason=reasons.SUBSCRIPTION_CREDIT_GRANT,
        priority=rng.choice((None, 1, 2)),
        expires_at=world.now + timedelta(days=rng.choice((1, 7, 30, 90))),
    )


def _bonus_top_up(world: Operations, rng: random.Random, key: str) -> None:
    credits_ = _some_credits(rng, world.wallet(key))
    world.top_up(key, credits_, bonus=credits_.scaleb(-1).quantize(Decimal("0.0001")) + 1)


def _request_top_up(world: Operations, rng: random.Random, key: str) -> None:
    expires_at = rng.choice((None, world.now + timedelta(days=365)))
    world.request_top_up(key, _some_credits(rng, world.wallet(key)), expires_at=expires_at)


def _manual_debit(world: Operations, rng: random.Random, key: str) -> None:
    world.debit(key, _some_use(rng, world.wallet(key)), reasons.MANUAL_BALANCE_DEBIT)


def _adjust_credits(world: Operations, rng: random.Random, key: str) -> None:
    if rng.random() < 0.5:
        world.credit(key, _some_credits(rng, world.wallet(key)), reasons.CREDIT_ADJUSTMENT)
    else:
        world.debit(key, _some_use(rng, world.wallet(key)), reasons.CREDIT_ADJUSTMENT)


def _meter_usage(world: Operations, rng: random.Random, key: str) -> None:
    wallet, decimals = world.wallet(key), rng.choice((2, 6, 9, 16))
    most = EXACT.multiply(wallet.usual_credits, wallet.conversion_rate).scaleb(decimals - 2)
    amount = Decimal(rng.randrange(1, max(int(most), 2))).scaleb(-decimals, EXACT)
    world.meter_usage(wallet.customer_id, wallet.currency, amount)


def _finalise_invoice(world: Operations, _rng: random.Random, key: str) -> None:
    world.finalise_invoice(world.wallet(key).customer_id, world.wallet(key).currency)


def _pay_invoices(world: Operations, rng: random.Random, key: str) -> None:
    wallet = world.wallet(key)
    world.pay_invoices(wallet.customer_id, wallet.currency, rng.choice((key, None)))


def _set_alerts(world: Operations, rng: random.Random, key: str) -> None:
    wallet = world.wallet(key)
    usual = EXACT.multiply(wallet.usual_credits, wallet.conversion_rate)
    threshold = AlertThreshold(usual.scaleb(-1).quantize(Decimal("0.001"), context=EXACT))
    enabled = rng.random() < 0.9
    world.set_alert_config(key, threshold, enabled=enabled)
    levels = {"critical": threshold, "warning": None, "info": None}
    world.set_alert_settings(key, rng.choice((levels, levels, None)), enabled=enabled)


def _set_auto_topup(world: Operations, rng: random.Random, key: str) -> None:
    usual = max(world.wallet(key).usual_credits.quantize(Decimal(1), context=EXACT), Decimal(2))
    settings = AutoTopup(True, usual.scaleb(-1), usual.scaleb(-1) * 5, None, (1, "hour"))
    world.set_auto_topup(key, rng.choice((settings, settings, None)))


def _change_plan(world: Operations, rng: random.Random, key: str) -> None:
    metadata = world.customer(key).metadata or {}
    world.set_customer_metadata(key, metadata | {"plan": rng.choice(PLAN_NAMES)})


def _move_wallet(world: Operations, rng: random.Random, key: str) -> None:
    customers = world.customers.values()
    published = [customer.id for customer in customers if customer.status == "published"]
    world.move_wallet(key, rng.choice(published))


RANDOM_OPERATIONS: dict[str, Callable[[Operations, random.Random, str], object]] = {
    "debit": _debit,
    "top_up": _top_up,
    "meter_usage": _meter_usage,
    "finalise_invoice": _finalise_invoice,
    "pay_invoices": _pay_invoices,
    "set_name": lambda w, rng, key: w.set_name(key, rng.choice(("", f"Wallet {w.version}"))),
    "set_alerts": _set_alerts,
    "set_auto_topup": _set_auto_topup,
    "set_metadata": lambda w, rng, key: w.set_metadata(key, rng.choice(METADATA)),
    "set_allowed_price_types": lambda w, rng, key: w.set_allowed_price_types(
        key, rng.choice(PRICE_TYPES)
    ),
    "set_alert_state": lambda w, rng, key: w.set_alert_state(
        key, rng.choice(("ok", "info", "warning", "in_alarm"))
    ),
    "set_conversion_rate": lambda w, rng, key: w.set_conversion_rate(key, rng.choice(_ANY_RATE)),
    "set_currency": lambda w, rng, key: w.set_currency(key, rng.choice(_ANY_CURRENCY)),
    "freeze": lambda w, _rng, key: w.freeze(key),
    "thaw": lambda w, _rng, key: w.thaw(key),
    "close": _close,
    "close_with_remainder": lambda w, _rng, key: w.close(key, with_remainder=True),
    "hard_delete": lambda w, _rng, key: w.hard_delete(key),
    "soft_delete": lambda w, _rng, key: w.soft_delete(key),
    "reopen": lambda w, _rng, key: w.reopen(key),
    "move_wallet": _move_wallet,
    "add_wallet": lambda w, _rng, key: w.add_wallet(key),
    "touch_wallet": lambda w, rng, key: w.touch_wallet(key, f"user_{rng.randrange(100)}"),
    "add_customer": lambda w, _rng, _key: w.add_customer(),
    "archive_customer": lambda w, _rng, key: w.archive_customer(key),
    "unarchive_customer": lambda w, _rng, key: w.unarchive_customer(key),
    "rename_customer": lambda w, rng, key: w.rename_customer(key, f"Renamed {rng.randrange(999)}"),
    "touch_customer": lambda w, _rng, key: w.touch_customer(key),
    "change_plan": _change_plan,
    "subscription_grant": _subscription_grant,
    "bonus_top_up": _bonus_top_up,
    "request_top_up": _request_top_up,
    "complete_top_up": lambda w, _rng, key: w.complete_top_up(key),
    "fail_top_up": lambda w, _rng, key: w.fail_top_up(key),
    "auto_top_up": lambda w, _rng, key: w.auto_top_up(key),
    "expire_credit": lambda w, _rng, key: w.expire_credit(key),
    "manual_debit": _manual_debit,
    "credit_note": lambda w, rng, key: w.credit(
        key, _share_of_usual(rng, w.wallet(key), 1, 60), reasons.CREDIT_NOTE
    ),
    "void_invoice": lambda w, rng, key: w.credit(
        key, _share_of_usual(rng, w.wallet(key), 1, 60), reasons.INVOICE_VOID_REFUND
    ),
    "adjust_credits": _adjust_credits,
    "close_with_auto_topup": lambda w, _rng, key: w.close(key, auto_topup=True),
}
