"""Whether a difference is more than chance: paired bootstrap, McNemar's test, Holm's correction, groups over seeds.

Every function is pure numpy on codes and counts, and gives the same answer to the same question: draws are seeded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.evaluation.intervals import LEVEL, Interval
from core.evaluation.metrics import Floats, Ints

DRAWS = 10_000
"""Resamples behind an interval, where there are not too many different rows."""

LEAST_DRAWS = 2_000
MEASURES = ("macro_f1", "accuracy", "weighted_f1")
FEWEST_SEEDS = 3
"""Below it the scatter between seeds is itself not known well enough to say anything of a setting."""

PAIRED_FROM = 5
"""Seeds from which on it pays to compare the same seeds in pairs: below it, that costs more certainty than it gives."""

_BINOMIALS = 20_000_000
"""Most counts that are drawn: two or three seconds. Beyond it there are fewer resamples."""

_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True)
class McNemar:
    """`broken`: rows that only the first model has right; `fixed`: only the second. `p`: mid-p; `exact`: binomial."""

    fixed: int
    broken: int
    p: float
    exact: float


@dataclass(frozen=True, slots=True)
class SeedTest:
    """A t-test over the members' scores: `kind` is `paired` or `Welch`. Two-sided."""

    kind: str
    t: float
    degrees: float
    p: float


