"""The answers of several runs to the same rows, side by side; and why there are none where the rows differ."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints
from core.evaluation.predictions import Predictions


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """What several runs said about the same rows, in the order of the first run's file."""

    label_names: tuple[str, ...]
    ids: NDArray[np.object_]
    rows: Ints
    """Record numbers in the source of the first run, counted from 1."""
    texts: NDArray[np.object_]
    gold: Ints
    probabilities: Floats
    """Shape `[runs, rows, classes]`."""

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def said(self) -> Ints:
        """The likeliest class, shape `[runs, rows]`."""
        found: Ints = self.probabilities.argmax(axis=2).astype(np.int64)
        return found


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that one of two runs has right and the other wrong, with the probability each gave to what it said."""

    row: int
    id: str
    text: str
    gold: str
    before: str
    before_p: float
    after: str
    after_p: float


def align(found: Sequence[Predictions]) -> Aligned | None:
    """The rows that all of these have, when they have the same ones: by id and gold label, however they are ordered.

    Where the ids differ (they hold the record number, and the same sentences may stand in another order in another
    file) text and gold label decide. None when the rows differ. The label names must be the same, in any order.
    """
    for keys in (_by_id, _by_text):
        named = [keys(one) for one in found]
        if all(set(one) == set(named[0]) for one in named):
            return _side_by_side(found, named)
    return None


def _by_id(one: Predictions) -> list[Hashable]:
    return [(id_, one.label_names[code]) for id_, code in zip(one.ids.tolist(), one.gold.tolist(), strict=True)]


def _by_text(one: Predictions) -> list[Hashable]:
    """Text, gold label, and which copy of the two it is."""
    seen: dict[tuple[str, str], int] = {}
    keys: list[Hashable] = []
    for text, code in zip(one.texts.tolist(), one.gold.tolist(), strict=True):
        key = (text, one.label_names[code])
        seen[key] = seen.get(key, 0) + 1
        keys.append((*key, seen[key]))
    return keys


def _side_by_side(found: Sequence[Predictions], named: list[list[Hashable]]) -> Aligned:
    first, names = found[0], found[0].label_names
    sides = []
    for one, keys in zip(found, named, strict=True):
        place = {key: at for at, key in enumerate(keys)}
        order = np.array([place[key] for key in named[0]], dtype=np.int64)
        sides.append(one.probabilities[order][:, [one.label_names.index(name) for name in names]])
    return Aligned(names, first.ids, first.rows, first.texts, first.gold, np.stack(sides))


def shared_rows(found: Sequence[Predictions]) -> int:
    """How many rows all of these have, with the same gold label."""
    return max(len(set.intersection(*(set(keys(one)) for one in found))) for keys in (_by_id, _by_text))


def changed_rows(aligned: Aligned, first: int, second: int, which: str) -> list[Changed]:
    """The rows that the second run `fixed` (only it is right) or that it has `broken` (only the first is right).

    The most confident mistake comes first: of the first run among the fixed, of the second among the broken.
    """
    said, names = aligned.said, aligned.label_names
    right = said == aligned.gold
    wrong_one, right_one = (first, second) if which == "fixed" else (second, first)
    rows = np.flatnonzero(~right[wrong_one] & right[right_one])
    sure = aligned.probabilities.max(axis=2)
    order = rows[np.argsort(-sure[wrong_one, rows], kind="stable")]
    return [
        Changed(
            int(aligned.rows[at]),
            str(aligned.ids[at]),
            str(aligned.texts[at]),
            names[aligned.gold[at]],
            names[said[first, at]],
            float(sure[first, at]),
            names[said[second, at]],
            float(sure[second, at]),
        )
        for at in order
    ]


def limited(one: Predictions, names: tuple[str, ...]) -> Predictions:
    """`one` with these labels only, rows of other labels left out and probabilities among these made to sum to 1."""
    code: Any = {old: names.index(name) for old, name in enumerate(one.label_names) if name in names}
    kept = one.take(np.array([int(gold) in code for gold in one.gold], dtype=bool))
    gold = np.array([code[int(old)] for old in kept.gold], dtype=np.int64)
    values = among(kept.probabilities, one.label_names, names)
    return Predictions(names, kept.ids, kept.rows, kept.parts, kept.texts, gold, values)


def among(probabilities: Floats, known: tuple[str, ...], names: tuple[str, ...]) -> Floats:
    """Probabilities `[rows, known]` of the labels `names` alone, each row summing to 1."""
    chosen = probabilities[:, [known.index(name) for name in names]].astype(np.float64)
    sums = chosen.sum(axis=1, keepdims=True)
    found: Floats = np.divide(chosen, sums, out=np.full_like(chosen, 1 / len(names)), where=sums > 0)
    return found
