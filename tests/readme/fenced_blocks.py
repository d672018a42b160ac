"""The code blocks of a Markdown text."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the line it begins on, its language and its text."""

    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, without what is remarked on them."""
        lines = (re.sub(r"\s+# .*$", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def fenced_blocks(markdown: str) -> list[Block]:
    """Every fenced block, in order."""
    blocks = []
    for match in re.finditer(r"^```([^\n]*)\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL):
        line = markdown.count("\n", 0, match.start()) + 1
        blocks.append(Block(line, match[1].strip(), match[2]))
    return blocks


def table_cells(markdown: str, heading: str) -> list[list[str]]:
    """The rows of the first table whose first column has this heading."""
    lines = iter(markdown.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            next(lines)
            break
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows
