"""The rows that cures work on: texts, label codes and where each came from; what leaves is counted by reason."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from core.data.table import Codes, Ints
from core.data.texts import Mask, keys_and_words
from core.protocol import Progress, no_progress

EMPTY_TEXT = "empty text"
"""Why a row leaves whose text is blank, in the source or after stripping."""


@dataclass(slots=True)
class Rows:
    """Rows still in, and those that left. `at` holds each row's position in the table."""

    texts: pd.Series
    codes: Ints
    names: list[str]
    """Label per code; a code may have no rows left."""
    groups: pd.Series | None
    at: Ints
    left_out: dict[str, Ints] = field(default_factory=dict)
    """Positions in the table of the rows that left, by reason."""
    effects: dict[str, int] = field(default_factory=dict)
    """Rows that each rule dropped or changed."""
    part: Codes | None = None
    """A code into `PARTS` per row of the table (not of the rows still in: `parts()`), when the data comes in parts."""
    progress: Progress = no_progress
    """For rules that take their time."""
    _keys: Ints | None = None

    def drop(self, mask: Mask, reason: str) -> None:
        """Take the rows out for which `mask` is true."""
        if not mask.any():
            return
        gone = self.at[mask]
        self.left_out[reason] = np.concatenate((self.left_out[reason], gone)) if reason in self.left_out else gone
        keep = ~mask
        self.texts = self.texts[keep]
        self.codes = self.codes[keep]
        self.at = self.at[keep]
        if self.groups is not None:
            self.groups = self.groups[keep]
        if self._keys is not None:
            self._keys = self._keys[keep]

    def drop_labels(self, names: set[str], reason: str) -> None:
        """Take out the rows whose label is one of `names`."""
        codes = [code for code, name in enumerate(self.names) if name in names]
        self.drop(np.isin(self.codes, codes), reason)

    def relabel(self, new: list[str]) -> int:
        """Give each code a new name; codes of one name become one class. Returns how many rows have another name."""
        other = np.array([old != name for old, name in zip(self.names, new, strict=True)], dtype=bool)
        changed = int(other[self.codes].sum()) if new else 0
        names = list(dict.fromkeys(new))
        place = {name: code for code, name in enumerate(names)}
        self.codes = np.array([place[name] for name in new], dtype=np.int64)[self.codes] if new else self.codes
        self.names = names
        return changed

    def retext(self, at: Ints, texts: list[str]) -> None:
        """Put other texts to the rows at these positions (among those still in)."""
        self.texts = self.texts.copy()  # the table keeps what was read
        self.texts.iloc[at] = texts
        self._keys = None

    def present(self) -> dict[str, int]:
        """Rows per label that has any, in the order of codes."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return {name: int(count) for name, count in zip(self.names, counts, strict=True) if count}

    def parts(self) -> Codes | None:
        """A code into `PARTS` per row still in, when the data comes in parts."""
        return None if self.part is None else self.part[self.at]

    def keys(self) -> Ints:
        """A code per text; equal codes mean the same text but for case and white space."""
        if self._keys is None:
            self._keys = keys_and_words(self.texts)[0]
        return self._keys


def distinct(values: Ints) -> tuple[Ints, Ints]:
    """The different values, ascending, and how often each occurs (by sorting: several times faster than hashing)."""
    ordered = np.sort(values)
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(ordered), 1), dtype=bool), ordered[1:] != ordered[:-1])))
    return ordered[starts], np.diff(np.append(starts, len(ordered))).astype(np.int64)


def first_of_each(values: Ints) -> Mask:
    """True where a value occurs for the first time."""
    return ~pd.Series(values).duplicated().to_numpy(dtype=bool)


def held_out_first(parts: Ints) -> Ints:
    """Positions of the test rows, then validation, then training, each in the order of the data."""
    return np.argsort(-parts, kind="stable").astype(np.int64)


def later_copies(values: Ints, parts: Ints) -> Mask:
    """True where a value occurs again, held-out rows counted as the earlier ones; `parts` has a code per row."""
    order = held_out_first(parts)
    found = np.zeros(len(values), dtype=bool)
    found[order] = ~first_of_each(values[order])
    return found


def conflicting(keys: Ints, codes: Ints) -> Mask:
    """True for rows whose text also stands under another label."""
    if len(keys) == 0:
        return np.zeros(0, dtype=bool)
    low = np.full(int(keys.max()) + 1, np.iinfo(np.int64).max)
    high = np.full(int(keys.max()) + 1, -1)
    np.minimum.at(low, keys, codes)
    np.maximum.at(high, keys, codes)
    found: Mask = (low != high)[keys]
    return found


def voted(keys: Ints, codes: Ints) -> Ints:
    """The label that most copies of each row's text have, `[rows]`; -1 where the first place is shared."""
    if len(keys) == 0:
        return codes
    classes = int(codes.max()) + 1
    pairs, counts = distinct(keys * classes + codes)
    starts = np.flatnonzero(np.diff(pairs // classes, prepend=-1))
    most = np.maximum.reduceat(counts, starts)
    texts = np.diff(np.append(starts, len(pairs)))
    leads = counts == np.repeat(most, texts)
    winner = np.full(int(keys.max()) + 1, -1)
    winner[pairs[leads] // classes] = pairs[leads] % classes
    shared = np.add.reduceat(leads.astype(np.int64), starts) > 1
    winner[pairs[starts[shared]] // classes] = -1
    return winner[keys].astype(np.int64)
