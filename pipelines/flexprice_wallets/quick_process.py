"""What makes a process of this program's own quick, and what nobody may do to a process that is another program's."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Final

#: Arrow and dlt import these where they are installed, and a load has no use for them.
_UNUSED: Final = frozenset({"pandas", "sqlalchemy"})
#: What Arrow takes its memory by: its own pools keep tables that are written, 30 MB of them.
_POOL_VARIABLE: Final = "ARROW_DEFAULT_MEMORY_POOL"
#: Seconds.
_SWITCH_INTERVAL: Final = 0.0005


class _NotFound(MetaPathFinder):
    """Asked before all other finders, it says of the packages that are not used that they are not installed."""

    def find_spec(
        self, fullname: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> None:
        if fullname in _UNUSED:
            raise ModuleNotFoundError(f"A load has no use for {fullname}", name=fullname)


@contextmanager
def quick_process() -> Iterator[None]:
    """Within, packages that a load can do without are not imported, and cycles of objects are seldom looked for.

    Threads change often: where views are created beside what reads answers, each of hundreds of statements waits for
    its turn. Also afterwards Arrow takes no Series for an array, and its memory from the C library.
    """
    finder, threshold, interval = _NotFound(), gc.get_threshold(), sys.getswitchinterval()
    sys.meta_path.insert(0, finder)
    is_pool_chosen = _POOL_VARIABLE in os.environ
    os.environ.setdefault(_POOL_VARIABLE, "system")
    look_seldom_for_cycles()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    try:
        yield
    finally:
        if not is_pool_chosen:
            del os.environ[_POOL_VARIABLE]
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        sys.meta_path.remove(finder)


def look_seldom_for_cycles() -> None:
    """Have Python look for cycles of objects seldom: answers are many small objects, and there are none among them."""
    gc.set_threshold(100_000, 50, 1000)
