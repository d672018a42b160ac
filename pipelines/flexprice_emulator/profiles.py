"""What the made-up company sells, where its customers are, and what is odd about some of them."""

from dataclasses import dataclass
from decimal import Decimal

from flexprice_emulator.records import Contract


@dataclass(frozen=True)
class Plan:
    """A plan, with what its customers' wallets hold at most, in dollars."""

    name: str
    weight: int
    least: int
    most: int


PLANS = (
    Plan("free", 20, 1, 40),
    Plan("startup", 40, 40, 2_000),
    Plan("business", 28, 1_000, 25_000),
    Plan("enterprise", 12, 20_000, 400_000),
)
PLAN_NAMES = tuple(plan.name for plan in PLANS)


@dataclass(frozen=True)
class Currency:
    """A currency: what a dollar is in it, and the rates (currency per credit) that wallets have."""

    code: str
    per_dollar: int
    rates: tuple[Decimal, ...]


def _rates(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


_CURRENCIES = (
    Currency("usd", 1, _rates("1", "1", "1", "0.01", "0.1", "0.00125")),
    Currency("eur", 1, _rates("1", "1", "0.5", "0.1", "1.25")),
    Currency("inr", 83, _rates("1", "1", "83.33333")),
    Currency("gbp", 1, _rates("1", "1", "0.01", "1.25")),
    Currency("jpy", 150, _rates("1", "1", "0.5", "83.33333")),
)
CURRENCY_BY_CODE = {currency.code: currency for currency in _CURRENCIES}


@dataclass(frozen=True)
class City:
    """Where a customer is, and what it pays in."""

    name: str
    postal_code: str
    country: str
    timezone: str
    currency: str
    weight: int


CITIES = (
    City("New York", "10001", "US", "America/New_York", "usd", 45),
    City("Berlin", "10115", "DE", "Europe/Berlin", "eur", 22),
    City("Bengaluru", "560001", "IN", "Asia/Kolkata", "inr", 15),
    City("London", "EC1A 1BB", "GB", "Europe/London", "gbp", 10),
    City("東京", "100-0001", "JP", "Asia/Tokyo", "jpy", 8),
)

#: Far more prepaid wallets than others.
WALLET_TYPES: dict[Contract, tuple[tuple[str, int], ...]] = {
    "2026-01": (("PRE_PAID", 88), ("PROMOTIONAL", 12)),
    "2026-08": (("PRE_PAID", 92), ("POST_PAID", 8)),
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
FIRST_WORDS = ("Acme", "Borealis", "Cedar", "Delta", "Ümlaut", "Fjord", "Gamma", "株式会社")
LAST_WORDS = ("Labs", "Systems", "GmbH", "& Sons", "Analytics", "Cloud", "Foods", "Robotics")
SEGMENTS = ("self-serve", "sales-led", "partner")
USERS = ("user_admin", "user_sync", "system")
COOLDOWNS = (None, (30, "second"), (15, "minute"), (6, "hour"), (1, "day"))

#: Metadata as people write it; most wallets have none.
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
#: Share of the thresholds with more digits than a binary float keeps, so that rounding is seen.
ODD_THRESHOLDS = ("12345678901.123456789", "0.000000001", "0.1")
ODD_SHARE = 0.05
