"""A bare load generator: how many answers per second the responder and this machine allow at most.

It sends bytes made beforehand and counts bytes that come back; whatever a client does beyond that costs time that this
does not need. N requests divided by what it reaches is the floor that loads are compared with.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence

_HEAD = (
    b"GET /v1/customers/wallets?id=%b&include_real_time_balance=true"
    b"&expand=credits_available_breakdown HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: bench\r\n\r\n"
)


class _Client:
    """A connection with one request under way; `missing` bytes of its answer are still to come."""

    __slots__ = ("missing", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.missing = 0

    def receive(self) -> bool:
        """Take what came; says whether the answer is whole."""
        piece = self.socket.recv(1 << 20)
        if not piece:
            raise ConnectionError("the responder closed a connection")
        if not self.missing:
            self.missing = _length(piece)
        self.missing -= len(piece)
        return self.missing == 0


def requests_per_second(port: int, customer_ids: Sequence[str], connections: int) -> float:
    """Ask for the wallets of these customers, each once, over so many connections that are never idle."""
    requests = iter([_HEAD % each.encode() for each in customer_ids])
    clients = [_Client(port) for _ in range(connections)]
    try:
        started = time.monotonic()
        _exchange(clients, requests)
        return len(customer_ids) / (time.monotonic() - started)
    finally:
        for client in clients:
            client.socket.close()


def _exchange(clients: list[_Client], requests: Iterator[bytes]) -> None:
    by_descriptor = {client.socket.fileno(): client for client in clients}
    epoll = select.epoll()
    busy = 0
    for client in clients:
        request = next(requests, None)
        if request is not None:
            epoll.register(client.socket, select.EPOLLIN)
            client.socket.send(request)
            busy += 1
    while busy:
        for descriptor, _ in epoll.poll():
            client = by_descriptor[descriptor]
            if client.receive():
                request = next(requests, None)
                if request is None:
                    busy -= 1
                else:
                    client.socket.send(request)
    epoll.close()


def _length(piece: bytes) -> int:
    """Bytes of the whole answer that begins so."""
    end = piece.index(b"\r\n\r\n")
    field = piece.index(b"Content-Length: ") + len(b"Content-Length: ")
    return end + 4 + int(piece[field : piece.index(b"\r\n", field)])
