"""What reading a source yields: text cells with their row numbers, and every decision with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

BAD_ROW = "wrong number of fields"
BAD_LINE = "no valid JSON object"
BLANK_ROW = "blank line"

KEPT_BAD = 1000
"""Bad rows that are kept to be looked at, the first ones; all are counted."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that was decided while reading, the value chosen, and why."""

    what: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that could not become a row: with more fields than the table has columns, or a line that is no JSON."""

    row: int
    text: str
    """Its first cells with the delimiter between them, or the line; with … where more follows."""


PARTS = ("train", "validation", "test")
"""The parts of a split by name; codes into this stand for them everywhere."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a source that has several: its name, the part it is given as (or empty), and its records."""

    name: str
    part: str
    read: int


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A source as columns of text, nothing interpreted: `NA` is a text and `01` is not `1`.

    `frame` has one `str` column per name; `rows` holds the 1-based record number of each of its rows in the source.
    `read` is the number of records in the source, so `read == len(frame) + sum(dropped.values())`.
    """

    frame: pd.DataFrame
    rows: Ints
    source: str
    reading: tuple[Decision, ...] = ()
    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    bad: tuple[BadRow, ...] = ()
    members: tuple[Member, ...] = ()
    """The files, when there are several: records are then numbered through all of them, in this order."""
    part: Codes | None = None
    """A code into `PARTS` per row of `frame`, when the data comes in parts."""
    pinned: dict[str, str] = field(default_factory=dict)
    """What was read, by the setting of `DataConfig` that named it: a data set of the Hub with its commit."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The column names, in the source's order."""
        return tuple(str(name) for name in self.frame.columns)

    def place(self, row: int) -> tuple[str, int]:
        """The file (empty when there is one only) and the record in it that a record number means."""
        for member in self.members:
            if row <= member.read:
                return member.name, row
            row -= member.read
        return "", row


def whole_table(columns: dict[str, list[str]], source: str, reading: tuple[Decision, ...]) -> Table:
    """A table from full columns of equal length, where every record became a row."""
    names = unique_names([name.encode("utf-8", "replace").decode() for name in columns])  # half a surrogate pair: ?
    frame = pd.DataFrame(
        {name: pd.array(values, dtype="str") for name, values in zip(names, columns.values(), strict=True)}
    )
    count = len(frame)
    return Table(frame, np.arange(1, count + 1, dtype=np.int64), source, reading, count)


def unique_names(names: list[str]) -> list[str]:
    """Names without gaps and copies: `column_3` for an empty third one, `label_2` for a second `label`."""
    found: dict[str, None] = {}  # in order, and quick to look up: a table may have ten thousand columns
    for number, raw in enumerate(names, 1):
        name = raw.strip() or f"column_{number}"
        candidate, copy = name, 2
        while candidate in found:
            candidate, copy = f"{name}_{copy}", copy + 1
        found[candidate] = None
    return list(found)
