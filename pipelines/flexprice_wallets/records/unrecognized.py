"""Finds the fields that this version of the pipeline does not know, so that none is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Shape:
    """The members that an object may have; `nested` gives the shapes of those that are objects."""

    known: frozenset[str]
    nested: Mapping[str, Shape] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str] = (), **nested: Shape) -> Shape:
        """The shape with members of these names, and with these objects."""
        return cls(frozenset(names) | nested.keys(), nested)


def unrecognized_members(
    record: dict[str, object], shape: Shape, path: str = ""
) -> dict[str, object]:
    """What `record` holds beyond `shape`, by dotted path; a dot within a key has a backslash."""
    found = {}
    if not shape.known.issuperset(record):
        for key, value in record.items():
            if key not in shape.known:
                found[path + _escaped(key)] = value
    for key, inner in shape.nested.items():
        value = record.get(key)
        if type(value) is dict:
            found.update(unrecognized_members(value, inner, f"{path}{key}."))
    return found


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.")
