"""What the warehouse last holds, as far as comparing needs it: a few short hashes for each wallet."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate

from flexprice_wallets.records.fingerprints import WALLET_SIZES

#: Where each fingerprint stands in the hashes of a wallet.
_SETTINGS, _BALANCE, _REAL_TIME, _CREDITS = _PLACES = tuple(
    slice(end - size, end) for size, end in zip(WALLET_SIZES, accumulate(WALLET_SIZES), strict=True)
)
_NOTHING = bytes(_CREDITS.stop)


def _fingerprint(place: slice) -> property:
    def read(known: KnownWallet) -> bytes:
        return known.hashes[place]

    def write(known: KnownWallet, fingerprint: bytes) -> None:
        before, after = known.hashes[: place.start], known.hashes[place.stop :]
        known.hashes = before + fingerprint + after

    return property(read, write)


@dataclass(slots=True)
class KnownWallet:
    """One wallet as the warehouse last knew it. A fingerprint is all zeros where nothing is known.

    `is_seen`: this load has read it. Kept small, as there is one for every wallet of the warehouse: four fingerprints
    in one bytes object take half the memory of four objects.
    """

    customer_id: str
    is_listed: bool
    ended: str | None = None
    hashes: bytes = _NOTHING
    is_real_time_given: bool = True
    is_credits_given: bool = True
    is_seen: bool = False

    settings = _fingerprint(_SETTINGS)
    balance = _fingerprint(_BALANCE)
    real_time = _fingerprint(_REAL_TIME)
    credits_available = _fingerprint(_CREDITS)

    def forget_figures(self) -> None:
        """A new life or another context begins: the figures read before do not go on."""
        self.hashes = self.hashes[_SETTINGS] + _NOTHING[_SETTINGS.stop :]


def packed_hashes(settings: bytes, balance: bytes, real_time: bytes, credits: bytes) -> bytes:
    """The hashes of a `KnownWallet`; b'' where nothing is known."""
    fingerprints = (settings, balance, real_time, credits)
    return b"".join(
        fingerprint.ljust(place.stop - place.start, b"\0")
        for fingerprint, place in zip(fingerprints, _PLACES, strict=True)
    )


@dataclass(slots=True)
class KnownCustomer:
    """One customer as the warehouse last knew it. `is_seen`: this load has found it in the list."""

    fingerprint: bytes
    is_listed: bool
    is_seen: bool = False


@dataclass(slots=True)
class KnownRejection:
    """A rejection that held after the last snapshot, or is new in this one.

    `is_seen`: this snapshot has rejected the same.
    """

    resource: str
    customer_id: str | None
    wallet_id: str | None
    transaction_id: str | None = None
    is_seen: bool = False
    is_new: bool = False


@dataclass(slots=True)
class Known:
    """Everything that is known before a load. Empty before the first."""

    wallets: dict[str, KnownWallet] = field(default_factory=dict)
    customers: dict[str, KnownCustomer] = field(default_factory=dict)
    rejections: dict[str, KnownRejection] = field(default_factory=dict)
    tenant_id: str | None = None
    environment_id: str | None = None
    is_first: bool = True

    def clear(self) -> None:
        """Forget all wallets and customers, and so free their memory."""
        self.wallets.clear()
        self.customers.clear()
