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
    def of_paths(cls, paths: Iterable[str]) -> Shape:
        """The shape that has all these dotted paths.

        Raises:
            ValueError: one path goes through the value of another.
        """
        inner: dict[str, list[str]] = {}
        for path in paths:
            name, _, rest = path.partition(".")
            inner.setdefault(name, []).append(rest)
        nested = {}
        for name, rests in inner.items():
            if any(rests):
                if not all(rests):
                    raise ValueError(f"{name} is read as a value and as an object")
                nested[name] = cls.of_paths(rests)
        return cls(frozenset(inner), nested)


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
        if type(value) is dict and (inner.nested or not inner.known.issuperset(value)):
            found.update(unrecognized_members(value, inner, f"{path}{key}."))
    return found


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.")
