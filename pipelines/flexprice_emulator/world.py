"""The emulated billing system: build it, change it, move it through time, ask for the truth."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from flexprice_emulator import population
from flexprice_emulator.advance import random_step
from flexprice_emulator.operations import Operations
from flexprice_emulator.rates import Rates
from flexprice_emulator.records import Contract
from flexprice_emulator.state import atomic
from flexprice_emulator.truth import ledger_balance_at, truth_of

DEFAULT_NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)


class World(Operations):
    """A billing system that is the same for the same seed and the same calls.

    Every method is atomic and may be called from any thread while a server answers from it.
    Operations raise OperationError where they cannot be done. The clock stands still until
    `set_time`, `pass_time` or `advance` moves it.
    """

    def __init__(
        self,
        customers: int = 50,
        *,
        seed: int = 1,
        contract: Contract = "2026-08",
        now: datetime = DEFAULT_NOW,
        tenant_id: str = "tenant_01J0EMULATOR0000000000000",
        environment_id: str = "env_01J0EMULATOR0000000000000",
        keep_ledger: bool = True,
    ) -> None:
        super().__init__(
            seed=seed,
            contract=contract,
            tenant_id=tenant_id,
            environment_id=environment_id,
            now=now,
            keep_ledger=keep_ledger,
        )
        population.populate(self, customers)

    @classmethod
    def company(
        cls,
        customers: int = 50,
        *,
        seed: int = 1,
        contract: Contract = "2026-08",
        now: datetime = DEFAULT_NOW,
        days: int = 30,
    ) -> "World":
        """Return a world in which `days` days of business end `now`, at the rates of a company."""
        world = cls(customers, seed=seed, contract=contract, now=now - timedelta(days=days))
        world.advance(timedelta(hours=12), steps=2 * days, rates=Rates.company())
        return world

    @atomic
    def advance(
        self,
        elapsed: timedelta = timedelta(hours=1),
        *,
        steps: int = 1,
        rates: Rates | None = None,
    ) -> Counter[str]:
        """Move the clock by `elapsed` in each of `steps` steps, while things happen by `rates`.

        Returns how often each operation was done.
        """
        done = Counter[str]()
        for _ in range(steps):
            done += random_step(self, rates or Rates(), elapsed)
        return done

    @atomic
    def truth(self, *, ledger: bool = False, transactions: bool = True) -> dict[str, Any]:
        """Return the full state as plain data; see `flexprice_emulator.truth.truth_of`."""
        return truth_of(self, ledger=ledger, transactions=transactions)

    @atomic
    def ledger_balance_at(self, wallet_id: str, moment: datetime) -> dict[str, Any]:
        """Return what a wallet held at a moment (with a time zone) by its ledger.

        See `flexprice_emulator.truth.ledger_balance_at`.
        """
        return ledger_balance_at(self, wallet_id, moment)

    @atomic
    def published_customer_ids(self) -> list[str]:
        """Return the ids of the customers that a listing shows, sorted."""
        return sorted(key for key, row in self.customers.items() if row.status == "published")

    @atomic
    def listed_wallet_ids(self) -> list[str]:
        """Return the ids of the wallets that their customers' lists show, sorted."""
        return sorted(key for key, wallet in self.wallets.items() if wallet.is_listed)
