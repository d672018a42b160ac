"""The server around a world, in daemon threads of this process."""

import asyncio
import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from flexprice_emulator.api import Api
from flexprice_emulator.control import CONTROL_PREFIX, Control
from flexprice_emulator.faults import Fault, Faults
from flexprice_emulator.faulty_answers import faulty_answer
from flexprice_emulator.http_connection import HttpConnection, split_target
from flexprice_emulator.quirks import NumbersAs, Quirks
from flexprice_emulator.records import Contract
from flexprice_emulator.request_log import Request, RequestLog
from flexprice_emulator.responses import Response
from flexprice_emulator.server_load import ServerLoad
from flexprice_emulator.world import World

_log = logging.getLogger(__name__)

DEFAULT_API_KEY = "emulator-key"
UNBOUND_API_KEY = "emulator-key-of-no-environment"

#: Called with the world and each request before it is answered, in the server's thread.
RequestHook = Callable[[World, Request], None]


class Emulator:
    """An emulated Flexprice API on 127.0.0.1; use it as a context manager.

    `customers`, `seed` and `contract` build the world unless `world` is given. `port` 0 takes
    a free one. `latency_ms` delays each answer; with a `capacity` the server works on so many
    requests at once and lets the others wait (see `ServerLoad`). `fault_rate` mixes in faults that
    a retry gets over. `unbound_api_key` is a key that needs the header ``X-Environment-ID``.
    """

    def __init__(
        self,
        *,
        customers: int = 50,
        seed: int = 1,
        contract: Contract = "2026-08",
        world: World | None = None,
        port: int = 0,
        api_key: str = DEFAULT_API_KEY,
        unbound_api_key: str = UNBOUND_API_KEY,
        latency_ms: float = 0,
        capacity: int | None = None,
        numbers_as: NumbersAs = "strings",
        quirks: Quirks | None = None,
        fault_rate: float = 0,
        on_request: RequestHook | None = None,
    ) -> None:
        self.world = world or World(customers, seed=seed, contract=contract)
        self.quirks = quirks or Quirks(numbers_as=numbers_as)
        self.faults = Faults(seed)
        if fault_rate > 0:
            self.faults.add_mix(fault_rate)
        self.requests = RequestLog()
        self.api_key = api_key
        self.unbound_api_key = unbound_api_key
        self._load = ServerLoad(latency_ms, capacity)
        self.on_request = on_request
        self.connections: set[HttpConnection] = set()
        self._api = Api(self.world, self.quirks, api_key=api_key, unbound_api_key=unbound_api_key)
        self._control = Control(self)
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start the server."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server, requests that hang included."""
        self.stop()

    @property
    def base_url(self) -> str:
        """The API's base URL, e.g. ``http://127.0.0.1:40001/v1``."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def control_url(self) -> str:
        """Where the emulator itself is controlled, e.g. ``http://127.0.0.1:40001/_emulator``."""
        return f"http://127.0.0.1:{self._port}{CONTROL_PREFIX}"

    @property
    def latency_ms(self) -> float:
        """Milliseconds that each answer takes while the server is not busy."""
        return self._load.latency_ms

    @latency_ms.setter
    def latency_ms(self, latency_ms: float) -> None:
        self._load.latency_ms = latency_ms

    @property
    def capacity(self) -> int | None:
        """How many requests are worked on at once; None is any number."""
        return self._load.capacity

    @capacity.setter
    def capacity(self, capacity: int | None) -> None:
        self._load.capacity = capacity

    def delay(self, now: float) -> float:
        """Return the seconds until a request that arrives `now` is answered."""
        seconds = self._load.delay(now)
        self.requests.note_delay(seconds)
        return seconds

    def start(self) -> None:
        """Bind the port and serve in a daemon thread (OSError where the port is taken)."""
        if self._thread is not None:
            raise RuntimeError("the emulator is running already")
        loop = asyncio.new_event_loop()
        try:
            server = loop.run_until_complete(
                loop.create_server(
                    lambda: HttpConnection(self), "127.0.0.1", self._port, backlog=512
                )
            )
        except BaseException:
            loop.close()
            raise
        self._port = server.sockets[0].getsockname()[1]
        self._loop = loop
        self._thread = threading.Thread(
            target=self._serve, args=(loop, server), name="flexprice-emulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End the server and all connections at once; harmless if it is not running."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)

    def _serve(self, loop: asyncio.AbstractEventLoop, server: asyncio.Server) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            server.close()
            for connection in list(self.connections):
                connection.abort()
            # One more round for the transports to close their sockets.
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def open_request(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Request:
        """Return the request and count it; those to the emulator itself have number 0."""
        path, query = split_target(target)
        if path.startswith(CONTROL_PREFIX):
            return Request(0, method, path, query, headers, body)
        request = Request(self.requests.next_number(), method, path, query, headers, body)
        self.requests.begin(request)
        return request

    def answer(self, request: Request) -> tuple[Response, Fault | None]:
        """Return the answer and, if one is to be done to it, the fault."""
        try:
            return self._answer(request)
        except Exception:  # noqa: BLE001
            # A mistake of a hook or of this server must show, and not leave a client waiting.
            _log.exception("could not answer %s %s", request.method, request.path)
            return Response(500, b"the emulator failed; see its log", "text/plain"), None

    def _answer(self, request: Request) -> tuple[Response, Fault | None]:
        if request.number == 0:
            return self._control.answer(request), None
        if self.on_request is not None:
            self.on_request(self.world, request)
        response = self._api.answer(request)
        fault = self.faults.choose(request)
        if fault is not None:
            response = faulty_answer(fault, request, response, self.world.contract, self.faults)
        return response, fault

    def close_request(self, request: Request, outcome: str) -> None:
        """Count an answer."""
        if request.number:
            self.requests.end(outcome)
