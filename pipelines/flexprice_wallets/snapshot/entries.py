"""What is known of wallets or customers, in columns of bytes: a fraction of the memory of an object for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from flexprice_wallets.snapshot.ids import Ids


class Columns:
    """Ids, hashes and flags of many entries. `hash_size`: bytes of each one's hashes."""

    def __init__(self, hash_size: int) -> None:
        self.ids = Ids()
        self.hash_size = hash_size
        self.hashes = bytearray()
        self.flags = bytearray()


class Entry:
    """One entry, read from the columns and written into them."""

    __slots__ = ("columns", "position")

    def __init__(self, columns: Columns, position: int) -> None:
        self.columns = columns
        self.position = position


def flag(bit: int) -> property:
    """A property of an entry that is true or false."""

    def read(entry: Entry) -> bool:
        return bool(entry.columns.flags[entry.position] & bit)

    def write(entry: Entry, value: bool) -> None:
        others = entry.columns.flags[entry.position] & ~bit
        entry.columns.flags[entry.position] = others | (bit if value else 0)

    return property(read, write)


def fingerprint(place: slice) -> property:
    """A property of an entry that is a part of its hashes."""

    def at(entry: Entry) -> slice:
        start = entry.position * entry.columns.hash_size
        return slice(start + place.start, start + place.stop)

    def read(entry: Entry) -> bytes:
        return bytes(entry.columns.hashes[at(entry)])

    def write(entry: Entry, value: bytes) -> None:
        if len(value) != place.stop - place.start:
            raise ValueError(f"{len(value)} bytes in the place of {place} would move what follows")
        entry.columns.hashes[at(entry)] = value

    return property(read, write)


E = TypeVar("E", bound=Entry)


class Entries(Generic[E]):
    """Entries by id. They take the least memory where they are added in the order of their ids' UTF-8 bytes."""

    def __init__(self, columns: Columns, entry: type[E]) -> None:
        self._columns = columns
        self._entry = entry

    def __len__(self) -> int:
        return len(self._columns.ids)

    def __contains__(self, identifier: str) -> bool:
        return self._columns.ids.position(identifier) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns.ids)

    def __getitem__(self, identifier: str) -> E:
        known = self.get(identifier)
        if known is None:
            raise KeyError(identifier)
        return known

    def get(self, identifier: str) -> E | None:
        position = self._columns.ids.position(identifier)
        return None if position is None else self._entry(self._columns, position)

    def items(self) -> Iterator[tuple[str, E]]:
        for position, identifier in enumerate(self._columns.ids):
            yield identifier, self._entry(self._columns, position)

    def values(self) -> Iterator[E]:
        return (self._entry(self._columns, position) for position in range(len(self)))

    def _append(self, identifier: str, hashes: bytes) -> E:
        """Add an entry, all its flags false. `identifier` must not be there yet."""
        if len(hashes) != self._columns.hash_size:
            raise ValueError(f"{len(hashes)} bytes of hashes, not {self._columns.hash_size}")
        position = self._columns.ids.add(identifier)
        if position != len(self._columns.flags):
            raise ValueError(f"{identifier} is there already")
        self._columns.hashes += hashes
        self._columns.flags.append(0)
        return self._entry(self._columns, position)
