"""The customers and wallets a world begins with, and those it gains later."""

import math
import random
from decimal import Decimal

from flexprice_emulator import profiles, reasons
from flexprice_emulator.alerts import follow_balance
from flexprice_emulator.bookkeeping import Entry, book_credit, book_debit
from flexprice_emulator.formats import EXACT
from flexprice_emulator.records import ZERO, AlertThreshold, AutoTopup, Customer, Wallet
from flexprice_emulator.state import WorldState

_DAY_NS = 86_400_000_000_000
_CREDIT_STEP = Decimal("0.0001")
_CENT = Decimal("0.01")


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
    external_id: str | None = None,
) -> Customer:
    """Add a customer with `wallets` wallets (default: 0 to 4, by chance) and pending amounts.

    What is pending is in proportion to what the wallets hold.
    """
    rng = state.rng
    created = state.now_ns if created_ns is None else created_ns
    customer = _new_customer(state, created)
    customer.external_id = external_id or customer.external_id
    state.add_customer_record(customer)
    if archived:
        customer.status, wallets = "archived", wallets or 0
    count = rng.choices((0, 1, 2, 3, 4), (15, 45, 22, 12, 6))[0] if wallets is None else wallets
    for _ in range(count):
        add_wallet(state, customer.id, created_ns=_varied_time(rng, created))
    for currency in sorted({wallet.currency for wallet in state.wallets_of(customer.id)}):
        if rng.random() < 0.6:
            _add_pending(state, customer, currency)
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
    credits that are drawn as a purchase and a grant of free credits that expires.
    """
    rng = state.rng
    created = state.now_ns if created_ns is None else created_ns
    customer = state.customers[customer_id]
    drawn_currency, drawn_type = _currency_and_type(state, customer)
    code, kind = currency or drawn_currency, wallet_type or drawn_type
    known = profiles.CURRENCY_BY_CODE.get(code, profiles.CURRENCY_BY_CODE["usd"])
    conversion_rate = rng.choice(known.rates) if rate is None else rate
    usual = _usual_amount(rng, customer, known.per_dollar)
    drawn = _credits(usual, conversion_rate)
    levels = _some_alert_levels(rng, usual)
    wallet = Wallet(
        id=state.new_id("wallet", created),
        customer_id=customer_id,
        name=rng.choice(profiles.WALLET_NAMES),
        description=rng.choice(("", "", "Credits of the yearly plan")),
        currency=code,
        wallet_type=kind,
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
        # Old rows have an empty text.
        alert_state=rng.choice(("ok", "ok", "ok", "")),
        auto_topup=_some_auto_topup(rng, drawn),
        allowed_price_types=rng.choice(profiles.PRICE_TYPES),
        metadata=rng.choice(profiles.METADATA),
        created_at=created,
        updated_at=created,
        created_by=rng.choice(profiles.USERS),
        updated_by=rng.choice(profiles.USERS),
        usual_credits=credits_ if credits_ is not None and credits_ > 0 else drawn,
    )
    state.add_wallet_record(wallet)
    updated_by, expiry = wallet.updated_by, _some_expiries(rng, state.now_ns)
    free, purchased = _opening(rng, kind, drawn)
    if credits_ is not None:
        free, purchased, expiry = ZERO, credits_, (None, None)
    _open_ledger(state, wallet, free, purchased, expiry)
    follow_balance(wallet)
    wallet.updated_at, wallet.updated_by = created, updated_by
    return wallet


def _open_ledger(
    state: WorldState,
    wallet: Wallet,
    free: Decimal,
    purchased: Decimal,
    expiry: tuple[int | None, int | None],
) -> None:
    # A wallet may be dated some minutes ahead; the ledger is never ahead of the clock.
    at = min(wallet.created_at, state.now_ns)
    if free > 0:
        entry = Entry(
            reasons.FREE_CREDIT_GRANT, "Welcome credits", priority=1, expiry_ns=expiry[0], at_ns=at
        )
        book_credit(state, wallet, free, entry)
    if purchased > 0:
        entry = Entry(
            reasons.PURCHASED_CREDIT_DIRECT, "First purchase", expiry_ns=expiry[1], at_ns=at
        )
        book_credit(state, wallet, purchased, entry)
    elif purchased < 0:
        entry = Entry(reasons.INVOICE_PAYMENT, "Invoice payment", at_ns=at)
        book_debit(state, wallet, -purchased, entry)


def _new_customer(state: WorldState, created: int) -> Customer:
    rng = state.rng
    customer_id = state.new_id("cust", created)
    cities = profiles.CITIES
    city = rng.choices(cities, [each.weight for each in cities])[0]
    number = len(state.customers) + 1
    first, last = rng.choice(profiles.FIRST_WORDS), rng.choice(profiles.LAST_WORDS)
    return Customer(
        id=customer_id,
        external_id=rng.choice((f"account-{number}", f"acme/{number} & co", f"客户-{number}")),
        name=f"{first} {last} {number}",
        email=f"billing{number}@example.com",
        contact=f"+49 30 {number:07d}",
        timezone=city.timezone,
        address_line1=f"{number} Main Street",
        address_city=city.name,
        address_postal_code=city.postal_code,
        address_country=city.country,
        metadata=_customer_metadata(rng),
        parent_customer_id=None,
        status="published",
        created_at=created,
        updated_at=_varied_time(rng, created),
        created_by=rng.choice(profiles.USERS),
        updated_by=rng.choice(profiles.USERS),
    )


def _customer_metadata(rng: random.Random) -> dict[str, str] | None:
    """Return a plan and a segment; what else is there, or instead of them, is odd."""
    plan = rng.choices(profiles.PLANS, [each.weight for each in profiles.PLANS])[0]
    odd = rng.choice(profiles.METADATA)
    if odd is None and rng.random() < 0.2:
        return None
    metadata = {"plan": plan.name, "segment": rng.choice(profiles.SEGMENTS)}
    return metadata | (odd or {}) if rng.random() < 0.3 else metadata


def _varied_time(rng: random.Random, begin_ns: int) -> int:
    """Return a time within an hour of `begin_ns`, with 0 to 9 decimals of a second."""
    unit = int(10 ** (9 - rng.randrange(10)))
    return begin_ns + rng.randrange(3_600_000_000_000) // unit * unit


def _currency_and_type(state: WorldState, customer: Customer) -> tuple[str, str]:
    """Draw a currency and a type, which no other active wallet of the customer has if possible."""
    rng, types = state.rng, profiles.WALLET_TYPES[state.contract]
    home = next(
        city.currency for city in profiles.CITIES if city.country == customer.address_country
    )
    others = tuple(profiles.CURRENCY_BY_CODE)
    taken = {(row.currency, row.wallet_type) for row in state.wallets_of(customer.id)}
    for attempt in range(20):
        currency = home if rng.random() < 0.75 - attempt * 0.05 else rng.choice(others)
        kind = rng.choices([name for name, _ in types], [weight for _, weight in types])[0]
        if (currency, kind) not in taken:
            break
    return currency, kind


def _usual_amount(rng: random.Random, customer: Customer, per_dollar: int) -> Decimal:
    """Draw what a wallet holds in its currency, by its customer's plan; small ones are common."""
    name = (customer.metadata or {}).get("plan", "startup")
    plan = next((each for each in profiles.PLANS if each.name == name), profiles.PLANS[1])
    exponent = rng.uniform(math.log(plan.least), math.log(plan.most))
    return Decimal(int(math.exp(exponent) * 100) * per_dollar).scaleb(-2)


