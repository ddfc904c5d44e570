"""Labels that are probably wrong, by confident learning over out-of-sample probabilities.

Northcutt, Jiang, Chuang: "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021): class
thresholds (equation 2), the confident joint and its calibration (equations 1 and 3), pruning by class and by noise rate
and ranking by self-confidence or by normalised margin (section 3.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.evaluation.metrics import Floats, Ints

Mask = NDArray[np.bool_]
Prune = Literal["noise rate", "class", "joint"]
Rank = Literal["relative", "self-confidence", "margin"]

NEVER = 2.0
"""The threshold of a class that no row has: no probability reaches it."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspicion:
    """What confident learning says of every row. All but `thresholds` and `joint` are `[rows]`."""

    thresholds: Floats
    """Mean probability of a class over the rows labelled so, `[classes]`."""
    joint: Floats
    """Estimated number of rows `[given label, true label]`; its row sums are the label counts."""
    self_confidence: Floats
    """Probability of the given label."""
    usual: Floats
    """Threshold of the given label."""
    margin: Floats
    """Normalised margin: that less the probability of the likeliest other class, -1 to 1."""
    suggested: Ints
    """The likeliest class beside the given one."""
    confident: Mask
    """Whether the confident joint counts it as of another class than the given one."""
    by_class: Mask
    """Pruned by class: of each label, as many of least self-confidence as are estimated to be wrong."""
    by_rate: Mask
    """Pruned by noise rate: of each pair of labels, as many of least margin as are estimated."""

    @property
    def wrong(self) -> float:
        """Estimated number of wrong labels."""
        return float(self.joint.sum() - np.trace(self.joint))

    def chosen(self, prune: Prune) -> Mask:
        """The rows that one of the three ways holds for mislabelled."""
        return {"noise rate": self.by_rate, "class": self.by_class, "joint": self.confident}[prune]

    def order(self, rank: Rank = "relative") -> Ints:
        """All rows, the most suspicious first: by `figure`, equals in their order."""
        found: Ints = np.argsort(self.figure(rank), kind="stable").astype(np.int64)
        return found

    def figure(self, rank: Rank = "relative") -> Floats:
        """What rows are ranked by, the least first. `relative`: self-confidence over its mean in the class.

        The paper ranks by self-confidence as it is, or by margin; but of a rare class every row has less of it, and
        rows of a large one that are labelled wrong then stand behind sound ones of a small one.
        """
        if rank == "relative":
            relative: Floats = self.self_confidence / np.maximum(self.usual, 1e-12)
            return relative
        return self.self_confidence if rank == "self-confidence" else self.margin


def thresholds(probabilities: Floats, given: Ints) -> Floats:
    """Mean self-confidence of each class, `[classes]` (equation 2)."""
    classes = probabilities.shape[1]
    counts = np.bincount(given, minlength=classes)
    sums = np.bincount(given, weights=probabilities[np.arange(len(given)), given], minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), NEVER)


def confident_class(probabilities: Floats, least: Floats) -> Ints:
    """The likeliest of the classes that reach their threshold, `[rows]`; -1 where none does (equation 1)."""
    # A hair's breadth, for a mean of equal numbers need not be one of them in floating point.
    reached = np.where(probabilities >= least - 1e-12, probabilities, -1.0)
    found: Ints = reached.argmax(axis=1).astype(np.int64)
    found[reached.max(axis=1) < 0] = -1
    return found


def confident_joint(likely: Ints, given: Ints, classes: int) -> Floats:
    """Estimated rows `[given label, true label]`: the counts, calibrated so that rows sum to the labels (equation 3).

    A label of which no row is counted stands by itself.
    """
    known = likely >= 0
    counts = np.bincount(given[known] * classes + likely[known], minlength=classes * classes).astype(np.float64)
    counts = counts.reshape(classes, classes)
    labels = np.bincount(given, minlength=classes).astype(np.float64)
    sums = counts.sum(axis=1)
    counts[sums == 0] = np.eye(classes)[sums == 0]
    calibrated: Floats = counts / np.maximum(sums, 1)[:, None] * labels[:, None]
    return calibrated


def suspicion(probabilities: Floats, given: Ints) -> Suspicion:
    """Confident learning for rows with these out-of-sample probabilities `[rows, classes]` and label codes `[rows]`."""
    rows, classes = probabilities.shape
    own = probabilities[np.arange(rows), given]
    others = probabilities.copy()
    others[np.arange(rows), given] = -1.0
    suggested = others.argmax(axis=1).astype(np.int64) if rows else np.zeros(0, dtype=np.int64)
    margin = own - others.max(axis=1, initial=-1.0) if classes > 1 else np.ones(rows)
    least = thresholds(probabilities, given)
    likely = confident_class(probabilities, least)
    joint = confident_joint(likely, given, classes)
    return Suspicion(
        thresholds=least,
        joint=joint,
        self_confidence=own,
        usual=least[given],
        margin=margin,
        suggested=suggested,
        confident=(likely >= 0) & (likely != given),
        by_class=_by_class(own, given, joint),
        by_rate=_by_rate(probabilities, given, joint),
    )


def _by_class(own: Floats, given: Ints, joint: Floats) -> Mask:
    found = np.zeros(len(given), dtype=bool)
    for code in range(len(joint)):
        count = round(float(joint[code].sum() - joint[code, code]))
        mine = np.flatnonzero(given == code)
        found[mine[np.argsort(own[mine], kind="stable")[:count]]] = True
    return found


def _by_rate(probabilities: Floats, given: Ints, joint: Floats) -> Mask:
    found = np.zeros(len(given), dtype=bool)
    for code in range(len(joint)):
        mine = np.flatnonzero(given == code)
        for other in range(len(joint)):
            count = round(float(joint[code, other])) if other != code else 0
            margin = probabilities[mine, other] - probabilities[mine, code]
            found[mine[np.argsort(-margin, kind="stable")[:count]]] = True
    return found
