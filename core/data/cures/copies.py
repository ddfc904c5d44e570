"""Rules for copies of a text: equal or nearly equal, under one label or several, on both sides of a border."""

from __future__ import annotations

import numpy as np

from core.data.cures.rows import Rows, conflicting, first_of_each, voted
from core.data.table import PARTS
from core.data.texts import arrow
from core.errors import ConfigError

NEAR = 0.8
"""From how much likeness on (1: the same) texts are nearly equal when a rule does not say."""


def drop_duplicates(rows: Rows, _: str, reason: str) -> int:
    """Later copies of one text under one label; a text under two labels keeps one row of each."""
    both = rows.keys() * max(len(rows.names), 1) + rows.codes
    rows.drop(~first_of_each(both), reason)
    return 0


def drop_conflicts(rows: Rows, _: str, reason: str) -> int:
    """Leave every copy of a text under several labels out."""
    rows.drop(conflicting(rows.keys(), rows.codes), reason)
    return 0


def majority_of_conflicts(rows: Rows, _: str, reason: str) -> int:
    """A text under several labels takes the one that most of its copies have; where two lead it is left out."""
    winners = voted(rows.keys(), rows.codes)
    tie = winners < 0
    changed = int((~tie & (winners != rows.codes)).sum())
    rows.codes = np.where(tie, rows.codes, winners)
    rows.drop(tie, reason)
    return changed


def check_near(argument: str) -> str:
    """What is wrong with a likeness."""
    try:
        fine = not argument.strip() or 0.5 <= float(argument) <= 1.0
    except ValueError:
        fine = False
    return "" if fine else "it needs a likeness from 0.5 to 1"


def drop_near_duplicates(rows: Rows, argument: str, reason: str) -> int:
    """Leave rows out whose text is nearly that of an earlier one, whatever their label."""
    from core.data.health.near import near_groups  # its library is loaded only here

    groups = near_groups(arrow(rows.texts), float(argument) if argument.strip() else NEAR, rows.progress)
    rows.drop(~first_of_each(groups), reason)
    return 0


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
