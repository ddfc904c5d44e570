"""Which weights of a model train in which epoch, and how the rest is kept out of a step.

What has not joined yet has no gradient: its layers run without dropout and are not remembered for a backward pass, the
norm of the gradient does not see it, and AdamW neither decays it nor counts a step for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from core.modelling.build import encoder_layers, frozen_depth, joining
from core.modelling.unfreezing import Stage, stage_at
from core.modelling.weights import FlatWeights, Group
from core.training import events as e


class Unfreezing:
    """The stages of `model`, whose layers join within `over` epochs; 0: all weights train at once, there are no stages.

    `trained`: parameters that train in the end, also those that a compact word table has not. Raises `ModelError` when
    the model has no layers that could join one after the other.
    """

    def __init__(self, model: Any, over: int, trained: int) -> None:
        self.over = over
        self.joins = joining(model, over) if over else {}
        """The epoch (0-based) in which a weight joins, by its id(); those of the head are not among them."""
        self.depth = len(encoder_layers(model)) if over else 0
        self._frozen = frozen_depth(model) if over else 0
        self._trained = trained
        self._sizes = [
            (self.joins.get(id(weight), 0), weight.numel()) for weight in model.parameters() if weight.requires_grad
        ]

    def stage(self, epoch: int) -> Stage:
        """What trains in `epoch` (0-based)."""
        return stage_at(epoch, self.over, self.depth - self._frozen, embeddings=self._frozen == 0)

    def parameters(self, epoch: int) -> int:
        """How many parameters train in `epoch`."""
        if self.stage(epoch) == self.stage(self.over):
            return self._trained
        return sum(size for joins, size in self._sizes if joins <= epoch)

    def told(self, epoch: int, steps: int, epochs: int, *, begins: bool) -> Iterator[e.Event]:
        """What is to be said of the stage that starts in `epoch` (0-based), in a run of `epochs` of `steps` steps each.

        `begins`: nothing is trained yet. Then a person hears of what will never train.
        """
        stage, last = self.stage(epoch), self.stage(epochs - 1)
        yield e.LayersJoined(
            epoch * steps, epoch + 1, stage.layers, self.depth, stage.embeddings, self.parameters(epoch)
        )
        if begins and last != self.stage(self.over):
            learns = f"the head and the top {last.layers} of {self.depth} layers" if last.layers else "the head"
            yield e.Warned(
                "Not all layers will train",
                f"They join within {self.over} epochs, and the run has {epochs}: only {learns} will.",
            )


def join(groups: Sequence[Group], weights: FlatWeights, optimiser: torch.optim.AdamW, epoch: int) -> None:
    """Let the groups that have joined by `epoch` (0-based) train, and no others.

    `groups` are in the order of their joining, as they lie in the buffers.
    """
    weights.active = 0
    for group, place, flat in zip(groups, weights.slices, optimiser.param_groups, strict=True):
        has_joined = group.joins <= epoch
        for weight in group.parameters:
            weight.requires_grad_(has_joined)
        (parameter,) = flat["params"]
        parameter.grad = weights.grad[place] if has_joined else None
        if has_joined:
            weights.active = place.stop
