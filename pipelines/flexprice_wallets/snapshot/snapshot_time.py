"""The logical time of a run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flexprice_wallets.errors import SnapshotTimeError

#: How far a snapshot may lie ahead of the clock.
FURTHEST_AHEAD = timedelta(minutes=5)
_STEP = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class SnapshotTime:
    """`at`: the snapshot's time in UTC. `moved_by`: how far the clock had to be moved on to be later than the last."""

    at: datetime
    moved_by: timedelta = timedelta(0)

    @property
    def id(self) -> str:
        """The time as sortable text: ISO-8601 in UTC with microseconds."""
        return snapshot_id(self.at)


def snapshot_id(at: datetime) -> str:
    """ISO-8601 text in UTC with microseconds: sorts as the times do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def in_utc(asked: datetime) -> datetime:
    """A time that was asked for, in UTC.

    Raises:
        SnapshotTimeError: where it has no time zone.
    """
    if asked.utcoffset() is None:
        raise SnapshotTimeError(
            f"The snapshot's time {asked.isoformat()} has no time zone, so it could mean two moments: give it one, "
            "such as UTC."
        )
    return asked.astimezone(UTC)


def choose_snapshot_time(
    now: datetime, last: datetime | None, asked: datetime | None = None
) -> SnapshotTime:
    """The time of a new snapshot: what was asked for, else the clock's, moved just past the last where it went back.

    Raises:
        SnapshotTimeError: where the time asked for has no time zone, is not later than the last one, or lies in the
            future; or where the last one lies so far ahead of the clock that nothing could follow it.
    """
    latest = now + FURTHEST_AHEAD
    if asked is not None:
        asked = in_utc(asked)
        if last is not None and asked <= last:
            # That of a snapshot in the warehouse is no error of a command: it has found that one before.
            raise SnapshotTimeError(
                f"--snapshot-at {snapshot_id(asked)} is not later than the warehouse's last snapshot, "
                f"{snapshot_id(last)}: name a later time, or none."
            )
        if asked > latest:
            raise SnapshotTimeError(
                f"--snapshot-at {snapshot_id(asked)} lies in the future (now is {snapshot_id(now)}): "
                "name a time that has come, or none."
            )
        return SnapshotTime(asked)
    if last is None or now > last:
        return SnapshotTime(now)
    moved = last + _STEP
    if moved > latest:
        raise SnapshotTimeError(
            f"The clock says {snapshot_id(now)}, but the warehouse's last snapshot is of {snapshot_id(last)}: "
            "set the machine's clock right and run again."
        )
    return SnapshotTime(moved, moved - now)
