"""Rules for copies of a text: equal or nearly equal, under one label or several, on both sides of a border.

Where the data comes in parts, no held-out row leaves because of a training row, and no test row because of one of
validation: scores stay comparable with those that others have on the same part.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from core.data.cures.rows import Rows, conflicting, first_of_each, held_out_first, later_copies, voted
from core.data.table import PARTS, Ints
from core.data.texts import arrow
from core.errors import ConfigError

NEAR = 0.8
"""From how much likeness on (1: the same) texts are nearly equal when a rule does not say."""


def drop_duplicates(rows: Rows, _: str, reason: str) -> int:
    """Later copies of one text under one label; a text under two labels keeps one row of each."""
    both = rows.keys() * max(len(rows.names), 1) + rows.codes
    rows.drop(later_copies(both, _sides(rows)), reason)
    return 0


def drop_conflicts(rows: Rows, _: str, reason: str) -> int:
    """Leave every copy of a text under several labels out; a held-out one only where held-out rows disagree."""
    keys, sides = rows.keys(), _sides(rows)
    gone = np.zeros(len(keys), dtype=bool)
    for side in np.unique(sides):
        looked_at = np.flatnonzero(sides >= side)
        gone[looked_at] |= conflicting(keys[looked_at], rows.codes[looked_at]) & (sides[looked_at] == side)
    rows.drop(gone, reason)
    return 0


def majority_of_conflicts(rows: Rows, _: str, reason: str) -> int:
    """A text under several labels takes the one that most of its copies have; where two lead it is left out.

    Of given parts only the training rows vote, and only they change: the labels of the others are not ours to mend.
    """
    sides = _sides(rows)
    voters = np.flatnonzero(sides == PARTS.index("train"))
    winners = rows.codes.copy()
    winners[voters] = voted(rows.keys()[voters], rows.codes[voters])
    tie = winners < 0
    changed = int((~tie & (winners != rows.codes)).sum())
    rows.codes = np.where(tie, rows.codes, winners)
    rows.drop(tie, reason)
    return changed


def check_near(argument: str) -> str:
    """What is wrong with a likeness, empty where nothing is: a text that is no number is told so, never raised."""
    try:
        fine = not argument.strip() or 0.5 <= float(argument) <= 1.0
    except ValueError:
        fine = False
    return "" if fine else "it needs a likeness from 0.5 to 1"


def drop_near_duplicates(rows: Rows, argument: str, reason: str) -> int:
    """Leave rows out whose text is nearly that of an earlier one, whatever their label.

    `argument` is a likeness that `check_near` let pass. Each part is looked at together with those held out more
    strictly and loses rows of its own only: a chain of training rows must not tie two test rows together.
    """
    from core.data.health.near import near_groups  # its library is loaded only here

    likeness = float(argument) if argument.strip() else NEAR
    column, sides = arrow(rows.texts), _sides(rows)
    order = held_out_first(sides)
    gone = np.zeros(len(sides), dtype=bool)
    for side in np.unique(sides)[::-1]:
        looked_at = order[(sides[order] >= side) & ~gone[order]]
        copies = ~first_of_each(near_groups(column.take(pa.array(looked_at)), likeness, rows.progress))
        gone[looked_at] = copies & (sides[looked_at] == side)
    rows.drop(gone, reason)
    return 0


def _sides(rows: Rows) -> Ints:
    """A code into `PARTS` per row: the larger, the more strictly held out. Data without parts is all training."""
    parts = rows.parts()
    return np.zeros(len(rows.codes), dtype=np.int64) if parts is None else parts.astype(np.int64)


def drop_leaks(rows: Rows, _: str, reason: str) -> int:
    """Leave training rows out whose text also stands in validation or test.

    Raises `ConfigError` when the data does not come in parts: a split of ours keeps copies on one side by itself.
    """
    parts = rows.parts()
    if parts is None:
        raise ConfigError(
            f"Cure {reason!r}: the data does not come in parts",
            "It mends leaks between a given training, validation and test part.",
            "Take the cure away: a split made here keeps the copies of a text together.",
        )
    if len(parts) == 0:
        return 0
    keys = rows.keys()
    held_out = np.zeros(int(keys.max()) + 1, dtype=bool)
    training = parts == PARTS.index("train")
    held_out[keys[~training]] = True
    rows.drop(training & held_out[keys], reason)
    return 0
