"""The transport of `requests`, looked up once, whose answers end in time and leave nothing on their connection.

`requests` and urllib3 find proxies and certificates, connect, keep connections and read bodies; what they do again for
every request is done once here, through the hooks that they give to subclasses. In µs of CPU a request costs 1,210
through a `requests.Session` (800 with `trust_env = False`), 460 through a plain adapter, 290 where the pool is looked
up once (`Transport`), and 125 where the heads are written and read directly (`_Connection`, `_Response`) and not by
the parser of e-mails. A load waits for nothing as much as for this.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from http.client import BadStatusLine, HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

#: As in `http.client`.
_LONGEST_LINE: Final = 65_536
_MOST_HEADERS: Final = 100


class Transport(HTTPAdapter):
    """Sends requests to one base URL. `seconds`: how long a whole answer may take, from the request's last byte on."""

    def __init__(
        self, base_url: str, seconds: float, connections: int, *, with_proxies: bool
    ) -> None:
        self._pools = _pools(seconds)
        super().__init__(pool_connections=1, pool_maxsize=connections)
        with requests.Session() as session:
            settings = session.merge_environment_settings(base_url, {}, None, None, None)
        request = requests.Request("GET", base_url).prepare()
        proxies = settings["proxies"] if with_proxies else {}
        verify, certificate = settings["verify"], settings["cert"]
        pool = super().get_connection_with_tls_context(request, verify, proxies, certificate)
        assert isinstance(pool, HTTPConnectionPool), "a pool for http or https"
        self._pool = pool
        super().cert_verify(pool, base_url, verify, certificate)  # type: ignore[no-untyped-call]
        #: What stands before the target of each request: the whole base URL where a proxy wants it.
        self.prefix = super().request_url(request, proxies).rstrip("/")

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        """The pool that was looked up."""
        return self._pool

    def cert_verify(self, *_: Any) -> None:
        """The pool's certificates are set."""

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        """The request's URL is what is sent."""
        return str(request.url)

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """What is asked of a response: no cookies, no encoding of text."""
        response = requests.Response()
        # From the request's last byte on: to connect says nothing of how busy the API is.
        response.elapsed = timedelta(seconds=time.monotonic() - answer.connection.asked_at)
        response.request = request
        response.status_code = answer.status
        response.headers = answer.headers
        response.raw = answer
        return response

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


class _Source(io.RawIOBase):
    """Reads an answer until its time is over, which a byte now and then would put off for ever."""

    def __init__(self, answer: io.RawIOBase, seconds: float) -> None:
        self._answer = answer
        self._deadline = time.monotonic() + seconds
        self.is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_over:
            return 0
        if time.monotonic() > self._deadline:
            raise TimeoutError("the answer did not end in time")
        return self._answer.readinto(buffer)

    def close(self) -> None:
        self._answer.close()
        super().close()


class _Answer(io.BufferedReader):
    """An answer whose connection ends where more came than the answer."""

    def __init__(self, source: _Source, connection: socket.socket) -> None:
        super().__init__(source)
        self._source = source
        self._connection = connection

    def close(self) -> None:
        if not self.closed:
            self._source.is_over = True
            if self.peek(1):
                with suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
        super().close()


class _Response(HTTPResponse):
    """An answer whose head is read directly. What is only informational (1xx) is passed over."""

    seconds: float

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = _Answer(_Source(self.fp.detach(), self.seconds), sock)

    def begin(self) -> None:
        """Read the head, and set what `HTTPResponse` reads the body by."""
        status = 100
        while 100 <= status < 200:
            version, status = self._status_line()
            headers = self._header_lines()
            if status == 101:
                raise HTTPException("the server changes to a protocol that nobody asked for")
        self.code = self.status = status
        self.version, self.reason = version, ""
        self.headers = self.msg = headers  # type: ignore[assignment]  # as good a mapping
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None if self.chunked else _length(headers, status)
        connection = headers.get("Connection", "" if version == 11 else "close").lower()
        self.will_close = "close" in connection or (self.length is None and not self.chunked)

    def _line(self) -> bytes:
        line = self.fp.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE or not line.endswith(b"\n"):
            raise HTTPException("the head of the answer is cut or has an endless line")
        return line

    def _status_line(self) -> tuple[int, int]:
        if not self.fp.peek(1):
            raise RemoteDisconnected("Remote end closed connection without response")
        line = self._line()
        version, _, rest = line.partition(b" ")
        if version not in (b"HTTP/1.0", b"HTTP/1.1") or not rest[:3].isdigit():
            raise BadStatusLine(repr(line[:80]))
        return 10 + (version == b"HTTP/1.1"), int(rest[:3])

    def _header_lines(self) -> urllib3.HTTPHeaderDict:
        headers = urllib3.HTTPHeaderDict()
        for _ in range(_MOST_HEADERS + 1):
            line = self._line().decode("latin-1").strip("\r\n")
            if not line:
                return headers
            name, separator, value = line.partition(":")
            if not separator or name != name.strip():
                raise HTTPException("a line of the head is no header")
            headers.add(name, value.strip())
        raise HTTPException(f"the answer has more than {_MOST_HEADERS} headers")


def _length(headers: Mapping[str, str], status: int) -> int | None:
    """Bytes of the body, None where the end of the connection ends it."""
    if status in (204, 304):
        return 0
    text = headers.get("Content-Length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise HTTPException("the length of the answer is no number")
    return int(text)


class _Connection(HTTPConnection):
    """Writes a request at once. All headers are the caller's, `Host` and `Content-Length` included."""

    response_class = _Response
    asked_at = 0.0
    _asked = ("", "")

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **_: Any
    ) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.timeout)
        self._asked = method, url
        lines = [f"{method} {url} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
        self.asked_at = time.monotonic()

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]  # as in urllib3
        assert self.sock is not None, "a request was sent"
        self.sock.settimeout(self.timeout)
        method, url = self._asked
        answer = self.response_class(self.sock, method=method)
        try:
            answer.begin()
        except BaseException:
            answer.close()
            raise
        if answer.will_close:
            # The answer still holds the socket.
            self.close()
        return urllib3.HTTPResponse(
            answer,
            headers=answer.headers,  # type: ignore[arg-type]  # ours
            status=answer.status,
            version=answer.version,
            preload_content=False,
            original_response=answer,
            request_method=method,
            request_url=url,
        )


def _pools(seconds: float) -> dict[str, type[HTTPConnectionPool]]:
    class Response(_Response):
        pass

    Response.seconds = seconds

    class Connection(_Connection):
        response_class = Response

    class SecureConnection(Connection, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
