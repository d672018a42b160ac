"""What the responder answers: whole answers as bytes, made beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from tests.benchmarks.world import Customer

_LONGEST_PAGE = 1000
_WALLETS = b"GET /v1/customers/wallets?"
_ID = b"id=cust_"
_ID_LENGTH = len("cust_") + 26


@dataclass(frozen=True, slots=True)
class Scene:
    """What to answer: how many customers there are, how late, and in which of the two worlds."""

    customers: int
    latency_ms: float = 0.0
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Expected:
    """What a load of the scene must find."""

    wallets: int
    changed: int


def http_answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer of HTTP/1.1 that keeps the connection."""
    return b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


#: The ledger of a tenant without transactions: how fast it is read is a case of its own.
_NO_LEDGER = http_answer(b'{"items":[],"pagination":{"total":0,"limit":1000,"offset":1000}}')


class Answers:
    """Finds the answer to a request."""

    def __init__(self, customers: list[Customer]) -> None:
        self._customers = customers
        self._wallets = {each.id.encode(): http_answer(each.wallets) for each in customers}
        self._changed = {
            each.id.encode(): http_answer(each.changed_wallets)
            for each in customers
            if each.changed_count
        }
        self._pages: dict[tuple[int, int], bytes] = {}
        self.set_scene(Scene(len(customers)))

    def set_scene(self, scene: Scene) -> None:
        """Answer so from now on; the pages of 1,000 are made at once, others when first asked for."""
        self._scene = scene
        self._current = {**self._wallets, **self._changed} if scene.is_changed else self._wallets
        listed = self._customers[: scene.customers]
        self.expected = Expected(
            sum(each.wallet_count for each in listed), sum(each.changed_count for each in listed)
        )
        self._pages = {}
        for offset in range(0, scene.customers, _LONGEST_PAGE - 1):
            self._page(offset, _LONGEST_PAGE)

    def find(self, request: bytes) -> bytes | None:
        """The answer, or None where the API has no such thing."""
        if request.startswith(_WALLETS):
            start = request.find(_ID) + len(b"id=")
            return self._current.get(request[start : start + _ID_LENGTH])
        method, target, _ = request.split(b" ", 2)
        url = urlsplit(target.decode())
        if method == b"POST" and url.path == "/v1/customers/search":
            wanted = json.loads(request.partition(b"\r\n\r\n")[2])
        elif method == b"POST" and url.path == "/v1/wallets/transactions/search":
            return _NO_LEDGER
        elif method == b"GET" and url.path == "/v1/customers":
            wanted = {name: values[-1] for name, values in parse_qs(url.query).items()}
        else:
            return None
        return self._page(int(wanted.get("offset", 0)), int(wanted.get("limit", 50)))

    def _page(self, offset: int, limit: int) -> bytes:
        key = (offset, limit)
        if key not in self._pages:
            count = self._scene.customers
            records = [each.record for each in self._customers[offset : min(offset + limit, count)]]
            pagination = {"total": count, "limit": limit, "offset": offset + limit}
            body = b'{"items":[%b],"pagination":%b}' % (
                b",".join(records),
                json.dumps(pagination).encode(),
            )
            self._pages[key] = http_answer(body)
        return self._pages[key]
