"""What the warehouse last holds, as far as comparing needs it: a few short hashes for each wallet."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from flexprice_wallets.records.fingerprints import SIZE, WALLET_SIZES
from flexprice_wallets.snapshot.entries import Columns, Entries, Entry, fingerprint, flag
from flexprice_wallets.snapshot.ids import Ids

#: Where each fingerprint stands in the hashes of a wallet.
_SETTINGS, _BALANCE, _REAL_TIME, _CREDITS = _PLACES = tuple(
    slice(end - size, end) for size, end in zip(WALLET_SIZES, accumulate(WALLET_SIZES), strict=True)
)
_NOTHING: Final = bytes(_CREDITS.stop)


class _WalletColumns(Columns):
    def __init__(self) -> None:
        super().__init__(hash_size=_CREDITS.stop)
        self.customer_ids = Ids()
        self.customers = array("L")
        self.endings: list[str | None] = [None]
        self.ended = bytearray()


class KnownWallet(Entry):
    """One wallet as the warehouse last knew it. A fingerprint is all zeros where nothing is known.

    `is_seen`: this load has read it.
    """

    __slots__ = ()
    columns: _WalletColumns

    is_listed = flag(1)
    is_seen = flag(2)
    is_real_time_given = flag(4)
    is_credits_given = flag(8)

    hashes = fingerprint(slice(0, _CREDITS.stop))
    settings = fingerprint(_SETTINGS)
    balance = fingerprint(_BALANCE)
    real_time = fingerprint(_REAL_TIME)
    credits_available = fingerprint(_CREDITS)

    @property
    def customer_id(self) -> str:
        return self.columns.customer_ids[self.columns.customers[self.position]]

    @customer_id.setter
    def customer_id(self, customer_id: str) -> None:
        if customer_id != self.customer_id:
            self.columns.customers[self.position] = self.columns.customer_ids.add(customer_id)

    @property
    def ended(self) -> str | None:
        return self.columns.endings[self.columns.ended[self.position]]

    @ended.setter
    def ended(self, ended: str | None) -> None:
        if ended not in self.columns.endings:
            self.columns.endings.append(ended)
        self.columns.ended[self.position] = self.columns.endings.index(ended)

    def forget_figures(self) -> None:
        """A new life or another context begins: the figures read before do not go on."""
        self.hashes = self.settings + _NOTHING[_SETTINGS.stop :]


class KnownWallets(Entries[KnownWallet]):
    """The wallets of a warehouse by id."""

    _columns: _WalletColumns

    def __init__(self) -> None:
        super().__init__(_WalletColumns(), KnownWallet)

    def expect_customer(self, customer_id: str) -> None:
        """Have a customer's id at hand for wallets to be added; told in order, ids take the least memory."""
        self._columns.customer_ids.add(customer_id)

    def add(
        self,
        wallet_id: str,
        customer_id: str,
        *,
        is_listed: bool,
        ended: str | None = None,
        hashes: bytes = _NOTHING,
        is_real_time_given: bool = True,
        is_credits_given: bool = True,
    ) -> KnownWallet:
        """Add a wallet that is not known yet. `hashes`: as of `packed_hashes`."""
        known = self._append(wallet_id, hashes)
        self._columns.customers.append(self._columns.customer_ids.add(customer_id))
        self._columns.ended.append(0)
        known.is_listed, known.ended = is_listed, ended
        known.is_real_time_given, known.is_credits_given = is_real_time_given, is_credits_given
        return known


def packed_hashes(settings: bytes, balance: bytes, real_time: bytes, credits: bytes) -> bytes:
    """The hashes of a `KnownWallet`; b'' where nothing is known."""
    fingerprints = (settings, balance, real_time, credits)
    return b"".join(
        fingerprint.ljust(place.stop - place.start, b"\0")
        for fingerprint, place in zip(fingerprints, _PLACES, strict=True)
    )


class KnownCustomer(Entry):
    """One customer as the warehouse last knew it. `is_seen`: this load has found it in the list."""

    __slots__ = ()

    is_listed = flag(1)
    is_seen = flag(2)
    fingerprint = fingerprint(slice(0, SIZE))


class KnownCustomers(Entries[KnownCustomer]):
    """The customers of a warehouse by id."""

    def __init__(self) -> None:
        super().__init__(Columns(hash_size=SIZE), KnownCustomer)

    def add(self, customer_id: str, fingerprint: bytes, *, is_listed: bool) -> KnownCustomer:
        """Add a customer that is not known yet."""
        known = self._append(customer_id, fingerprint)
        known.is_listed = is_listed
        return known


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

    wallets: KnownWallets = field(default_factory=KnownWallets)
    customers: KnownCustomers = field(default_factory=KnownCustomers)
    rejections: dict[str, KnownRejection] = field(default_factory=dict)
    tenant_id: str | None = None
    environment_id: str | None = None
    is_first: bool = True

    def clear(self) -> None:
        """Forget all wallets and customers, and so free their memory."""
        self.wallets = KnownWallets()
        self.customers = KnownCustomers()
