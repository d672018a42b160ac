"""One HTTP/1.1 connection: reads requests, writes answers, does the faults to them."""

import asyncio
import socket
import struct
from typing import Protocol, cast
from urllib.parse import unquote

from flexprice_emulator.faults import OF_CONNECTIONS, Fault
from flexprice_emulator.request_log import Request
from flexprice_emulator.responses import REASONS, Response

_MAXIMUM_HEAD = 64 * 1024
_MAXIMUM_BODY = 16 * 1024 * 1024
_CHUNK = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
#: An endless answer waits while this much of it is unread, so that memory stays small.
_ENOUGH_UNREAD = 1 << 20


class Application(Protocol):
    """What a connection needs to know of the server."""

    connections: set["HttpConnection"]

    def delay(self, now: float) -> float:
        """Return the seconds until a request that arrives `now` is answered."""

    def open_request(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Request:
        """Return the request and count it."""

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """Return the answer, and the fault to do to it if it is no answer by itself."""

    def close_request(self, request: Request, outcome: str) -> None:
        """Count the answer."""


class BadRequestError(Exception):
    """Bytes that are no request this server reads."""


class HttpConnection(asyncio.Protocol):
    """Keeps one connection alive and answers its requests one after the other."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._current: Request | None = None
        self._fault: Fault | None = None
        self._keep_alive = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection; asyncio sets TCP_NODELAY by itself."""
        self._transport = cast(asyncio.Transport, transport)
        self._application.connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Forget the connection and whatever was being answered."""
        self._application.connections.discard(self)
        self._transport = None
        if self._current is not None:
            self._finish("gone" if self._fault is None else self._fault.kind)

    def data_received(self, data: bytes) -> None:
        """Collect bytes, and begin to answer as soon as a request is complete."""
        self._buffer += data
        if self._current is None:
            self._read_next()

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _read_next(self) -> None:
        if self._transport is None:
            return
        try:
            complete = self._take_request()
        except BadRequestError as error:
            self._transport.write(
                Response(400, str(error).encode(), "text/plain", {"Connection": "close"}).head()
                + str(error).encode()
            )
            self._transport.close()
            return
        if complete is None:
            return
        method, target, headers, body = complete
        self._current = self._application.open_request(method, target, headers, body)
        delay = 0.0
        if not self._current.path.startswith("/_emulator/"):
            delay = self._application.delay(self._loop.time())
        if delay > 0:
            self._loop.call_later(delay, self._answer)
        else:
            self._answer()

    def _take_request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        """Cut one complete request off the buffer, or return None while bytes are missing."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAXIMUM_HEAD:
                raise BadRequestError("headers are too long")
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        try:
            method, target, version = first.split(" ")
            headers = {
                name.lower(): value.strip() for name, value in (ln.split(":", 1) for ln in lines)
            }
            length = int(headers.get("content-length", "0"))
        except ValueError:
            raise BadRequestError("malformed request") from None
        if "transfer-encoding" in headers or not 0 <= length <= _MAXIMUM_BODY:
            raise BadRequestError("the body needs a Content-Length of at most 16 MiB")
        begin = end + 4
        if len(self._buffer) < begin + length:
            return None
        body = bytes(self._buffer[begin : begin + length])
        del self._buffer[: begin + length]
        wanted = headers.get("connection", "").lower()
        self._keep_alive = version == "HTTP/1.1" and wanted != "close"
        return method, target, headers, body

    def _answer(self) -> None:
        if self._transport is None or self._current is None:
            return
        response, fault = self._application.answer(self._current)
        if fault is not None and fault.kind in OF_CONNECTIONS:
            self._misbehave(self._transport, response, fault)
            return
        self._send(response.head() + response.body, str(response.status))

    def _send(self, data: bytes, outcome: str) -> None:
        """Send the rest of an answer, and go on with the next request."""
        self._fault = None
        # Counted first: whoever has the answer finds it in the log.
        self._finish(outcome)
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._keep_alive:
            self._read_next()
        else:
            self._transport.close()

    def _finish(self, outcome: str) -> None:
        request, self._current = self._current, None
        if request is not None:
            self._application.close_request(request, outcome)

    def _misbehave(self, transport: asyncio.Transport, response: Response, fault: Fault) -> None:
        """Do a fault of the connection, which may be of use afterwards."""
        self._fault = fault
        if fault.kind == "reset":
            # With no time to linger the kernel sends RST instead of FIN.
            peer = transport.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._finish(fault.kind)
            transport.abort()
        elif fault.kind == "close":
            self._finish(fault.kind)
            transport.close()
        elif fault.kind == "truncated":
            body = response.body
            self._finish(fault.kind)
            transport.write(response.head(len(body) + 64) + body[: len(body) // 2])
            transport.close()
        elif fault.kind == "silence":
            transport.write(response.head(len(response.body) + 64))
        elif fault.kind == "endless":
            transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"
            )
            self._send_chunks(fault.pause)
        elif fault.kind == "informational":
            transport.write(f"HTTP/1.1 {fault.status} {REASONS[fault.status]}\r\n\r\n".encode())
            self._loop.call_later(
                fault.pause, self._send, response.head() + response.body, fault.kind
            )
        elif fault.kind == "extra_bytes":
            answer, extra = response.head() + response.body, fault.text.encode("latin-1")
            if not fault.pause:
                # In one piece: no client can have sent its next request between the two.
                self._send(answer + extra, fault.kind)
                return
            self._send(answer, fault.kind)
            self._loop.call_later(fault.pause, self._write, extra)
        else:
            self._dribble(response.head() + response.body, 0, fault.pause)

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _send_chunks(self, pause: float) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() < _ENOUGH_UNREAD:
            transport.write(_CHUNK)
        self._loop.call_later(pause, self._send_chunks, pause)

    def _dribble(self, data: bytes, position: int, pause: float) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if position + 1 < len(data):
            self._transport.write(data[position : position + 1])
            self._loop.call_later(pause, self._dribble, data, position + 1, pause)
            return
        self._send(data[position:], "dribble")


def split_target(target: str) -> tuple[str, str]:
    """Return the decoded path and the query text of a request target."""
    path, _, query = target.partition("?")
    return (unquote(path) if "%" in path else path), query
