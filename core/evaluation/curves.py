"""The learning curves of a run by epoch, as few points as a screen can show: to be laid over those of other runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from core.runs.follow import read_history
from core.runs.run import Run

POINTS = 200
"""Most points of a curve: two for each column of a wide chart."""

Point = tuple[float, float]
"""(epoch, value)."""


@dataclass(frozen=True, slots=True)
class Curves:
    """One run's curves. `loss` and `macro_f1` are on all validation rows, in nats and shares of 1."""

    train_loss: tuple[Point, ...]
    """Means over neighbouring steps; a step whose loss is not a number is left out of them."""
    loss: tuple[Point, ...]
    macro_f1: tuple[Point, ...]


def curves(run: Run) -> Curves:
    """The curves in the log of `run`; empty while nothing is known. Raises `RunError` when its folder is damaged."""
    history = read_history(run)
    full = history.full_evals
    per_epoch = history.plan.steps_per_epoch if history.plan is not None else 0
    points = (
        [(step / per_epoch, loss) for step, loss in zip(history.loss_steps, history.losses, strict=True)]
        if per_epoch
        else []
    )
    return Curves(
        thinned(points),
        tuple((one.epoch, one.scores.loss) for one in full if one.scores.loss is not None),
        tuple((one.epoch, one.scores.macro_f1) for one in full),
    )


def thinned(points: list[Point], most: int = POINTS) -> tuple[Point, ...]:
    """At most `most` points: the means of as many runs of neighbours, at the last one's epoch."""
    size = math.ceil(len(points) / most) or 1
    found = []
    for start in range(0, len(points), size):
        near = [one for one in points[start : start + size] if math.isfinite(one[1])]
        if near:
            found.append((points[min(start + size, len(points)) - 1][0], sum(value for _, value in near) / len(near)))
    return tuple(found)
