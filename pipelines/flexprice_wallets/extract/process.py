"""A feed in a process of its own, so that asking does not wait for parsing and loading: two processes, two locks.

The child (`serving`) starts with the lightest imports while its parent loads the heavy ones. They talk over a socket
pair: the parent sends what to fetch (the key included, which so stands on no command line), the child sends events in
batches. When either end goes, however it goes, the other sees the socket close.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from flexprice_wallets.errors import RunFailed
from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures, Reply
from flexprice_wallets.extract.counts import RequestCounts
from flexprice_wallets.extract.events import FeedEvent, Mistake
from flexprice_wallets.extract.selection import Selection

#: The package's own folder comes last on the child's path, and the current folder not at all: whatever lies there must
#: not run beside the key.
_CHILD = """
import sys
sys.path.append({folder!r})
from flexprice_wallets.extract.serving import main
main()
"""
_FOLDER = os.fspath(Path(__file__).parents[2])


_logger = logging.getLogger(__name__)


class ProcessFeed:
    """A `Feed` whose threads are in a child process."""

    def __init__(self, options: ApiOptions, selection: Selection, figures: Figures) -> None:
        self.counts = RequestCounts()
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-c", _CHILD.format(folder=_FOLDER), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # What the parent prints last on stdout is for machines.
                stdout=subprocess.DEVNULL,
            )
        self._connection.send((options, selection, figures))

    def customers(self) -> Iterator[Reply | FeedEvent]:
        """As `Feed.customers`."""
        return self._events()

    def wallets(self, wallets: list[tuple[str, str]]) -> Iterator[Reply]:
        """As `Feed.wallets`."""
        return self._ask("wallets", wallets)

    def ended_wallets(self, wallet_ids: list[str]) -> Iterator[Reply]:
        """As `Feed.ended_wallets`."""
        return self._ask("ended_wallets", wallet_ids)

    def _ask(self, method: str, what: list[Any]) -> Iterator[Reply]:
        """Have the other process call a method of its feed, and hand on what that gives."""
        if not what:
            return
        self._connection.send((method, what))
        for event in self._events():
            assert isinstance(event, Reply), "the listing is over before wallets are followed"
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
                if event is None:
                    return
                if isinstance(event, Mistake):
                    _logger.debug("Where the mistake arose:\n%s", event.traceback)
                    raise RunFailed(
                        f"The process that asks the API made a mistake ({event.summary}); nothing was loaded. "
                        "Run again with -vv and report what it says."
                    )
                if isinstance(event, BaseException):
                    raise event
                yield event
