"""How far a score may be off: bootstrap percentile intervals of accuracy, macro F1 and weighted F1.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13 (percentile interval) and ch. 8.3 (two samples).
These figures depend on the rows only through the confusion matrix, and `rows` rows drawn with replacement fill its
cells as one multinomial draw does. So cells are drawn and not rows: the same distribution, a thousand times cheaper.

A class of few rows is missing from some samples, and macro F1 is then the mean over the others, as for any rows: where
such a class does badly the interval leans upwards.

What they hold: this model on other rows of this kind. They say nothing about another seed of the same training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints, confusion_matrix, score

LEVEL = 0.95
DRAWS = 2000
FIGURES = ("accuracy", "macro_f1", "weighted_f1")

DEAR = 25
"""What a cell costs beside a row: with many classes and few rows in a cell, rows are drawn after all."""

_NUMBERS = 1 << 22
"""Counts held at a time: many draws over many cells need no more memory than these."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its interval, all in the figure's own unit."""

    value: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float]:
        """For the line protocol and `--json`."""
        return {"value": self.value, "low": self.low, "high": self.high}


def intervals(
    gold: Ints, said: Ints, classes: int, *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL
) -> dict[str, Interval]:
    """An interval for each of `FIGURES`. `gold` and `said`: codes, shape `[rows]`.

    The same rows and seed give the same interval. Raises `ValueError` on no rows.
    """
    found = score(gold, said, classes)
    drawn = drawn_scores(gold, said, classes, draws, np.random.default_rng(seed))
    return {name: _interval(getattr(found, name), drawn[:, at], level) for at, name in enumerate(FIGURES)}


def beside_the_rest(
    gold: Ints, said: Ints, here: NDArray[np.bool_], classes: int, *, draws: int = DRAWS, seed: int = 0
) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Intervals of the rows `here` (a mask), and of how much better these are scored than all others.

    Two samples, each drawn by itself (ch. 8.3). Raises `ValueError` when either side has no rows.
    """
    chance = np.random.default_rng(seed)
    one, other = score(gold[here], said[here], classes), score(gold[~here], said[~here], classes)
    mine = drawn_scores(gold[here], said[here], classes, draws, chance)
    off = mine - drawn_scores(gold[~here], said[~here], classes, draws, chance)
    scores = {name: _interval(getattr(one, name), mine[:, at], LEVEL) for at, name in enumerate(FIGURES)}
    values = [getattr(one, name) - getattr(other, name) for name in FIGURES]
    return scores, {name: _interval(values[at], off[:, at], LEVEL) for at, name in enumerate(FIGURES)}


def drawn_scores(gold: Ints, said: Ints, classes: int, draws: int, chance: np.random.Generator) -> Floats:
    """The figures of `draws` bootstrap samples, shape `[draws, 3]`, in the order of `FIGURES`."""
    cells = confusion_matrix(gold, said, classes).ravel()
    held = np.flatnonzero(cells)
    golds, saids = np.divmod(held, classes)
    block = max(_NUMBERS // (len(held) if len(held) * DEAR < len(gold) else len(gold)), 1)
    found = []
    for start in range(0, draws, block):
        counts = _drawn_cells(chance, cells[held], min(block, draws - start))
        found.append(scores_of_cells(counts, golds, saids))
    return np.concatenate(found)


def _drawn_cells(chance: np.random.Generator, cells: Ints, draws: int) -> Ints:
    """`draws` samples of the rows that fill these cells, counted again by cell, shape `[draws, cells]`."""
    rows, width = int(cells.sum()), len(cells)
    if width * DEAR < rows:
        return chance.multinomial(rows, cells / rows, size=draws)
    cell_of = np.repeat(np.arange(width), cells)
    drawn = cell_of[chance.integers(rows, size=(draws, rows))] + np.arange(draws)[:, None] * width
    return np.bincount(drawn.ravel(), minlength=draws * width).reshape(draws, width)


def scores_of_cells(counts: Ints, golds: Ints, saids: Ints) -> Floats:
    """Accuracy, macro F1 and weighted F1 of many confusion matrices at once, shape `[draws, 3]`.

    `counts`: shape `[draws, cells]`, each row with at least one; `golds`, `saids`: the classes of each cell, `[cells]`.
    As in `core.evaluation.metrics`, the macro mean is over the classes that occur in gold or in the answers of a draw.
    """
    known, codes = np.unique(np.concatenate([golds, saids]), return_inverse=True)
    golds, saids = codes[: len(golds)], codes[len(golds) :]
    right = golds == saids
    hits = _by_class(counts[:, right], golds[right], len(known))
    support, answers = _by_class(counts, golds, len(known)), _by_class(counts, saids, len(known))
    both = support + answers
    f1 = np.divide(2 * hits, both, out=np.zeros(both.shape), where=both > 0)
    rows = support.sum(axis=1)
    macro = f1.sum(axis=1) / (both > 0).sum(axis=1)
    return np.stack([hits.sum(axis=1) / rows, macro, (f1 * support).sum(axis=1) / rows], axis=1)


def _by_class(counts: Ints, codes: Ints, classes: int) -> Ints:
    """The columns of `counts` summed by their class, shape `[draws, classes]`."""
    found = np.zeros((len(counts), classes), dtype=np.int64)
    if len(codes):
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        found[:, codes[order][starts]] = np.add.reduceat(counts[:, order], starts, axis=1)
    return found


def _interval(value: float, drawn: Floats, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
