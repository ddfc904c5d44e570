"""The statistics of the quality experiment: paired differences of macro F1 and their bootstrap intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints

DRAWS = 10_000
_CHUNK = 500


@dataclass(frozen=True, slots=True, eq=False)
class Paired:
    """Ours less theirs in points of macro F1, on the same rows."""

    difference: float
    draws: Floats
    """The difference of each bootstrap draw over rows, the seeds averaged, shape `[DRAWS]`."""
    both: Floats
    """The same with the seeds drawn too."""
    per_seed: Floats

    def interval(self, *, seeds: bool = False) -> tuple[float, float]:
        """95 % percentile interval (Efron & Tibshirani 1993, chapter 13)."""
        low, high = np.percentile(self.both if seeds else self.draws, [2.5, 97.5])
        return float(low), float(high)


def paired(gold: Ints, ours: Ints, theirs: Ints, classes: int, seed: int) -> Paired:
    """Compare predictions of shape `[seeds, rows]`; each draw takes the same rows for both sides and all seeds.

    `seed` is that of the draws: give each set its own, or the draws of two sets go together.
    """
    draw = np.random.default_rng(seed)
    rows, seeds = len(gold), len(ours)
    whole = np.ones((1, rows))
    per_seed = 100 * (_macro(whole, gold, ours, classes) - _macro(whole, gold, theirs, classes))[0]
    draws, both = [], []
    for _ in range(DRAWS // _CHUNK):
        weights = draw.multinomial(rows, np.full(rows, 1 / rows), size=_CHUNK).astype(np.float64)
        found = 100 * (_macro(weights, gold, ours, classes) - _macro(weights, gold, theirs, classes))
        draws.append(found.mean(axis=1))
        both.append(np.take_along_axis(found, draw.integers(seeds, size=found.shape), axis=1).mean(axis=1))
    return Paired(float(per_seed.mean()), np.concatenate(draws), np.concatenate(both), per_seed)


def mean_of(parts: list[Paired]) -> Paired:
    """The plain mean over sets, whose rows are drawn each for itself; `per_seed` then holds one difference a set."""
    return Paired(
        float(np.mean([part.difference for part in parts])),
        np.mean([part.draws for part in parts], axis=0),
        np.mean([part.both for part in parts], axis=0),
        np.array([part.difference for part in parts]),
    )


def _macro(weights: Floats, gold: Ints, said: Ints, classes: int) -> Floats:
    """Macro F1 under row weights `[draws, rows]` for predictions `[seeds, rows]`: shape `[draws, seeds]`.

    A class with neither gold nor predicted weight is left out of the mean, as `core.evaluation.metrics` does.
    """
    codes = np.arange(classes)
    truth: NDArray[np.bool_] = gold[:, None] == codes  # [rows, classes]
    support = weights @ truth
    found = []
    for mine in said:
        claim = mine[:, None] == codes
        hits, bottom = weights @ (truth & claim), support + weights @ claim
        f1 = np.divide(2 * hits, bottom, out=np.full_like(hits, np.nan), where=bottom > 0)
        found.append(np.nanmean(f1, axis=1))
    return np.stack(found, axis=1)
