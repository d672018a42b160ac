"""How to reach the API, and whether the key may go there. Light to import: nothing here opens a connection."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from flexprice_wallets.errors import ConfigurationError
from flexprice_wallets.extract.asking.backoff import RetryPolicy
from flexprice_wallets.extract.endpoints import DEFAULT_BASE_URL
from flexprice_wallets.extract.secret import Secret

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
#: Requests a second: one in eleven days. Slower is not meant, and no clock can wait for it.
_LOWEST_RATE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two pieces of an answer, and for a whole answer."""

    connect: float = 10.0
    read: float = 30.0
    answer: float = 90.0


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """How to reach the API and how hard to ask. `workers`: the most requests that may be under way at once."""

    api_key: Secret
    base_url: str = DEFAULT_BASE_URL
    environment_id: str | None = None
    workers: int = 64
    max_requests_per_second: float | None = None
    allow_plain_http: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        """Refuse a key that no header can hold, without a word of what it is.

        Raises:
            ConfigurationError: the key is no `Secret`, is empty, or has characters that no key has.
        """
        if not isinstance(self.api_key, Secret):
            raise ConfigurationError(
                "The API key is no Secret, which would keep it out of messages: give ApiOptions Secret(key)."
            )
        if not self.api_key.reveal() or not fits_header(self.api_key.reveal()):
            raise ConfigurationError(
                "The API key has characters that no key has: set it again, without spaces or line ends."
            )

    def check(self) -> None:
        """Refuse what cannot be sent, or not be sent there.

        Raises:
            ConfigurationError: the environment's id is none that a header can hold, the base URL is none that the
                key may be sent to, or nothing could ever be sent.
        """
        checked_base_url(self.base_url, allow_plain_http=self.allow_plain_http)
        if self.environment_id and not fits_header(self.environment_id):
            raise ConfigurationError(
                "Set --environment-id (or FLEXPRICE_ENVIRONMENT_ID) to the id as Flexprice shows it: this one has "
                "characters that no id has."
            )
        if self.workers < 1:
            raise ConfigurationError(
                f"Set --workers (or FLEXPRICE_WORKERS) to 1 or more: with {self.workers} nothing would be asked."
            )
        rate = self.max_requests_per_second
        if rate is not None and not _LOWEST_RATE <= rate < math.inf:
            raise ConfigurationError(
                "Set --max-requests-per-second (or FLEXPRICE_MAX_REQUESTS_PER_SECOND) to a number from "
                f"{_LOWEST_RATE:g} on, or leave it out: {rate:g} is none."
            )


def checked_base_url(base_url: str, *, allow_plain_http: bool = False) -> str:
    """The base URL without its last slash, if the key may be sent there.

    Raises:
        ConfigurationError: where it is no http(s) URL, holds a user or password, a query or a fragment, or is plain
            http to another machine.
    """
    where = "Set --base-url (or FLEXPRICE_BASE_URL)"
    try:
        parts = urlsplit(base_url.strip())
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigurationError(
            f"{where} to an address such as {DEFAULT_BASE_URL}: this one is none."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{where} without user, password, query or fragment; the key goes in FLEXPRICE_API_KEY."
        )
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not allow_plain_http:
        raise ConfigurationError(
            f"{where} to an https address: over plain http everybody on the way could read the key. "
            "If that is what you want, add --allow-plain-http."
        )
    return base_url.strip().rstrip("/")


def fits_header(text: str) -> bool:
    """Whether an HTTP header can hold `text` as it is."""
    return text.isascii() and text.isprintable() and " " not in text
