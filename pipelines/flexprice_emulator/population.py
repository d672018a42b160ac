"""The customers and wallets a world begins with, and those it gains later."""

import random
from decimal import Decimal

from flexprice_emulator import reasons
from flexprice_emulator.bookkeeping import Entry, book_credit, book_debit
from flexprice_emulator.formats import EXACT
from flexprice_emulator.records import (
    ZERO,
    AlertThreshold,
    AutoTopup,
    Contract,
    Customer,
    Wallet,
)
from flexprice_emulator.state import WorldState

_DAY_NS = 86_400_000_000_000
_TEN_THOUSANDTH = -4

CURRENCIES = ("usd", "usd", "usd", "usd", "eur", "eur", "inr", "gbp", "jpy")
RATES = tuple(map(Decimal, ("1", "1", "1", "0.01", "0.1", "0.5", "1.25", "0.00125", "83.33333")))
WALLET_TYPES: dict[Contract, tuple[str, ...]] = {
    "2026-01": ("PRE_PAID", "PRE_PAID", "PRE_PAID", "PROMOTIONAL"),
    "2026-08": ("PRE_PAID", "PRE_PAID", "PRE_PAID", "PRE_PAID", "POST_PAID"),
}
PRICE_TYPES: tuple[tuple[str, ...] | None, ...] = (
    None,
    None,
    ("ALL",),
    ("USAGE",),
    ("FIXED", "USAGE"),
    ("USAGE", "FIXED"),
)
WALLET_NAMES = ("Prepaid", "Main wallet", "API credits", "Überschuss", "预付费", "Trial", "", "")
METADATA: tuple[dict[str, str] | None, ...] = (
    None,
    None,
    {},
    {},
    {"team": "growth"},
    {"cost centre": "4711", "erp.account": "10.20"},
    {"Abteilung": "Einkauf", "部门": "财务", "قسم": "مالية"},
    {"": "empty key", "a.b.c": "dots", "UPPER lower": "", 'quote"d': "line\nbreak"},
)
_FIRST_WORDS = ("Acme", "Borealis", "Cedar", "Delta", "Ümlaut", "Fjord", "Gamma", "株式会社")
_LAST_WORDS = ("Labs", "Systems", "GmbH", "& Sons", "Analytics", "Cloud", "Foods", "Robotics")
_CITIES = (
    ("Berlin", "10115", "DE", "Europe/Berlin"),
    ("New York", "10001", "US", "America/New_York"),
    ("Bengaluru", "560001", "IN", "Asia/Kolkata"),
    ("東京", "100-0001", "JP", "Asia/Tokyo"),
)
_USERS = ("user_admin", "user_sync", "system")
_COOLDOWNS = (None, (30, "second"), (15, "minute"), (6, "hour"), (1, "day"))
#: More digits than a binary float keeps, so that a client's rounding is seen.
_THRESHOLDS = ("10", "0.1", "25.5", "100", "12345678901.123456789", "0.000000001")


def populate(state: WorldState, customers: int) -> None:
    """Add `customers` new customers with their wallets and pending amounts."""
    for number in range(customers):
        # Bulk imports create many customers in the same instant: ties in the default order.
        batch = number // 25 * 25 / max(customers, 1)
        created = state.now_ns - 400 * _DAY_NS + int(batch * 390) * _DAY_NS
        add_customer(state, created_ns=created, archived=state.rng.random() < 0.02)


def add_customer(
    state: WorldState,
    *,
    wallets: int | None = None,
    created_ns: int | None = None,
    archived: bool = False,
) -> Customer:
    """Add a customer with `wallets` wallets (default: 0 to 4, by chance) and pending amounts."""
    rng = state.rng
    created = state.now_ns if created_ns is None else created_ns
    customer = _new_customer(state, created)
    state.add_customer_record(customer)
    if archived:
        customer.status, wallets = "archived", wallets or 0
    count = rng.choices((0, 1, 2, 3, 4), (15, 45, 22, 12, 6))[0] if wallets is None else wallets
    for _ in range(count):
        add_wallet(state, customer.id, created_ns=_varied_time(rng, created))
    for currency in sorted({wallet.currency for wallet in state.wallets_of(customer.id)}):
        if rng.random() < 0.6:
            pending = state.pending_of(customer.id, currency)
            pending.usage = Decimal(rng.randrange(10**6)).scaleb(-rng.choice((2, 3, 6, 8, 12, 16)))
            pending.unpaid = Decimal(rng.choice((0, 0, rng.randrange(5000)))).scaleb(-2)
    return customer


