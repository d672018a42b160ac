"""Faults of servers and networks, chosen by rate or by request."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from flexprice_emulator.quirks import chance
from flexprice_emulator.records import Contract
from flexprice_emulator.request_log import Request
from flexprice_emulator.responses import ApiError, Response, error_response

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

#: Faults that are an answer like any other; the rest breaks the connection in some way.
ANSWERS: frozenset[FaultKind] = frozenset(
    (
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
    )
)

_HTML = b"<html><head><title>Bad Gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Fault:
    """One fault and the requests it concerns; all conditions given must hold.

    `kind`: ``rate_limited`` (429), ``server_error`` (500), ``bad_gateway`` (502, HTML),
    ``unavailable`` (503), ``unauthorized`` (401), ``forbidden`` (403), ``not_found``
    (404), ``redirect`` (302 to `location`), ``html`` (200 with a page), ``wrong_shape`` (200; an object where a list is
    expected and the other way round), ``not_json`` (200, broken JSON), ``empty_body`` (200),
    ``reset`` (the connection is reset), ``close`` (closed before an answer), ``truncated``
    (half of the body, then closed), ``endless`` (chunks without end), ``silence`` (headers,
    then nothing), ``dribble`` (the true answer, a byte every `pause` seconds).
    """

    kind: FaultKind
    #: Share of the matching requests, drawn from the seed and the number of the request.
    rate: float = 1.0
    #: Path that the request's path must begin with.
    path: str = ""
    method: str | None = None
    #: The `id` or `lookup_key` asked for, or the last part of the path (a wallet's id).
    key: str | None = None
    #: Only from the n-th matching request on (1 is the first).
    nth: int = 1
    #: At most so many times; None is without end.
    times: int | None = None
    #: ``Retry-After`` of ``rate_limited`` and ``unavailable``: whole seconds.
    retry_after: int | None = None
    #: Write `retry_after` as an HTTP date that many seconds ahead of the real clock.
    retry_after_as_date: bool = False
    location: str = "https://elsewhere.example/v1/"
    #: Seconds between the bytes of ``dribble`` and the chunks of ``endless``.
    pause: float = 0.05

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"unknown kind of fault: {self.kind}")

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
        """Whether path, method and key of a request match."""
        if not request.path.startswith(self.path):
            return False
        if self.method is not None and request.method != self.method:
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


def faulty_response(fault: Fault, true_answer: Response, contract: Contract) -> Response:
    """Return the answer of a fault whose kind is one of `ANSWERS`."""
    simple = {
        "server_error": (500, "Internal server error"),
        "unauthorized": (401, "Invalid API key"),
        "forbidden": (403, "no access to this environment"),
        "not_found": (404, "not found"),
    }
    if fault.kind in simple:
        status, message = simple[fault.kind]
        return error_response(ApiError(status, message), contract)
    if fault.kind in ("rate_limited", "unavailable"):
        status = 429 if fault.kind == "rate_limited" else 503
        answer = error_response(ApiError(status, "Too many requests"), contract)
        return Response(status, answer.body, answer.content_type, _retry_after(fault))
    if fault.kind == "redirect":
        return Response(302, b"", headers={"Location": fault.location})
    if fault.kind == "bad_gateway":
        return Response(502, _HTML, "text/html")
    if fault.kind == "html":
        return Response(200, _HTML, "text/html")
    if fault.kind == "not_json":
        return Response(200, b'[{"id": "wallet_')
    if fault.kind == "empty_body":
        return Response(200, b"")
    is_list = true_answer.body.startswith(b"[")
    return Response(200, b'{"items":[]}' if is_list else b"[1]")


def _retry_after(fault: Fault) -> dict[str, str]:
    if fault.retry_after is None:
        return {}
    if not fault.retry_after_as_date:
        return {"Retry-After": str(fault.retry_after)}
    # Imported here, for email is slow to import and rarely needed.
    from email.utils import formatdate

    return {"Retry-After": formatdate(time.time() + fault.retry_after, usegmt=True)}
