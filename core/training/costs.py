"""From measured steps to the seconds of a whole run: what a probe found, summed over the real batches of all epochs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.config import TrainingConfig
from core.modelling.encoding import CPU_TOKENS, Ints, batch_plan, eval_plan
from core.training.scoring import Sampling

PLANS = 8
"""Epochs whose batches are laid out; more of them are alike."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class StepCosts:
    """Seconds of a step by its padded positions (rows times longest), as they were measured."""

    positions: Floats
    """Ascending, at least one."""
    seconds: Floats
    """Of a step of one micro-batch, its update included."""
    update: float = 0.0
    """The share of it that is paid once per optimiser step, however many micro-batches it has."""
    novel: float = 0.0
    """Paid once for each shape that was not seen before."""

    def of(self, positions: Floats) -> Floats:
        """Seconds of steps with these positions: on the lines between what was measured, and on beyond its ends."""
        if len(self.positions) == 1:
            alone: Floats = self.seconds[0] * positions / self.positions[0]
            return alone
        found: Floats = np.interp(positions, self.positions, self.seconds)
        low, high = positions < self.positions[0], positions > self.positions[-1]
        found[low] = self._beyond(positions[low], 0, 1)
        found[high] = self._beyond(positions[high], -1, 0)
        return found

    def _beyond(self, positions: Floats, end: int, other: int) -> Floats:
        far, near = self.positions[other], self.positions[end]
        slope = max((self.seconds[other] - self.seconds[end]) / (far - near), 0.0)
        found: Floats = np.maximum(self.seconds[end] + (positions - near) * slope, 0.0)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """The batches of the epochs that were laid out: rows and longest of each, and how many epochs they stand for."""

    rows: tuple[Ints, ...]
    longest: tuple[Ints, ...]
    epochs: int
    shares: tuple[float, ...] = ()
    """What a step of each of the first epochs costs, as a share of one in which everything trains."""


def planned(lengths: Ints, config: TrainingConfig, *, by_length: bool = True) -> Planned:
    """The batches as the loop will make them. `lengths` are those of the training rows."""
    rows, longest = [], []
    for epoch in range(min(config.epochs, PLANS)):
        batches = batch_plan(lengths, config.batch_size, config.seed, epoch, by_length=by_length)
        rows.append(np.array([len(batch) for batch in batches]))
        longest.append(np.array([int(lengths[batch].max()) for batch in batches]))
    return Planned(tuple(rows), tuple(longest), config.epochs)


def step_seconds(plan: Planned, costs: StepCosts, accumulation: int) -> list[Floats]:
    """Seconds of every optimiser step of each epoch; what new shapes cost is spread over the first epoch."""
    found = []
    for epoch in range(plan.epochs):
        at = epoch % len(plan.rows)
        each = costs.of((plan.rows[at] * plan.longest[at]).astype(float))
        firsts = np.arange(0, len(each), accumulation)
        steps = np.add.reduceat(each, firsts)
        parts = np.diff(np.append(firsts, len(each)))
        share = plan.shares[epoch] if epoch < len(plan.shares) else 1.0
        found.append(np.maximum(steps - costs.update * (parts - 1), 0.0) * share)
    shapes = {pair for at in range(len(plan.rows)) for pair in zip(plan.rows[at], plan.longest[at], strict=True)}
    found[0] = found[0] + costs.novel * len(shapes) / len(found[0])
    return found


def sampled_validations(epochs: Sequence[Floats], cost: float) -> int:
    """How many samples are scored between full validations, by the rule that the loop follows."""
    sampling = Sampling(sum(len(one) for one in epochs), len(epochs), cost=cost)
    step, spent, found = 0, 0.0, 0
    for epoch in epochs:
        for index, seconds in enumerate(epoch.tolist()):
            step += 1
            spent += seconds
            if index < len(epoch) - 1 and sampling.is_due(step, spent):
                sampling.last = step
                sampling.spent += cost
                found += 1
        sampling.last = step
    return found


def scored_positions(lengths: Ints, rows: Ints) -> int:
    """Padded positions of scoring these rows."""
    return sum(len(batch) * int(lengths[batch].max()) for batch in eval_plan(lengths, rows, CPU_TOKENS))
