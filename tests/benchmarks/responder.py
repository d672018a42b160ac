"""Answers like the API, from bytes made beforehand, with a fixed latency, on one thread.

It is to cost next to nothing, so that the program under measurement is what is measured: no parsing beyond the
customer's id, no timers beyond one line of answers in the order in which they are due. `/scene` and `/statistics` are
its own two paths, by which the benchmark says what to answer and asks what came.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from tests.benchmarks.answers import Answers, Scene, http_answer
from tests.benchmarks.world import customers_of_world

_NOT_FOUND = http_answer(b'{"code":"not_found","message":"not found"}', b"404 Not Found")
_TICK = 0.001


@dataclass(slots=True)
class Statistics:
    """What came since the scene was set. Times are of the clock `time.monotonic`, which all processes share."""

    requests: int = 0
    unknown: int = 0
    connections: int = 0
    first_request_at: float | None = None
    last_answer_at: float = 0.0
    total_lateness: float = 0.0


class Connection:
    """One client: what it has sent of a request, and what is left to send to it."""

    __slots__ = ("received", "socket", "unsent")

    def __init__(self, client: socket.socket) -> None:
        self.socket = client
        self.received = b""
        self.unsent = memoryview(b"")


class Responder:
    """One listening socket and everybody who came to it."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._latency = 0.0
        self._statistics = Statistics()
        self._connections: dict[int, Connection] = {}
        # The latency is the same for all, so the order of coming is the order of being due.
        self._due: deque[tuple[float, Connection, bytes]] = deque()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._listener.setblocking(False)
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)
        # Nobody writes to it: it is closed when the benchmark has gone, however it went.
        self._epoll.register(sys.stdin, select.EPOLLIN)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Answer until stdin is closed."""
        listener, parent = self._listener.fileno(), sys.stdin.fileno()
        while True:
            for descriptor, event in self._events():
                if descriptor == listener:
                    self._accept()
                elif descriptor == parent:
                    return
                elif event & select.EPOLLOUT:
                    self._send_rest(self._connections[descriptor])
                else:
                    self._receive(self._connections[descriptor])
            self._send_due()

    def _events(self) -> list[tuple[int, int]]:
        if not self._due:
            return self._epoll.poll()
        # A look every millisecond takes several requests and answers at once: half the CPU of waking for each.
        time.sleep(_TICK - time.monotonic() % _TICK)
        return self._epoll.poll(0)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[client.fileno()] = Connection(client)
        self._epoll.register(client, select.EPOLLIN)
        self._statistics.connections = max(self._statistics.connections, len(self._connections))

    def _receive(self, connection: Connection) -> None:
        try:
            piece = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._forget(connection)
            return
        request = connection.received + piece
        if not _is_whole(request):
            connection.received = request
            return
        connection.received = b""
        if request.startswith((b"POST /scene", b"GET /statistics")):
            self._send(connection, http_answer(self._control(request)))
            return
        self._count_and_answer(connection, request)

    def _count_and_answer(self, connection: Connection, request: bytes) -> None:
        now = time.monotonic()
        statistics = self._statistics
        statistics.requests += 1
        if statistics.first_request_at is None:
            statistics.first_request_at = now
        answer = self._answers.find(request)
        if answer is None:
            statistics.unknown += 1
            answer = _NOT_FOUND
        if self._latency:
            self._due.append((now + self._latency, connection, answer))
        else:
            self._send(connection, answer)
            statistics.last_answer_at = now

    def _send_due(self) -> None:
        if not self._due:
            return
        now = time.monotonic()
        due, statistics = self._due, self._statistics
        while due and due[0][0] <= now:
            at, connection, answer = due.popleft()
            self._send(connection, answer)
            statistics.total_lateness += max(0.0, now - at - _TICK / 2)
            statistics.last_answer_at = now

    def _send(self, connection: Connection, answer: bytes) -> None:
        try:
            sent = connection.socket.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            # Gone, or closed by us when it went; its number may be somebody else's by now.
            return
        if sent < len(answer):
            connection.unsent = memoryview(answer)[sent:]
            self._epoll.modify(connection.socket, select.EPOLLOUT)

    def _send_rest(self, connection: Connection) -> None:
        try:
            sent = connection.socket.send(connection.unsent)
        except OSError:
            self._forget(connection)
            return
        connection.unsent = connection.unsent[sent:]
        if not connection.unsent:
            self._epoll.modify(connection.socket, select.EPOLLIN)

    def _forget(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        self._epoll.unregister(connection.socket)
        connection.socket.close()

    def _control(self, request: bytes) -> bytes:
        if request.startswith(b"POST"):
            scene = Scene(**json.loads(request.partition(b"\r\n\r\n")[2]))
            self._answers.set_scene(scene)
            # A request is seen up to a tick after it came; half of that is taken off again.
            self._latency = max(0.0, scene.latency_ms / 1000 - _TICK / 2)
            self._statistics = Statistics()
        said: dict[str, Any] = {
            "expected": asdict(self._answers.expected),
            "statistics": asdict(self._statistics),
            "cpu": time.process_time(),
        }
        return json.dumps(said).encode()


def _is_whole(request: bytes) -> bool:
    if request.startswith(b"GET"):
        return request.endswith(b"\r\n\r\n")
    head, separator, body = request.partition(b"\r\n\r\n")
    if not separator:
        return False
    lengths = [
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    ]
    return len(body) >= sum(lengths)


def main() -> None:
    """Make so many customers as the command line says, print the port, and answer until stdin is closed."""
    answers = Answers(customers_of_world(int(sys.argv[1])))
    # Millions of objects that stay: the collector would only look at them again and again.
    gc.collect()
    gc.freeze()
    gc.disable()
    _come_first()
    responder = Responder(answers)
    print(responder.port, flush=True)
    responder.serve()


def _come_first() -> None:
    """Stand for another machine: answers are not to be late because the client keeps all cores busy."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        return


if __name__ == "__main__":
    main()