def draw_scores(gold: Ints, said: Ints, classes: int, *, draws: int = 0, seed: int = 0) -> dict[str, Floats]:
    """The scores of several models on resampled rows, every draw taking the same rows for all: `[draws, models]` each.

    `gold`: codes `[rows]`; `said`: codes `[models, rows]`. Resampling in pairs as in Koehn 2004, "Statistical
    significance tests for machine translation evaluation". Rows on which gold and all answers agree are one cell, and a
    resample is one multinomial draw of the cells' counts: the same distribution as of rows drawn with replacement, at
    the cost of the cells. `draws` 0: `DRAWS`, fewer where cells are very many.
    """
    cells, counts = np.unique(np.vstack([gold[None], said]), axis=1, return_counts=True)
    draws = draws or int(np.clip(_BINOMIALS // len(counts), LEAST_DRAWS, DRAWS))
    chance, rows = np.random.default_rng(seed), int(counts.sum())
    chunk = max(_CHUNK // len(counts), 1)
    parts = [
        _weighted(chance.multinomial(rows, counts / rows, size=min(chunk, draws - start)), cells, classes)
        for start in range(0, draws, chunk)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in MEASURES}


def scores_of(gold: Ints, said: Ints, classes: int) -> dict[str, Floats]:
    """The scores of several models on the rows as they are: `[models]` each. Shapes as in `draw_scores`."""
    cells, counts = np.unique(np.vstack([gold[None], said]), axis=1, return_counts=True)
    return {name: found[0] for name, found in _weighted(counts[None], cells, classes).items()}


def _weighted(counts: Ints, cells: Ints, classes: int) -> dict[str, Floats]:
    """Scores under cell counts `[draws, cells]` of answers `cells` (gold first, then each model): `[draws, models]`.

    A class with neither gold nor answers is left out of the macro mean, as `core.evaluation.metrics` does.
    """
    weights = counts.astype(np.float64)
    gold, codes = cells[0], np.arange(classes)
    truth = (gold[:, None] == codes).astype(np.float64)
    support, rows = weights @ truth, weights.sum(axis=1)
    found: dict[str, list[Floats]] = {name: [] for name in MEASURES}
    for said in cells[1:]:
        hits = weights @ (truth * (said == gold)[:, None])
        bottom = support + weights @ (said[:, None] == codes).astype(np.float64)
        f1 = np.divide(2 * hits, bottom, out=np.zeros_like(hits), where=bottom > 0)
        found["macro_f1"].append(f1.sum(axis=1) / (bottom > 0).sum(axis=1))
        found["accuracy"].append(hits.sum(axis=1) / rows)
        found["weighted_f1"].append((f1 * support).sum(axis=1) / rows)
    return {name: np.stack(columns, axis=1) for name, columns in found.items()}


def interval_of(value: float, draws: Floats) -> Interval:
    """The 95 % percentile interval around `value` (Efron & Tibshirani 1993, chapter 13)."""
    low, high = np.percentile(draws, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(value, float(low), float(high))


def bootstrap_p(draws: Floats) -> float:
    """How far out 0 lies among the draws of a difference, two-sided: the level at which the interval just meets it.

    Efron & Tibshirani 1993, section 15.4; with the 1 that keeps it above 0 (Davison & Hinkley 1997, section 4.2).
    """
    side = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    return min(2 * (int(side) + 1) / (len(draws) + 1), 1.0)


def mcnemar(gold: Ints, first: Ints, second: Ints) -> McNemar:
    """McNemar's test of who is right more often (McNemar 1947), from the rows that only one of the two has right.

    Under "equally often" each such row is a fair coin. `exact` is the two-sided binomial test; it is too careful with
    few rows (its true level is about half of what it says). `p` is the mid-p version, which counts half of the observed
    outcome's probability: Fagerland, Lydersen & Laake 2013 ("The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional") found it near its level from the smallest counts on, so one formula
    serves all of them, and it is the one that verdicts rest on.
    """
    right, also = first == gold, second == gold
    broken, fixed = int(np.count_nonzero(right & ~also)), int(np.count_nonzero(~right & also))
    rows, less = broken + fixed, min(broken, fixed)
    if rows == 0:
        return McNemar(fixed, broken, 1.0, 1.0)
    tries = np.arange(1, less + 1)
    steps = np.concatenate([[0.0], np.cumsum(np.log((rows - tries + 1) / tries))])  # of log C(rows, i)
    chances = np.exp(steps - rows * math.log(2))
    here = float(chances[-1])
    if broken == fixed:
        return McNemar(fixed, broken, 1 - here / 2, 1.0)
    exact = min(2 * float(chances.sum()), 1.0)
    return McNemar(fixed, broken, exact - here, exact)


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for being several, in their order (Holm 1979, "A simple sequentially rejective procedure")."""
    found, highest = [0.0] * len(values), 0.0
    for place, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min((len(values) - place) * values[at], 1.0))
        found[at] = highest
    return found


def group_draws(
    drawn: Floats, scores: Floats, first: Sequence[int], second: Sequence[int], *, paired: bool, seed: int = 0
) -> Floats:
    """Draws of the second group's mean score less the first's, rows and seeds both drawn: `[draws]`.

    `drawn`: one measure of `draw_scores`, `[draws, models]`, whose rows are drawn already; `scores`: that measure on
    the rows as they are, `[models]`; `first` and `second`: which columns. `paired`: these stand for the same seeds in
    one order, which are then drawn together.

    Rows move the mean over all seeds, and drawn seeds move it by what their scores on the rows as they are differ from
    that mean. The scatter of a mean of k seeds drawn from k is too small by (k - 1) / k (Efron & Tibshirani 1993,
    chapter 5), and so few seeds tell it badly, which is what Student's t is for: what drawing the seeds adds is widened
    for both, with the degrees of freedom of `seed_test`. With 3 seeds that scatter much, draws without that call a
    difference of nothing a difference in 11 of 100 comparisons.
    """
    one, two = list(first), list(second)
    chance, wider = np.random.default_rng([seed, 1]), _widened(_error(scores[one], scores[two], paired=paired)[1])
    moved: Floats = drawn[:, two].mean(axis=1) - drawn[:, one].mean(axis=1)
    if paired:
        return moved + wider * _seeds_drawn(scores[two] - scores[one], len(drawn), chance)
    sides = [_seeds_drawn(scores[side], len(drawn), chance) for side in (two, one)]
    return moved + wider * (sides[0] - sides[1])


def _seeds_drawn(scores: Floats, draws: int, chance: np.random.Generator) -> Floats:
    """By how much the means of drawn seeds differ from the mean of all, with the scatter that they should have."""
    count = len(scores)
    drawn = scores[chance.integers(count, size=(draws, count))].mean(axis=1)
    found: Floats = (drawn - scores.mean()) * math.sqrt(count / max(count - 1, 1))
    return found


def _widened(degrees: float) -> float:
    """How much wider the 95 % interval of Student's t is than the normal one; 1 where there is no scatter at all."""
    from scipy.special import ndtri, stdtrit  # type: ignore[import-untyped]

    return float(stdtrit(degrees, 0.5 + LEVEL / 2) / ndtri(0.5 + LEVEL / 2)) if degrees > 0 else 1.0


def _error(first: Floats, second: Floats, *, paired: bool) -> tuple[float, float]:
    """(variance of the difference of the means, its degrees of freedom; 0 where there is no scatter).

    Paired: of the differences. Else each side by itself (Welch 1947, Satterthwaite's degrees of freedom).
    """
    sides = [second - first] if paired else [first, second]
    parts = [float(side.var(ddof=1) / len(side)) if len(side) > 1 else 0.0 for side in sides]
    error = sum(parts)
    if error <= 1e-24:  # equal up to rounding
        return 0.0, 0.0
    below = sum(part**2 / max(len(side) - 1, 1) for part, side in zip(parts, sides, strict=True))
    return error, error**2 / below


def seed_test(first: Sequence[float] | Floats, second: Sequence[float] | Floats, *, paired: bool) -> SeedTest | None:
    """Welch's t-test over the members' scores (Welch 1947); `paired`: Student's, for the same seeds in one order.

    It asks whether other seeds would show the same on these very rows. None where that cannot be asked: fewer than
    `FEWEST_SEEDS` on a side, or no scatter at all.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    error, degrees = _error(one, two, paired=paired)
    if min(len(one), len(two)) < FEWEST_SEEDS or degrees == 0:
        return None
    from scipy.special import stdtr

    t = float(two.mean() - one.mean()) / math.sqrt(error)
    return SeedTest("paired" if paired else "Welch", t, degrees, float(2 * stdtr(degrees, -abs(t))))
