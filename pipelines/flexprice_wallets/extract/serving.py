"""The other end of a `ProcessFeed`: asks the API for the process that started this one, until that has gone."""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from flexprice_wallets.errors import FlexpriceWalletsError, RunFailed
from flexprice_wallets.extract.asking.api import open_api
from flexprice_wallets.extract.calls import Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.threads import ThreadFeed
from flexprice_wallets.quick_process import look_seldom_for_cycles
from flexprice_wallets.records import json_text
from flexprice_wallets.records.answers import undecoded_wallets

#: Records of a kilobyte after which, and seconds until which, what has come is sent.
_LARGEST_BATCH = 200
_LONGEST_DELAY = 0.05
_BYTES_OF_RECORD = 1000


def main() -> None:
    """Serve the parent over the socket that is this process's stdin, until the parent has gone."""
    # Ctrl-C reaches the whole group; the parent decides what it means and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _stay_on_one_core()
    look_seldom_for_cycles()
    said: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # Buffered, whatever the environment says of stdin: what writes at once may write only a part.
    stream = os.fdopen(os.dup(sys.stdin.fileno()), "wb")
    threading.Thread(target=_serve, args=[said, stream], daemon=True).start()
    # The parent may go in the middle of a message.
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            said.put(pickle.load(sys.stdin.buffer))
    os._exit(0)


def _serve(said: queue.SimpleQueue[Any], stream: BinaryIO) -> None:
    """Call the methods of a feed that the parent names, and send what they give."""
    counts = RequestCounts()
    feed: ThreadFeed | Exception
    try:
        options, selection, figures = said.get()
        try:
            feed = ThreadFeed(open_api(options), selection, figures, undecoded_wallets)
            counts = feed.counts
        except Exception as error:  # noqa: BLE001 - the parent raises it
            feed = error
        while True:
            method, arguments = said.get()
            for batch in _batches(feed, method, arguments):
                _send(stream, batch, counts)
    except OSError:
        pass  # the parent has gone
    except BaseException:
        # Too late to tell the parent, which says that this process has ended.
        traceback.print_exc()
        raise
    finally:
        os._exit(0)


def _batches(
    feed: ThreadFeed | Exception, method: str, arguments: tuple[Any, ...]
) -> Iterator[list[Any]]:
    """What a method gives as it comes, many events at once where they come fast; at the end None, or why it failed."""
    batch: list[Any] = []
    records, last_sent = 0, time.monotonic()
    try:
        if isinstance(feed, Exception):
            raise feed
        for event in getattr(feed, method)(*arguments):
            batch.append(event)
            records += 1 + _records_in(event)
            if records >= _LARGEST_BATCH or time.monotonic() - last_sent >= _LONGEST_DELAY:
                yield batch
                batch, records, last_sent = [], 0, time.monotonic()
        batch.append(None)
    except FlexpriceWalletsError as error:
        batch.append(error)
    except Exception as error:  # noqa: BLE001 - the parent raises it, as text, which always can be pickled
        batch.append(_mistake(error))
    yield batch


def _records_in(event: Any) -> int:
    records: Any = getattr(event, "records", None) or ()
    if isinstance(event, Reply) and len(records) == 1 and isinstance(records[0], bytes):
        return len(records[0]) // _BYTES_OF_RECORD
    return len(records)


def _mistake(error: Exception) -> RunFailed:
    mistake = RunFailed(
        f"The process that asks the API made a mistake ({traceback.format_exception_only(error)[-1].strip()}); "
        "nothing was loaded. Run again with -vv and report what it says."
    )
    mistake.add_note("".join(traceback.format_exception(error)))
    return mistake


def _send(stream: BinaryIO, batch: list[Any], counts: RequestCounts) -> None:
    try:
        message = pickle.dumps((batch, counts.requests, counts.retries), protocol=5)
    except RecursionError:  # JSON may be nested deeper than objects that are pickled
        shallow = [_flattened(event) for event in batch]
        message = pickle.dumps((shallow, counts.requests, counts.retries), protocol=5)
    stream.write(message)
    stream.flush()


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
