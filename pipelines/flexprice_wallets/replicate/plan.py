"""Decides what has to be sent, from what the destination has committed and what the file holds. Pure.

Rows are sent in shipments. A shipment counts once its one row in the destination's table `shipments` is there; that row
also says what the tables hold since, so that nothing has to be remembered elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import sha256
from typing import Any, Final

from flexprice_wallets.errors import (
    DestinationDiverged,
    DestinationTooNew,
    ForeignDestination,
)

#: How `shipments` and the tables beside it are written. Raise it where an earlier program could not go on with them.
FORMAT: Final = 1
#: A table is sent again whole once so many times its rows, and so many more, were sent as changes: readers would have
#: to pass over all the superseded ones.
_MOST_VERSIONS: Final = 4
_MORE_ROWS: Final = 100_000


class Mode(Enum):
    """How a table is brought up to date."""

    UNCHANGED = "unchanged"
    #: All rows, into a new table.
    FILL = "fill"
    #: The rows of the snapshots after the last one committed.
    APPEND = "append"
    #: New versions of the rows that differ from the committed ones.
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows there are, and a sum of their hashes, as text."""

    rows: int
    hashes: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a committed shipment left in one table.

    Attributes:
        stored_as: the table's name at the destination.
        digest: that of its declaration.
        held: the rows that readers see.
        sent: how many rows it took to get there, superseded ones included.
    """

    stored_as: str
    digest: str
    held: Sum
    sent: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Which warehouse it is: its tenant and environment, where known, and each snapshot's dlt load."""

    tenant_id: str | None
    environment_id: str | None
    snapshots: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Committed:
    """What the destination has committed: all snapshots, and what the last shipment left.

    Attributes:
        number: the last shipment's, counted from 1.
        format: the highest that any shipment was written in.
        snapshot_at: the last snapshot's time.
        contents: by table.
    """

    number: int
    format: int
    identity: Identity
    snapshot_at: datetime
    contents: Mapping[str, Contents]


@dataclass(frozen=True, slots=True)
class TableState:
    """A table in the file: its declaration's digest, whether rows are only appended, and its rows.

    `earlier`: the rows of the snapshots up to the last one committed, for a table that is only appended to.
    """

    digest: str
    is_appended: bool
    now: Sum
    earlier: Sum | None = None


def check_same_warehouse(file: Identity, committed: Committed | None) -> None:
    """Make sure that the destination holds an earlier state of this very warehouse, or nothing.

    Raises:
        DestinationTooNew: where a later program has filled it.
        ForeignDestination: where it is another tenant's or environment's.
        DestinationDiverged: where it holds snapshots that the file lacks.
    """
    if committed is None:
        return
    if committed.format > FORMAT:
        raise DestinationTooNew(
            "The destination was filled by a later version of flexprice-wallets: update this one."
        )
    there = committed.identity
    for what, ours, theirs in (
        ("tenant", file.tenant_id, there.tenant_id),
        ("environment", file.environment_id, there.environment_id),
    ):
        if ours is not None and theirs is not None and ours != theirs:
            raise ForeignDestination(
                f"The destination holds the data of {what} {theirs}, the warehouse that of {ours}: name another "
                "--dataset."
            )
    unknown = [key for key, load in there.snapshots.items() if file.snapshots.get(key) != load]
    if not unknown:
        return
    if min(unknown) > max((key for key in file.snapshots), default=""):
        raise DestinationDiverged(
            f"The destination is ahead: it holds {len(unknown)} snapshots after the warehouse's last, from "
            f"{min(unknown)} on. The file is an older copy: restore the newest one, or name another --dataset."
        )
    raise DestinationDiverged(
        f"The destination holds {len(unknown)} snapshots that the warehouse lacks, the first of {min(unknown)}: it was "
        "filled from another warehouse, or from this one before a backup was restored. Name another --dataset."
    )


def plan(tables: Mapping[str, TableState], committed: Committed | None) -> dict[str, Mode]:
    """How each table is brought up to date.

    Args:
        tables: the file's, by name.
        committed: what the destination has committed, of this same warehouse; None where it is empty.
    """
    before = {} if committed is None else committed.contents
    return {name: _mode(state, before.get(name)) for name, state in tables.items()}


def _mode(state: TableState, before: Contents | None) -> Mode:
    if before is None or before.digest != state.digest:
        return Mode.FILL
    if state.is_appended:
        # Rows that were there have changed: derived again otherwise, or migrated.
        if state.earlier != before.held:
            return Mode.FILL
        return Mode.UNCHANGED if state.now == before.held else Mode.APPEND
    if state.now == before.held:
        return Mode.UNCHANGED
    is_bloated = before.sent > _MOST_VERSIONS * state.now.rows + _MORE_ROWS
    return Mode.FILL if is_bloated else Mode.COMPARE


def is_up_to_date(modes: Mapping[str, Mode], file: Identity, committed: Committed | None) -> bool:
    """Whether nothing has to be sent."""
    return (
        committed is not None
        and {*modes.values()} <= {Mode.UNCHANGED}
        and file.snapshots.keys() == committed.identity.snapshots.keys()
        and not (committed.contents.keys() - modes.keys())
    )


def new_contents(
    tables: Mapping[str, TableState],
    modes: Mapping[str, Mode],
    sent: Mapping[str, int],
    committed: Committed | None,
    new_names: Mapping[str, str],
) -> dict[str, Contents]:
    """What the tables hold once the shipment is committed.

    Args:
        tables: as for `plan`.
        modes: what it decided.
        sent: how many rows of each table the shipment brings.
        committed: as for `plan`.
        new_names: what each table is called at the destination once it is filled.
    """
    before = {} if committed is None else committed.contents
    contents = {}
    for name, state in tables.items():
        is_new = modes[name] is Mode.FILL
        stored_as = new_names[name] if is_new else before[name].stored_as
        sent_before = 0 if is_new else before[name].sent
        contents[name] = Contents(stored_as, state.digest, state.now, sent_before + sent[name])
    return contents


def layout_of(contents: Mapping[str, Contents]) -> str:
    """Changes with the set of tables that hold the rows."""
    return layout_of_names({name: each.stored_as for name, each in contents.items()})


def layout_of_names(stored_as: Mapping[str, str]) -> str:
    """The layout of tables by what they are called at the destination."""
    return sha256(json.dumps(dict(sorted(stored_as.items()))).encode()).hexdigest()[:16]


def snapshots_to_commit(file: Identity, committed: Committed | None) -> dict[str, str]:
    """The snapshots that the next shipment brings, each with its dlt load, in order of time."""
    there: Sequence[str] = [] if committed is None else [*committed.identity.snapshots]
    return {key: file.snapshots[key] for key in sorted(file.snapshots.keys() - {*there})}


def committed_by(rows: Sequence[Mapping[str, Any]]) -> Committed | None:
    """What the rows of `shipments` say, whatever their order; None where there is none."""
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: int(row["ship_number"]))
    snapshots: dict[str, str] = {}
    for row in rows:
        snapshots |= json.loads(row["snapshots"])
    last = rows[-1]
    return Committed(
        last["ship_number"],
        max(row["format"] for row in rows),
        Identity(last["tenant_id"], last["environment_id"], snapshots),
        last["snapshot_at"],
        {
            name: Contents(each["stored_as"], each["digest"], Sum(**each["held"]), each["sent"])
            for name, each in json.loads(last["contents"]).items()
        },
    )
