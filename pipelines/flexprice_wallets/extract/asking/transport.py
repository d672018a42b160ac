"""The adapter of `requests`, whose settings are looked up once, and whose answers end in time.

`requests` and urllib3 find proxies and certificates, connect, keep connections and read bodies. What they do again for
every request is done once here, by the methods that they let adapters and connections override. In µs of CPU a request
costs 1,500 by `requests.Session`, 520 by a plain adapter, 370 where the pool is looked up once, 310 where the answer's
head is read directly and not by the parser of e-mails, and 240 where the request's head is written directly, too. At
2,400 requests/s one core has 415 for all that a customer costs.
"""

from __future__ import annotations

import io
import re
import socket
import threading
import time
import weakref
from contextlib import suppress
from datetime import timedelta
from http.client import BadStatusLine, HTTPException, HTTPResponse, RemoteDisconnected
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

#: As in `http.client`.
_LONGEST_LINE: Final = 65_536
_MOST_HEADERS: Final = 100


class Transport(HTTPAdapter):
    """Sends requests to one base URL. `seconds`: how long a whole answer may take, from the request's last byte on."""

    def __init__(
        self, base_url: str, seconds: float, connections: int, *, with_proxies: bool
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        with requests.Session() as session:
            settings = session.merge_environment_settings(base_url, {}, None, None, None)
        request = requests.Request("GET", base_url).prepare()
        proxies = settings["proxies"] if with_proxies else {}
        verify, certificate = settings["verify"], settings["cert"]
        pool = super().get_connection_with_tls_context(request, verify, proxies, certificate)
        assert isinstance(pool, HTTPConnectionPool), "a pool for http or https"
        super().cert_verify(pool, base_url, verify, certificate)  # type: ignore[no-untyped-call]
        response = type("Response", (_Response,), {"seconds": seconds})
        self._opened = _Opened()
        bases = (_Connection, pool.ConnectionCls)
        own = {"response_class": response, "opened": self._opened}
        pool.ConnectionCls = type("Connection", bases, own)
        self._pool = pool
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

    def close(self) -> None:
        """Close every connection, also those that answers are awaited on: whoever waits has a failure at once."""
        self._pool.close()
        self._opened.shut_down()
        super().close()

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """What is asked of a response: no cookies, no encoding of text."""
        response = requests.Response()
        response.request, response.raw = request, answer
        response.status_code, response.headers = answer.status, answer.headers
        # From the request's last byte on: to connect says nothing of how busy the API is.
        response.elapsed = timedelta(seconds=time.monotonic() - answer.connection.asked_at)
        return response


class _Opened:
    """The connections of a transport, which another thread may shut down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[_Connection] = weakref.WeakSet()
        self._is_shut = False

    def add(self, connection: _Connection) -> None:
        with self._lock:
            self._connections.add(connection)

    def check(self) -> None:
        """Raise OSError once all is shut down."""
        if self._is_shut:
            raise ConnectionAbortedError("the connections were shut down")

    def shut_down(self) -> None:
        """Shut down all that are open. What is being opened ends before a request is sent on it."""
        with self._lock:
            self._is_shut = True
            connections = list(self._connections)
        for connection in connections:
            connection.shut_down()


class _Connection(HTTPConnection):
    """Writes a request at once. All headers are the caller's, `Host` and `Content-Length` included."""

    opened: _Opened
    asked_at = 0.0
    _asked = ("", "")
    #: The socket that an answer is read from: `sock` is None where the answer ends the connection.
    _answering: Any = None

    def connect(self) -> None:
        self.opened.add(self)
        super().connect()

    def shut_down(self) -> None:
        """End what is sent and read, in whichever thread; the socket is closed by the one that uses it."""
        for each in (self.sock, self._answering):
            # TLS within TLS is no socket, but has one.
            tcp = each if isinstance(each, socket.socket) else getattr(each, "socket", None)
            if tcp is not None:
                with suppress(OSError):
                    # Not that of an SSLSocket, which goes on in plain text.
                    socket.socket.shutdown(tcp, socket.SHUT_RDWR)

    def request(
        self, method: str, url: str, body: Any = None, headers: Any = None, **_: Any
    ) -> None:
        if self.sock is None:
            self.connect()
        assert self.sock is not None, "connected"
        self.sock.settimeout(self.timeout)
        self._asked, self._answering = (method, url), self.sock
        self.opened.check()
        lines = [f"{method} {url} HTTP/1.1", *map(": ".join, headers.items()), "", ""]
        self.send("\r\n".join(lines).encode("latin-1") + (body or b""))
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
            first, *lines = self._head() or [""]
            match = re.match(r"HTTP/1\.([01]) (\d{3})", first)
            if match is None:
                raise BadStatusLine(repr(first[:80]))
            self.version, status = 10 + int(match[1]), int(match[2])
            if status == 101:
                raise HTTPException("the server changes to a protocol that nobody asked for")
        headers = urllib3.HTTPHeaderDict()
        for line in lines:
            name, separator, value = line.partition(":")
            if not separator or name != name.strip():
                raise HTTPException("a line of the head is no header")
            headers.add(name, value.strip())
        self.headers = self.msg = headers  # type: ignore[assignment]  # as good a mapping
        self.code, self.status, self.reason = status, status, ""
        self.chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
        self.chunk_left = None
        length = "0" if status in (204, 304) else headers.get("Content-Length")
        if length is not None and not re.fullmatch(r"\d{1,18}", length):
            raise HTTPException("the length of the answer is no number")
        # Where there is none, the end of the connection ends the body.
        self.length = None if self.chunked or length is None else int(length)
        connection = headers.get("Connection", "" if self.version == 11 else "close").lower()
        self.will_close = "close" in connection or (self.length is None and not self.chunked)

    def _head(self) -> list[str]:
        """The lines up to the next empty one."""
        lines: list[str] = []
        while line := self.fp.readline(_LONGEST_LINE).decode("latin-1"):
            if not line.endswith("\n") or len(lines) > 1 + _MOST_HEADERS:
                raise HTTPException("the head of the answer is cut or endless")
            if not (line := line.rstrip("\r\n")):
                return lines
            lines.append(line)
        raise RemoteDisconnected("the connection ended before the head of the answer did")


class _Answer(io.BufferedReader):
    """An answer whose connection ends where more came than the answer."""

    def __init__(self, source: _Source, connection: socket.socket) -> None:
        super().__init__(source)
        self._source, self._connection = source, connection

    def close(self) -> None:
        if not self.closed:
            self._source.is_over = True
            if self.peek(1):
                with suppress(OSError):
                    self._connection.shutdown(socket.SHUT_RDWR)
        super().close()


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
