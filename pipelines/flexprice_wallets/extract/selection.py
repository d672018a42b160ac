"""Which customers a run covers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Which customers a run covers: all, or those named by their Flexprice id or by their id in the caller's system."""

    customer_ids: tuple[str, ...] = ()
    lookup_keys: tuple[str, ...] = ()

    @property
    def is_all(self) -> bool:
        return not (self.customer_ids or self.lookup_keys)
