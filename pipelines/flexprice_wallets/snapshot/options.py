"""What one load is asked to do: one object from the command to the source."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from flexprice_wallets.extract.api_options import ApiOptions
from flexprice_wallets.extract.calls import Figures
from flexprice_wallets.extract.selection import Selection
from flexprice_wallets.snapshot.limits import Limits


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """Everything that a load needs to know.

    Attributes:
        api: how to reach the API.
        database: the warehouse file.
        selection: which customers to cover.
        figures: which figures to ask for beside the settled balance.
        ledger: whether to read the ledger, too.
        limits: how much may go wrong before the load is given up.
        snapshot_at: logical time of the snapshot, aware; None means the clock's.
        raw_schema: schema of the tables that a load writes.
        schema: schema of the views.
        log_level: from which level on dlt logs.
        fetch_in_own_process: ask the API from a process of its own, which leaves this one's lock to the loading.
    """

    api: ApiOptions
    database: Path = Path("warehouse.duckdb")
    selection: Selection = field(default_factory=Selection)
    figures: Figures = field(default_factory=Figures)
    ledger: bool = True
    limits: Limits = field(default_factory=Limits)
    snapshot_at: datetime | None = None
    raw_schema: str = "flexprice_raw"
    schema: str = "flexprice"
    log_level: str = "ERROR"
    fetch_in_own_process: bool = False