def _credits(amount: Decimal, rate: Decimal) -> Decimal:
    """Return an amount in credits of at most four decimals: times a rate that is exact at nine."""
    return EXACT.divide(amount, rate).quantize(_CREDIT_STEP, context=EXACT)


def _opening(rng: random.Random, kind: str, usual: Decimal) -> tuple[Decimal, Decimal]:
    """Draw the free and the purchased credits that a wallet begins with."""
    if kind == "POST_PAID":
        # Used first and paid later: it begins at zero and goes below.
        return ZERO, ZERO
    share = Decimal(rng.choice((0, 0, 0, 5, 10, 25, rng.randrange(101)))).scaleb(-2)
    if kind == "PROMOTIONAL":
        share = Decimal(1)
    held = usual if rng.random() < 0.93 else ZERO
    free = EXACT.multiply(held, share).quantize(_CREDIT_STEP, context=EXACT)
    return free, EXACT.subtract(held, free)


def _some_expiries(rng: random.Random, now_ns: int) -> tuple[int | None, int | None]:
    """Draw when free and purchased credits expire: soon, within a year or two, or never."""
    free = now_ns + rng.randrange(3, 180) * _DAY_NS
    purchased = now_ns + rng.randrange(20, 700) * _DAY_NS
    return rng.choice((None, free, free, free)), rng.choice((None, None, purchased))


