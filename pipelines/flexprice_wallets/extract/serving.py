"""The other end of a `ProcessFeed`: asks the API for the process that started this one, until that has gone."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from multiprocessing.connection import Connection

from flexprice_wallets.errors import FlexpriceWalletsError
from flexprice_wallets.extract.attempts import open_api
from flexprice_wallets.extract.calls import Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import CustomersFound, Mistake
from flexprice_wallets.extract.feed import Feed
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records import json_text

_LARGEST_BATCH = 100
_LONGEST_DELAY = 0.05


def _serve(connection: Connection) -> None:
    """Fetch what the parent asks for, until it has gone."""
    options, selection, figures = connection.recv()
    try:
        feed = ThreadFeed(open_api(options), selection, figures, options.workers)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        _send(connection, [_told(error)], RequestCounts())
        return
    _send_all(connection, feed, feed.customers())
    while True:
        method, what = connection.recv()
        _send_all(connection, feed, getattr(feed, method)(what))


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
        batch.append(None)  # the end
    except Exception as error:  # noqa: BLE001 - the parent raises it
        batch.append(_told(error))
    _send(connection, batch, feed.counts)


def _told(error: Exception) -> Exception | Mistake:
    """What the parent is told of an error: one of our own as it is, a mistake as text, which always can be pickled."""
    if isinstance(error, FlexpriceWalletsError):
        return error
    summary = traceback.format_exception_only(error)[-1].strip()
    return Mistake(summary, "".join(traceback.format_exception(error)))


def _send(connection: Connection, batch: list[object], counts: RequestCounts) -> None:
    # A connection's own pickler is made for things that only processes share, and takes four times as long.
    try:
        message = pickle.dumps((batch, counts.requests, counts.retries), protocol=5)
    except RecursionError:  # JSON may be nested deeper than objects that are pickled
        shallow = [_flattened(event) for event in batch]
        message = pickle.dumps((shallow, counts.requests, counts.retries), protocol=5)
    connection.send_bytes(message)


def _flattened(event: object) -> object:
    if isinstance(event, Reply | CustomersFound) and event.records is not None:
        return event._replace(records=[json_text.flattened(record) for record in event.records])
    return event


def main() -> None:
    """Serve the parent over the socket that the first argument names, until it has gone."""
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
