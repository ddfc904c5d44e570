"""The rule that strips things from the texts, `strip:urls,mentions`; asking the model strips the same."""

from __future__ import annotations

import numpy as np

from core.data.cures.rows import EMPTY_TEXT, Rows
from core.data.texts import arrow, blank, matching
from core.text import safe
from core.text_rules import TEXT_RULES, apply, named


def check_strip(argument: str) -> str:
    """What is wrong with a list of things to strip."""
    listed, known = named(argument), ", ".join(TEXT_RULES)
    odd = [name for name in listed if name not in TEXT_RULES]
    if odd:
        return f"{safe(odd[0])!r} is none of {known}"
    return "" if listed else f"it needs some of {known}"


def strip(rows: Rows, argument: str, _: str) -> int:
    """Strip the texts; those that hold nothing else are left out as empty ones."""
    changed = np.zeros(len(rows.codes), dtype=bool)
    for rule in named(argument):
        column = arrow(rows.texts)
        at = np.flatnonzero(matching(column, TEXT_RULES[rule].sign)).astype(np.int64)
        old = column.take(at).to_pylist()
        new = [apply(text, (rule,)) for text in old]
        other = np.array([one != two for one, two in zip(old, new, strict=True)], dtype=bool)
        if other.any():
            rows.retext(at[other], [text for text, is_other in zip(new, other, strict=True) if is_other])
            changed[at[other]] = True
    empty = blank(rows.texts)
    rows.drop(empty, EMPTY_TEXT)
    return int((changed & ~empty).sum())