def _add_pending(state: WorldState, customer: Customer, currency: str) -> None:
    """Draw usage of up to a quarter of what the customer holds, sometimes an unpaid invoice."""
    rng = state.rng
    rows = [row for row in state.wallets_of(customer.id) if row.currency == currency]
    held = sum((max(row.balance, ZERO) for row in rows), ZERO)
    pending = state.pending_of(customer.id, currency)
    pending.usage = _part_of(rng, max(held, Decimal(10)), 25, rng.choice((2, 3, 6, 8, 12, 16)))
    if rng.random() < 0.3:
        pending.unpaid = _part_of(rng, held, 15, 2)


def _part_of(rng: random.Random, amount: Decimal, percent: int, decimals: int) -> Decimal:
    """Draw up to a percentage of an amount, with so many decimals."""
    units = rng.randrange(int(EXACT.multiply(amount, Decimal(percent)).scaleb(decimals - 2)) + 1)
    return Decimal(units).scaleb(-decimals, EXACT)


def _some_alert_levels(
    rng: random.Random, usual: Decimal
) -> dict[str, AlertThreshold | None] | None:
    if rng.random() < 0.4:
        return None
    threshold = EXACT.multiply(usual, Decimal(rng.randrange(3, 25)).scaleb(-2))
    threshold = threshold.quantize(_CENT, context=EXACT)
    if rng.random() < profiles.ODD_SHARE:
        threshold = Decimal(rng.choice(profiles.ODD_THRESHOLDS))
    condition = rng.choice(("below",) * 9 + ("above",))
    levels: dict[str, AlertThreshold | None] = {
        "critical": AlertThreshold(threshold, condition=condition),
        "warning": AlertThreshold(threshold * 2, condition=condition),
        "info": None,
    }
    if rng.random() < 0.3:
        levels["info"] = AlertThreshold(threshold * 4, condition=condition)
    return levels


def _some_auto_topup(rng: random.Random, usual: Decimal) -> AutoTopup | None:
    """Draw a top-up of half of what the wallet usually holds, in credits, at a tenth of it."""
    if rng.random() < 0.6:
        return None
    threshold = EXACT.divide(usual, Decimal(10)).quantize(_CENT, context=EXACT)
    amount = EXACT.divide(usual, Decimal(2)).quantize(_CENT, context=EXACT) + 1
    if rng.random() < profiles.ODD_SHARE:
        threshold = Decimal(rng.choice(profiles.ODD_THRESHOLDS))
    return AutoTopup(
        enabled=rng.choice((True, True, False, None)),
        threshold=rng.choice((None, threshold, threshold, threshold)),
        amount=rng.choice((None, amount, amount, Decimal(50), Decimal("99.99"), Decimal("0.3"))),
        invoicing=rng.choice((True, False, None)),
        cooldown=rng.choice(profiles.COOLDOWNS),
    )
