"""How much may go wrong before a load is given up. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from flexprice_wallets.errors import ConfigurationError

#: A share alone would give up small tenants for a handful: below this count nothing is too much.
_ALWAYS_TOLERATED = 10


@dataclass(frozen=True, slots=True)
class Tolerance:
    """A share of a whole (beside which ten are always tolerated), or a plain count."""

    share: Fraction | None = None
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read '5%', '2.5%' or '40'.

        Raises:
            ConfigurationError: where the text is neither.
        """
        if match := re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", text.strip()):
            share = Fraction(match[1]) / 100
            if share <= 1:
                return cls(share=share)
        elif re.fullmatch(r"\d{1,12}", text.strip()):
            return cls(count=int(text))
        raise ConfigurationError(f"{text!r} is neither a share such as 5% nor a count such as 40.")

    def is_exceeded(self, count: int, whole: int) -> bool:
        """Whether `count` of `whole` is more than is tolerated."""
        if self.share is None:
            return count > (self.count or 0)
        return count > _ALWAYS_TOLERATED and count > self.share * whole

    @property
    def is_any(self) -> bool:
        """Whether any share is tolerated."""
        return self.share == 1

    def __str__(self) -> str:
        if self.share is None:
            return str(self.count)
        return f"{float(self.share * 100):g}% and more than {_ALWAYS_TOLERATED}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may go wrong before the load is given up.

    Attributes:
        failures: customers that could not be read, of all customers.
        vanished: wallets that ended or left their customers' lists, of all that lived before.
        rejected: wallets (or customers) whose record could not be taken, of all that were read.
    """

    failures: Tolerance = field(default_factory=lambda: Tolerance.parse("5%"))
    vanished: Tolerance = field(default_factory=lambda: Tolerance.parse("20%"))
    rejected: Tolerance = field(default_factory=lambda: Tolerance.parse("20%"))
