"""A feed in a process of its own, so that asking does not wait for parsing and loading: two processes, two locks.

The child starts with the lightest imports while its parent loads the heavy ones. They talk over a socket pair: the
parent sends what to fetch (the key included, which so stands on no command line), the child sends events in batches.
When either end goes, however it goes, the other sees the socket close.
"""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from flexprice_wallets.api.attempts import RequestCounts
from flexprice_wallets.api.calls import Figures, Reading
from flexprice_wallets.errors import RunFailed
from flexprice_wallets.fetch.feed import Feed, FeedEvent, Selection

if TYPE_CHECKING:
    from flexprice_wallets.configuration import ApiOptions

_LARGEST_BATCH = 100
_LONGEST_DELAY = 0.05
_END = None


class ProcessFeed:
    """What a `Feed` is, with its threads in a child process."""

    def __init__(self, options: ApiOptions, selection: Selection, figures: Figures) -> None:
        self.counts = RequestCounts()
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # What the parent prints last on stdout is for machines.
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        self._connection.send((options, selection, figures))

    def customers(self) -> Iterator[Reading | FeedEvent]:
        """As `Feed.customers`."""
        return self._events()

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reading]:
        """As `Feed.wallets`."""
        if not wallets:
            return
        self._connection.send(wallets)
        for event in self._events():
            assert isinstance(event, Reading), "the listing is over before wallets are followed"
            yield event

    def stop(self) -> None:
        """End the child; requests under way are dropped."""
        self._child.kill()
        self._child.wait()
        self._connection.close()

    def _events(self) -> Iterator[Any]:
        while True:
            try:
                message = pickle.loads(self._connection.recv_bytes())
                batch, self.counts.requests, self.counts.retries = message
            except (EOFError, OSError) as error:
                raise RunFailed(
                    "The process that asks the API ended unexpectedly; nothing was loaded. Run again."
                ) from error
            for event in batch:
                if event is _END:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event


def _serve(connection: Connection) -> None:
    """Fetch what the parent asks for, until it has gone."""
    from flexprice_wallets.configuration import open_api

    options, selection, figures = connection.recv()
    try:
        feed = Feed(open_api(options), selection, figures, options.workers)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        _send(connection, [error], RequestCounts())
        return
    _send_all(connection, feed, feed.customers())
    while True:
        _send_all(connection, feed, feed.wallets(connection.recv()))


def _send_all(connection: Connection, feed: Feed, events: Iterable[object]) -> None:
    """Send events as they come, many at once where they come fast."""
    batch: list[object] = []
    last_sent = time.monotonic()
    try:
        for event in events:
            batch.append(event)
            now = time.monotonic()
            if len(batch) >= _LARGEST_BATCH or now - last_sent >= _LONGEST_DELAY:
                _send(connection, batch, feed.counts)
                batch = []
                last_sent = now
        batch.append(_END)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        batch.append(error)
    _send(connection, batch, feed.counts)


def _send(connection: Connection, batch: list[object], counts: RequestCounts) -> None:
    # A connection's own pickler is made for things that only processes share, and takes four times as long.
    connection.send_bytes(pickle.dumps((batch, counts.requests, counts.retries), protocol=5))


def _main() -> None:
    # Ctrl-C reaches the whole group; the parent decides what it means and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stay_on_one_core()
    connection = Connection(int(sys.argv[1]))
    threading.Thread(target=_serve_and_exit, args=[connection], daemon=True).start()
    # No event is asked for, so that only the other end's closing is told.
    parent = select.poll()
    parent.register(connection.fileno(), 0)
    parent.poll()
    os._exit(0)


def _stay_on_one_core() -> None:
    """Keep all threads where the interpreter lock is: handing it from core to core takes a third of their time."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and then it is only slower
            os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})


def _serve_and_exit(connection: Connection) -> None:
    """Serve and end the process; threads that hang in a request must not keep it."""
    try:
        _serve(connection)
    except (EOFError, OSError):
        pass  # the parent has gone
    finally:
        os._exit(0)


if __name__ == "__main__":
    _main()
