"""Whether a model is as often right as it says, and what it can be trusted with when it may say "unsure".

Reliability bins and expected calibration error: Guo et al. 2017, On Calibration of Modern Neural Networks, sec. 2;
bins of equal mass: Nguyen & O'Connor 2015, sec. 3. Brier score: Brier 1950, over all classes, 0 to 2. Temperature
scaling: Guo et al. 2017, sec. 4.2. Coverage against accuracy: El-Yaniv & Wiener 2010, sec. 2 (risk is 1 - accuracy).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints

BINS = 10
COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature: beyond them the answers are 0 and 1, or all alike."""

WISHED = 0.95
"""The accuracy that answered rows should reach, where a person names none."""

FINENESS = 10_000
"""Thresholds are multiples of one part in this: what is printed is what is meant."""

FITTED = 200_000
"""Rows that a temperature is fitted on, at most: of more every second, third, ... Its third digit is sure by then."""

_SMALLEST = 1e-45  # of float32, in which probabilities are saved
_Z = 1.959963984540054

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows whose answers were given with a probability between `low` and `high`; the means are 0 where there are none.

    `confidence`: mean probability of the answer; `right`: share of right answers.
    """

    low: float
    high: float
    rows: int
    confidence: float
    right: float


def reliability(
    confidence: Floats, right: Bools, bins: int = BINS, equal: Literal["width", "mass"] = "width"
) -> list[Bin]:
    """The rows in `bins` bins by confidence: of equal width over 0 to 1, or of equal numbers of rows.

    A bin holds its upper end. Rows of equal confidence stay together, so bins of equal mass may be fewer than asked.
    """
    if equal == "mass":
        if len(confidence) == 0:
            return []
        tops = [-(-len(confidence) * at // bins) - 1 for at in range(1, bins + 1)]
        edges = np.concatenate([[0.0], np.unique(np.sort(confidence)[np.maximum(tops, 0)])])
    else:
        edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    rows = np.bincount(place, minlength=len(edges) - 1)
    sums = [np.bincount(place, weights=values, minlength=len(rows)) for values in (confidence, right)]
    said, hits = (np.divide(one, rows, out=np.zeros(len(rows)), where=rows > 0) for one in sums)
    return [
        Bin(float(edges[at]), float(edges[at + 1]), int(rows[at]), float(said[at]), float(hits[at]))
        for at in range(len(rows))
    ]


def calibration_error(bins: list[Bin]) -> float:
    """Expected calibration error: the mean of |right - confidence| over the bins, weighted by rows; 0 for no rows."""
    rows = sum(one.rows for one in bins)
    return sum(one.rows * abs(one.right - one.confidence) for one in bins) / rows if rows else 0.0


def brier(probabilities: Floats, gold: Ints) -> float:
    """Mean squared distance of the probabilities `[rows, classes]` from the truth, 0 (best) to 2."""
    truth = np.zeros_like(probabilities)
    truth[np.arange(len(gold)), gold] = 1
    return float(np.mean(((probabilities - truth) ** 2).sum(axis=1)))


def negative_log_likelihood(probabilities: Floats, gold: Ints) -> float:
    """Mean cross-entropy in nats of probabilities `[rows, classes]`."""
    return float(-_logs(probabilities)[np.arange(len(gold)), gold].mean())


def with_temperature(probabilities: Floats, temperature: float) -> Floats:
    """The probabilities that the same logits give at this temperature, shape `[rows, classes]`.

    The logarithms of probabilities differ from the logits by a number per row, which softmax does not see.
    """
    return _sharpened(_logs(probabilities), 1 / temperature)


@dataclass(frozen=True, slots=True)
class Temperature:
    """A fitted temperature, and on how many rows. `reason` says why it is 1 or at a bound, where it is."""

    value: float
    rows: int
    reason: str = ""


def fit_temperature(probabilities: Floats, gold: Ints) -> Temperature:
    """The temperature with the least negative log-likelihood on these rows; above 1 the model was too sure.

    In the inverse temperature the loss is convex, so the zero of its slope is bracketed and found by Newton's steps.
    """
    every = -(-len(gold) // FITTED) or 1
    probabilities, gold = probabilities[::every], gold[::every]
    if len(gold) == 0:
        return Temperature(1.0, 0, "there are no rows to fit it on")
    if (probabilities.argmax(axis=1) == gold).all():
        return Temperature(1.0, len(gold), "without a mistake nothing says how sure is too sure")
    logs = _logs(probabilities)
    low, high = 1 / HOTTEST, 1 / COLDEST
    if _slope(logs, gold, low)[0] >= 0:
        return Temperature(HOTTEST, len(gold), "the highest that is tried: its probabilities tell nothing here")
    if _slope(logs, gold, high)[0] <= 0:
        return Temperature(COLDEST, len(gold), "the lowest that is tried")
    inverse = 1.0
    for _ in range(100):
        slope, bend = _slope(logs, gold, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        last, inverse = inverse, inverse - slope / bend if bend > 0 else low
        if not low < inverse < high:
            inverse = (low + high) / 2
        if abs(inverse - last) < 1e-10:
            break
    return Temperature(1 / inverse, len(gold))


def _logs(probabilities: Floats) -> Floats:
    found: Floats = np.log(np.maximum(probabilities, _SMALLEST))
    return found


def _sharpened(logs: Floats, inverse: float) -> Floats:
    scaled = logs * inverse
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def _slope(logs: Floats, gold: Ints, inverse: float) -> tuple[float, float]:
    """First and second derivative of the negative log-likelihood in the inverse temperature."""
    shares = _sharpened(logs, inverse)
    mean = (shares * logs).sum(axis=1)
    spread = (shares * logs**2).sum(axis=1) - mean**2
    return float((mean - logs[np.arange(len(gold)), gold]).mean()), float(spread.mean())


@dataclass(frozen=True, slots=True)
class Tradeoff:
    """What is left when answers below `threshold` are held back: `rows` answered, their share, and how many are right.

    `low`, `high`: 95 % interval of the accuracy (Wilson 1927). Without answered rows the accuracy is none.
    """

    threshold: float
    rows: int
    coverage: float
    accuracy: float | None
    low: float
    high: float


def tradeoff(confidence: Floats, right: Bools, threshold: float) -> Tradeoff:
    """Coverage and accuracy when only answers with at least this probability are given."""
    answered = confidence >= threshold
    rows, hits = int(answered.sum()), int(right[answered].sum())
    low, high = wilson(hits, rows)
    coverage = rows / len(confidence) if len(confidence) else 0.0
    return Tradeoff(float(threshold), rows, coverage, hits / rows if rows else None, low, high)


def lowest_threshold(confidence: Floats, right: Bools, wished: float) -> float | None:
    """The threshold at which the answered rows reach the accuracy `wished` and are as many as can be.

    A multiple of 1 / `FINENESS` at the least confident row that is still answered, or next to it; none when no
    threshold reaches it. It was picked on these rows, which flatters a bit.
    """
    if len(confidence) == 0:
        return None
    order = np.argsort(-confidence, kind="stable")
    sure, hits = confidence[order], np.cumsum(right[order])
    steps = np.unique(np.concatenate([[0], np.floor(sure * FINENESS), np.ceil(sure * FINENESS)])) / FINENESS
    rows = np.searchsorted(-sure, -steps, side="right")  # answered at each threshold
    steps, rows = steps[rows > 0], rows[rows > 0]
    reached = np.flatnonzero(hits[rows - 1] / rows >= wished)
    return float(steps[reached[0]]) if len(reached) else None


def wilson(hits: int, rows: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927, score interval without continuity correction); all for no rows."""
    if rows == 0:
        return 0.0, 1.0
    share, square = hits / rows, _Z**2
    middle = share + square / (2 * rows)
    reach = _Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    scale = 1 + square / rows
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)
