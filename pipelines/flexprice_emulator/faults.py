"""Faults of servers and networks, chosen by rate or by request."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from flexprice_emulator.quirks import chance
from flexprice_emulator.request_log import Request
from flexprice_emulator.responses import Response

FaultKind = Literal[
    "rate_limited",
    "server_error",
    "bad_gateway",
    "unavailable",
    "unauthorized",
    "forbidden",
    "not_found",
    "redirect",
    "html",
    "wrong_shape",
    "not_json",
    "empty_body",
    "reset",
    "close",
    "truncated",
    "endless",
    "silence",
    "dribble",
    "status",
    "short_page",
    "larger_total",
    "stuck_page",
    "large",
    "informational",
    "extra_bytes",
]

#: Faults that a retry can get over, for `Faults.add_mix`.
PASSING_KINDS: tuple[FaultKind, ...] = (
    "rate_limited",
    "server_error",
    "bad_gateway",
    "unavailable",
    "html",
    "reset",
    "close",
    "truncated",
)

#: Faults that break or misuse the connection; the rest are answers like any other.
OF_CONNECTIONS: frozenset[FaultKind] = frozenset(
    (
        "reset",
        "close",
        "truncated",
        "endless",
        "silence",
        "dribble",
        "informational",
        "extra_bytes",
    )
)


@dataclass(frozen=True)
class Fault:
    """One fault and the requests it concerns; all conditions given must hold.

    Answers with an error, by `kind`: ``rate_limited`` (429), ``server_error`` (500),
    ``bad_gateway`` (502, HTML), ``unavailable`` (503), ``unauthorized`` (401), ``forbidden`` (403),
    ``not_found`` (404), ``redirect`` (302 to `location`), ``status`` (any `status`, with a page of
    HTML from 520 to 530, as a gateway sends it).

    Answers 200 with something else: ``html`` (a page), ``wrong_shape`` (an object where a list is
    expected and the other way round), ``not_json`` (broken JSON), ``empty_body``, ``large`` (the
    true answer with an unknown field of `size` bytes, compressed where the client takes gzip).

    Pages: ``short_page`` (only the first `keep` rows of the true page), ``larger_total`` (the true
    page, whose `total` is `surplus` larger), ``stuck_page`` (the answer to the first matching
    request, whatever page is asked for).

    Connections: ``reset``, ``close`` (before an answer), ``truncated`` (half of the body, then
    closed), ``endless`` (chunks without end), ``silence`` (headers, then nothing), ``dribble``
    (the true answer, a byte every `pause` seconds), ``informational`` (an answer of `status` 100,
    102 or 103, and the true one `pause` seconds later), ``extra_bytes`` (`text`, by default another
    answer, an empty list, `pause` seconds after the true answer).
    """

    kind: FaultKind
    #: Share of the matching requests, drawn from the seed and the number of the request.
    rate: float = 1.0
    #: Path that the request's path must begin with.
    path: str = ""
    method: str | None = None
    #: Exactly this method and path, ``{id}`` for a wallet's id, e.g. ``GET /v1/wallets``.
    endpoint: str | None = None
    #: The `id` or `lookup_key` asked for, or the last part of the path (a wallet's id).
    key: str | None = None
    #: Only from the n-th matching request on (1 is the first).
    nth: int = 1
    #: At most so many times; None is without end.
    times: int | None = None
    #: ``Retry-After`` of ``rate_limited``, ``unavailable`` and ``status``: whole seconds.
    retry_after: int | None = None
    #: Write `retry_after` as an HTTP date that many seconds ahead of the real clock.
    retry_after_as_date: bool = False
    #: ``Retry-After`` as it stands, e.g. a date that no calendar has; wins over `retry_after`.
    retry_after_text: str | None = None
    location: str = "https://elsewhere.example/v1/"
    #: Seconds between the bytes of ``dribble`` and the chunks of ``endless``, and those before the
    #: second part of ``informational`` and ``extra_bytes``.
    pause: float = 0.05
    status: int = 0
    keep: int = 1
    surplus: int = 1
    size: int = 20 << 20
    text: str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault: {self.kind}")
        if self.kind == "status" and not 200 <= self.status <= 599:
            raise ValueError("a fault of the kind status needs a status from 200 to 599")
        if self.kind == "informational" and self.status not in (100, 102, 103):
            raise ValueError("an informational answer has the status 100, 102 or 103")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "Fault":
        """Return the fault that plain data describe (ValueError for an unknown name)."""
        names = {entry.name for entry in fields(cls)}
        if unknown := set(values) - names:
            raise ValueError(f"unknown settings of a fault: {', '.join(sorted(unknown))}")
        if "kind" not in values:
            raise ValueError("a fault needs a kind")
        numbers = {name: float(values[name]) for name in ("rate", "pause") if name in values}
        return cls(**{**values, **numbers})

    def concerns(self, request: Request) -> bool:
        """Whether path, method, endpoint and key of a request match."""
        if not request.path.startswith(self.path):
            return False
        if self.method is not None and request.method != self.method:
            return False
        if self.endpoint is not None and request.endpoint != self.endpoint:
            return False
        return self.key is None or self.key in (
            request.customer_key,
            request.path.rpartition("/")[2],
        )


class Faults:
    """The faults in force; the first that matches a request is done. Safe in any thread."""

    def __init__(self, seed: int = 1) -> None:
        self._lock = threading.Lock()
        self._seed = seed
        self._active: list[Fault] = []
        self._matched: list[int] = []
        self._done: list[int] = []
        #: How often each kind of fault was done.
        self.counts: Counter[str] = Counter()
        #: The first answer of each ``stuck_page``.
        self.first_answers: dict[Fault, Response] = {}

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force, behind those there are."""
        with self._lock:
            self._active.append(fault)
            self._matched.append(0)
            self._done.append(0)
        return fault

    def add_mix(self, rate: float, kinds: tuple[FaultKind, ...] = PASSING_KINDS) -> None:
        """Put a mix in force that concerns a share `rate` of all requests."""
        left = 1.0
        for kind in kinds:
            # Each one sees only the requests that those before it let through.
            share = rate / len(kinds)
            self.add(Fault(kind, rate=share / left, retry_after=1))
            left -= share

    def clear(self) -> None:
        """Lift all faults; the counts stay."""
        with self._lock:
            self._active, self._matched, self._done = [], [], []
            self.first_answers = {}

    @property
    def active(self) -> list[Fault]:
        """The faults in force."""
        with self._lock:
            return list(self._active)

    def choose(self, request: Request) -> Fault | None:
        """Return the fault to do to a request, and count it."""
        if not self._active:
            return None
        with self._lock:
            for index, fault in enumerate(self._active):
                if not fault.concerns(request):
                    continue
                self._matched[index] += 1
                if self._matched[index] < fault.nth:
                    continue
                if fault.times is not None and self._done[index] >= fault.times:
                    continue
                if fault.rate < 1 and chance(self._seed, index, request.number) >= fault.rate:
                    continue
                self._done[index] += 1
                self.counts[fault.kind] += 1
                return fault
        return None
