"""A feed in a process of its own, so that asking does not wait for parsing and loading: two processes, two locks.

The child (`serving`) starts with the lightest imports while its parent loads the heavy ones. They talk over a socket
pair, in pickles: the parent sends what to fetch (the key included, which so stands on no command line), the child sends
events in batches. When either end goes, however it goes, the other sees the socket close.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from flexprice_wallets.errors import RunFailed
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures, Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import FeedEvent, LedgerEvent
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.records.answers import decoded_wallets

_logger = logging.getLogger(__name__)

#: The package's own folder comes last on the child's path, and the current folder not at all: whatever lies there must
#: not run beside the key.
_CHILD = """
import sys
sys.path.append({folder!r})
from flexprice_wallets.extract.serving import main
main()
"""
_FOLDER = os.fspath(Path(__file__).parents[2])
#: Of the GNU C library: else pages of transactions, each read by another thread, take twice the memory.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}


class ProcessFeed:
    """A `Feed` whose threads are in a child process."""

    def __init__(self, options: ApiOptions, selection: Selection, figures: Figures) -> None:
        self.counts = RequestCounts()
        ours, theirs = socket.socketpair()
        # Whatever default the program around has set.
        ours.settimeout(None)
        theirs.settimeout(None)
        command = [sys.executable, "-P", "-c", _CHILD.format(folder=_FOLDER)]
        with ours, theirs:
            self._stream = ours.makefile("rwb")
            # Not as stdout too: what an import there prints would be taken for a message.
            self._child = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_ENVIRONMENT | os.environ,
            )
        self._send((options, selection, figures))

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """As `Feed.customers`."""
        for event in self._call("customers"):
            if isinstance(event, Reply) and event.records:
                yield event._replace(records=decoded_wallets(event.records))
            else:
                yield event

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """As `Feed.wallets`."""
        return self._call("wallets", wallets)

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """As `Feed.ended_wallets`."""
        return self._call("ended_wallets", wallet_ids)

    def transactions(
        self, after: datetime | None, wallet_ids: list[str] | None
    ) -> Iterator[LedgerEvent]:
        """As `Feed.transactions`."""
        return self._call("transactions", after, wallet_ids)

    def stop(self) -> None:
        """End the child; requests under way are dropped."""
        self._child.kill()
        self._child.wait()
        with suppress(OSError):  # what is still to be sent has nobody to go to
            self._stream.close()

    def _send(self, message: object) -> None:
        pickle.dump(message, self._stream)
        self._stream.flush()

    def _call(self, method: str, *arguments: Any) -> Iterator[Any]:
        """Have the child call a method of its feed, and give what that gives."""
        try:
            self._send((method, arguments))
            while True:
                batch, self.counts.requests, self.counts.retries = pickle.load(self._stream)
                for event in batch:
                    if event is None:
                        return
                    if isinstance(event, BaseException):
                        notes = event.__dict__.pop("__notes__", ())
                        for note in notes:
                            _logger.debug("Where the mistake arose:\n%s", note)
                        raise event
                    yield event
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise RunFailed(
                "The process that asks the API ended unexpectedly; nothing was loaded. Run again."
            ) from error
