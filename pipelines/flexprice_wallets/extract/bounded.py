"""Bounds the time of a whole answer, its headers included.

A read timeout counts from one piece of an answer to the next: a server that sends a byte now and then never meets it.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_SWITCHING_PROTOCOLS = 101


class BoundedAdapter(HTTPAdapter):
    """The transport of `requests`, whose answers end in so many seconds or fail with a read timeout."""

    def __init__(self, seconds: float, **options: Any) -> None:
        self._pools = _bounded_pools(seconds)
        super().__init__(**options)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _BoundedReader(io.RawIOBase):
    """Reads pieces of an answer until its time is over."""

    def __init__(self, answer: io.BufferedReader, seconds: float) -> None:
        self._answer = answer
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if time.monotonic() > self._deadline:
            raise TimeoutError("the answer did not end in time")
        piece = self._answer.read1(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._answer.close()
        super().close()


def _bounded_pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class Response(HTTPResponse):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.fp = io.BufferedReader(_BoundedReader(self.fp, seconds))

        def begin(self) -> None:
            """Read the head of the answer. What is only informational (1xx) comes before it."""
            super().begin()
            while 100 <= self.status < 200 and self.status != _SWITCHING_PROTOCOLS:
                self.headers = self.msg = None  # type: ignore[assignment]  # as before the first head
                super().begin()

    class Connection(HTTPConnection):
        response_class = Response

    class SecureConnection(HTTPSConnection):
        response_class = Response

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