def add_wallet(
    state: WorldState,
    customer_id: str,
    *,
    currency: str | None = None,
    wallet_type: str | None = None,
    credits_: Decimal | None = None,
    rate: Decimal | None = None,
    created_ns: int | None = None,
) -> Wallet:
    """Add an active wallet; what is not given is drawn by the world's seed.

    Its ledger begins with what it holds: `credits_` as one purchase (below zero one debit),
    credits that are drawn as a purchase and a grant of free credits, which are used first.
    """
    rng = state.rng
    created = state.now_ns if created_ns is None else created_ns
    conversion_rate = rng.choice(RATES) if rate is None else rate
    held = _some_credits(rng) if credits_ is None else credits_
    free = ZERO if credits_ is not None else _part_of(rng, held)
    levels = _some_alert_levels(rng)
    wallet = Wallet(
        id=state.new_id("wallet", created),
        customer_id=customer_id,
        name=rng.choice(WALLET_NAMES),
        description=rng.choice(("", "", "Credits of the yearly plan")),
        currency=rng.choice(CURRENCIES) if currency is None else currency,
        wallet_type=rng.choice(WALLET_TYPES[state.contract])
        if wallet_type is None
        else wallet_type,
        wallet_status="active",
        status="published",
        credit_balance=ZERO,
        balance=ZERO,
        free_credits=ZERO,
        purchased_credits=ZERO,
        conversion_rate=conversion_rate,
        topup_conversion_rate=conversion_rate,
        alert_enabled=levels is not None,
        alert_config=None if levels is None else levels["critical"],
        alert_settings=levels,
        alert_state=rng.choice(("ok", "ok", "ok", "info", "warning", "in_alarm", "")),
        auto_topup=_some_auto_topup(rng),
        allowed_price_types=rng.choice(PRICE_TYPES),
        metadata=rng.choice(METADATA),
        created_at=created,
        updated_at=created,
        created_by=rng.choice(_USERS),
        updated_by=rng.choice(_USERS),
    )
    state.add_wallet_record(wallet)
    updated_by = wallet.updated_by
    _open_ledger(state, wallet, free, EXACT.subtract(held, free))
    wallet.updated_at, wallet.updated_by = created, updated_by
    return wallet


def _open_ledger(state: WorldState, wallet: Wallet, free: Decimal, purchased: Decimal) -> None:
    # A wallet may be dated some minutes ahead; the ledger is never ahead of the clock.
    at = min(wallet.created_at, state.now_ns)
    if free > 0:
        entry = Entry(reasons.FREE_CREDIT_GRANT, "Welcome credits", priority=1, at_ns=at)
        book_credit(state, wallet, free, entry)
    if purchased > 0:
        entry = Entry(reasons.PURCHASED_CREDIT_DIRECT, "First purchase", at_ns=at)
        book_credit(state, wallet, purchased, entry)
    elif purchased < 0:
        book_debit(state, wallet, -purchased, Entry(reasons.MANUAL_BALANCE_DEBIT, at_ns=at))


def _new_customer(state: WorldState, created: int) -> Customer:
    rng = state.rng
    customer_id = state.new_id("cust", created)
    city, postal_code, country, timezone = rng.choice(_CITIES)
    number = len(state.customers) + 1
    return Customer(
        id=customer_id,
        external_id=rng.choice((f"account-{number}", f"acme/{number} & co", f"客户-{number}")),
        name=f"{rng.choice(_FIRST_WORDS)} {rng.choice(_LAST_WORDS)} {number}",
        email=f"billing{number}@example.com",
        contact=f"+49 30 {number:07d}",
        timezone=timezone,
        address_line1=f"{number} Main Street",
        address_city=city,
        address_postal_code=postal_code,
        address_country=country,
        metadata=rng.choice(METADATA),
        parent_customer_id=None,
        status="published",
        created_at=created,
        updated_at=_varied_time(rng, created),
        created_by=rng.choice(_USERS),
        updated_by=rng.choice(_USERS),
    )


def _varied_time(rng: random.Random, begin_ns: int) -> int:
    """Return a time within an hour of `begin_ns`, with 0 to 9 decimals of a second."""
    unit = int(10 ** (9 - rng.randrange(10)))
    return begin_ns + rng.randrange(3_600_000_000_000) // unit * unit


def _some_credits(rng: random.Random) -> Decimal:
    # Four decimals at most: times a rate of five decimals that is exact at nine.
    digits = rng.choice((3, 5, 7, 9))
    return Decimal(rng.choice((0, *[rng.randrange(10**digits)] * 9))).scaleb(_TEN_THOUSANDTH)


def _part_of(rng: random.Random, credits_: Decimal) -> Decimal:
    units = int(credits_.scaleb(-_TEN_THOUSANDTH))
    return Decimal(rng.choice((0, units, rng.randrange(units + 1)))).scaleb(_TEN_THOUSANDTH)


def _some_alert_levels(rng: random.Random) -> dict[str, AlertThreshold | None] | None:
    if rng.random() < 0.4:
        return None
    threshold = Decimal(rng.choice(_THRESHOLDS))
    condition = rng.choice(("below", "below", "above"))
    levels: dict[str, AlertThreshold | None] = {
        "critical": AlertThreshold(threshold, condition=condition),
        "warning": AlertThreshold(threshold * 2, condition=condition),
        "info": None,
    }
    if rng.random() < 0.3:
        levels["info"] = AlertThreshold(threshold * 4, condition="above")
    return levels


def _some_auto_topup(rng: random.Random) -> AutoTopup | None:
    if rng.random() < 0.6:
        return None
    return AutoTopup(
        enabled=rng.choice((True, True, False, None)),
        threshold=rng.choice((None, *map(Decimal, _THRESHOLDS))),
        amount=rng.choice((None, Decimal(50), Decimal("99.99"), Decimal("0.3"))),
        invoicing=rng.choice((True, False, None)),
        cooldown=rng.choice(_COOLDOWNS),
    )
