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
from typing import Any

from flexprice_wallets.errors import FlexpriceWalletsError
from flexprice_wallets.extract.attempts import open_api
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import Mistake
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.records import json_text

#: Records after which, and seconds until which, what has come is sent.
_LARGEST_BATCH = 200
_LONGEST_DELAY = 0.05


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


def _serve_and_exit(connection: Connection) -> None:
    try:
        _serve(connection)
    except (EOFError, OSError):
        pass  # the parent has gone
    finally:
        os._exit(0)


def _serve(connection: Connection) -> None:
    """Call the methods of a feed that the parent names, and send what they give."""
    options, selection, figures = connection.recv()
    feed: ThreadFeed | None = None
    try:
        feed = ThreadFeed(open_api(options), selection, figures)
    except Exception as error:  # noqa: BLE001 - the parent raises it
        failed_to_start = _told(error)
    while True:
        method, arguments = connection.recv()
        if feed is None:
            _send(connection, [failed_to_start], RequestCounts())
        else:
            _send_all(connection, feed.counts, getattr(feed, method)(*arguments))


def _send_all(connection: Connection, counts: RequestCounts, events: Iterable[Any]) -> None:
    """Send events as they come, many at once where they come fast."""
    batch: list[object] = []
    records = 0
    last_sent = time.monotonic()
    try:
        for event in events:
            batch.append(event)
            records += 1 + len(getattr(event, "records", None) or ())
            now = time.monotonic()
            if records >= _LARGEST_BATCH or now - last_sent >= _LONGEST_DELAY:
                _send(connection, batch, counts)
                batch, records, last_sent = [], 0, now
        batch.append(None)  # the end
    except Exception as error:  # noqa: BLE001 - the parent raises it
        batch.append(_told(error))
    _send(connection, batch, counts)


def _told(error: Exception) -> Exception | Mistake:
    """What the parent is told of an error: one of our own as it is, a mistake as text, which always can be pickled."""
    if isinstance(error, FlexpriceWalletsError):
        return error
    summary = traceback.format_exception_only(error)[-1].strip()
    return Mistake(summary, "".join(traceback.format_exception(error)))


def _send(connection: Connection, batch: list[Any], counts: RequestCounts) -> None:
    # A connection's own pickler is made for things that only processes share, and takes four times as long.
    try:
        message = pickle.dumps((batch, counts.requests, counts.retries), protocol=5)
    except RecursionError:  # JSON may be nested deeper than objects that are pickled
        shallow = [_flattened(event) for event in batch]
        message = pickle.dumps((shallow, counts.requests, counts.retries), protocol=5)
    connection.send_bytes(message)


def _flattened(event: Any) -> Any:
    records = getattr(event, "records", None)
    if records is None:
        return event
    return event._replace(records=[json_text.flattened(record) for record in records])


def _stay_on_one_core() -> None:
    """Keep all threads where the interpreter lock is: handing it from core to core takes a third of their time."""
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and then it is only slower
            os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})
