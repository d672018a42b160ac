"""Requests as the server understood them, and the log of them for assertions."""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Request:
    """One request; header names are lower case, `number` counts the API's requests from 1."""

    number: int
    method: str
    path: str
    query_text: str
    headers: Mapping[str, str]
    body: bytes = b""

    @cached_property
    def query(self) -> dict[str, str]:
        """The query parameters; of a repeated one the first counts, as in the Go server."""
        pairs = parse_qsl(self.query_text, keep_blank_values=True)
        return dict(reversed(pairs))

    def query_list(self, name: str) -> list[str]:
        """Every value of a query parameter that may be repeated, in order."""
        return [text for key, text in parse_qsl(self.query_text) if key == name]

    @cached_property
    def endpoint(self) -> str:
        """Method and path with ``{id}`` for an id, e.g. ``GET /v1/wallets/{id}``."""
        head, _, last = self.path.rpartition("/")
        names_wallet = self.method == "GET" and head == "/v1/wallets" and last
        path = "/v1/wallets/{id}" if names_wallet else self.path
        return f"{self.method} {path}"

    @property
    def customer_key(self) -> str | None:
        """The `id` or `lookup_key` asked for, else an id in the path, else None."""
        return self.query.get("id") or self.query.get("lookup_key") or None


@dataclass(frozen=True)
class LoggedRequest:
    """What the log keeps of a request: everything but the API key."""

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class RequestLog:
    """Counts of requests and answers; the last requests in full. Safe to read from any thread.

    `max_concurrency` counts requests that wait for their answer at once: it says something
    only with a latency, for without one each request is answered as soon as it is read.
    """

    def __init__(self, keep: int = 10_000) -> None:
        self._lock = threading.Lock()
        self.entries: deque[LoggedRequest] = deque(maxlen=keep)
        #: For each of the last requests: how many were under way with it when it arrived, and
        #: how many seconds the server takes for its answer.
        self.delays: deque[tuple[int, float]] = deque(maxlen=keep)
        self._numbers = 0
        self._active = 0
        self.clear()

    def clear(self) -> None:
        """Forget all counts and requests, not the numbering."""
        with self._lock:
            self.entries.clear()
            self.delays.clear()
            #: Requests by endpoint, answers by status (faults without a status under their name).
            self.by_endpoint: Counter[str] = Counter()
            self.by_status: Counter[str] = Counter()
            self.max_concurrency = self._active

    @property
    def total(self) -> int:
        """Number of requests to the API."""
        with self._lock:
            return sum(self.by_endpoint.values())

    def next_number(self) -> int:
        """Return the number of the next request."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def begin(self, request: Request) -> None:
        """Count a request that has arrived."""
        headers = {name: text for name, text in request.headers.items() if name != "x-api-key"}
        entry = LoggedRequest(
            request.number, request.method, request.path, request.query, headers, request.body
        )
        with self._lock:
            self.entries.append(entry)
            self.by_endpoint[request.endpoint] += 1
            self._active += 1
            self.max_concurrency = max(self.max_concurrency, self._active)

    def note_delay(self, seconds: float) -> None:
        """Note how long the server takes for the request that has just arrived."""
        with self._lock:
            self.delays.append((self._active, seconds))

    def end(self, outcome: str) -> None:
        """Count an answer by its status, or by the name of its fault."""
        with self._lock:
            self._active -= 1
            self.by_status[outcome] += 1

    def summary(self) -> dict[str, object]:
        """Return the counts as plain data."""
        with self._lock:
            return {
                "total": sum(self.by_endpoint.values()),
                "by_endpoint": dict(self.by_endpoint),
                "by_status": dict(self.by_status),
                "max_concurrency": self.max_concurrency,
            }
