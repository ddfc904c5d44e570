"""When validation rows are scored during training, and by which figure an epoch is better than another."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from core.modelling.encoding import Ints
from core.training.events import Scores

SAMPLE = 512
LEAST = 64
"""Bounds on the rows of the stratified sample that is scored between full validations."""

PART = 0.03
"""Rows of the sample to one row trained on: `POINTS` such samples cost a tenth of training, at a third a row."""

POINTS = 10
"""Validations a run has at least, so that its chart has a shape."""

SHARE = 0.05
"""Share of the time that sampled validations may take beyond those `POINTS`."""


@dataclass(slots=True)
class Sampling:
    """Decides when the sample is scored between full validations."""

    steps: int
    epochs: int
    cost: float = 0.0
    """Seconds that one sample is expected to take."""
    spent: float = 0.0
    last: int = 0
    """Step of the last validation of either kind."""

    def plain(self) -> dict[str, float]:
        """What was spent, for JSON."""
        return {"cost": self.cost, "spent": self.spent, "last": self.last}

    def restore(self, plain: dict[str, float]) -> None:
        """Go on from what `plain` gave."""
        self.cost, self.spent, self.last = plain["cost"], plain["spent"], int(plain["last"])

    def is_due(self, step: int, train_seconds: float) -> bool:
        """Often enough for `POINTS` dots, more often while it costs at most `SHARE` of the time."""
        evenly = self.steps / max(POINTS - 1, 1) if self.epochs < POINTS - 1 else math.inf
        if step // evenly > self.last // evenly:
            return True
        affordable = self.spent + self.cost <= SHARE * train_seconds
        return affordable and step - self.last >= max(self.steps // 50, 1)


def sample_size(trained_rows: int) -> int:
    """Rows of the sample for a run that trains on this many rows over all its epochs."""
    return min(max(round(PART * trained_rows), LEAST), SAMPLE)


def metric_value(scores: Scores, metric: str) -> float:
    """The chosen metric so that more is better: a loss is negated."""
    if metric == "loss":
        return -(scores.loss if scores.loss is not None else math.inf)
    return float(getattr(scores, metric))


def stratified_sample(labels: Ints, rows: Ints, size: int, seed: int) -> Ints:
    """At most about `size` of `rows`, each class in its share but with at least one row."""
    if len(rows) <= size:
        return rows
    draw = np.random.default_rng(seed)
    chosen = []
    for code in np.unique(labels[rows]):
        mine = rows[labels[rows] == code]
        chosen.append(draw.choice(mine, max(round(size * len(mine) / len(rows)), 1), replace=False))
    return np.sort(np.concatenate(chosen))
