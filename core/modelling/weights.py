"""All weights of a model in one buffer, their gradients in another: what makes a step few large operations.

The modules of the model keep their parameters, but these are views into the buffers from then on. The order is that of
the optimiser's groups, frozen weights last, so that a group is one slice, and query, key and value of a layer lie
together and can be multiplied as one matrix.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from torch import nn

ALIGNED = 16
"""Every weight starts at a multiple of this many numbers: a cache line of float32."""


@dataclass(frozen=True, slots=True)
class Group:
    """Weights that the optimiser treats alike. `rate_scale` multiplies the learning rate."""

    parameters: tuple[nn.Parameter, ...]
    weight_decay: float
    rate_scale: float = 1.0
    joins: int = 0
    """The epoch (0-based) in which they begin to train; groups lie in the order of it."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One weight, or several that lie together: what products read, the float32 original, and where gradients go."""

    working: torch.Tensor
    master: torch.Tensor
    grad: torch.Tensor | None
    """None for a frozen weight."""


class FlatWeights:
    """The buffers. `master` and `grad` are float32; `working` is what matrix products read, in their number format."""

    def __init__(self, model: nn.Module, groups: Sequence[Group], working: torch.dtype) -> None:
        """Move the weights of `model`, on the device where they are, into buffers laid out by `groups`."""
        trained = [weight for group in groups for weight in group.parameters]
        known = {id(weight) for weight in trained}
        frozen = [weight for weight in model.parameters() if id(weight) not in known]
        frozen.sort(key=lambda weight: weight.ndim < 2)  # matrices together, and vectors, as in the groups
        self._starts: dict[int, int] = {}
        self.slices: list[slice] = []
        size = 0
        for group in groups:
            first = size
            size = self._place(group.parameters, size)
            self.slices.append(slice(first, size))
        self.trained = self.active = size
        """How many numbers at the front ever train, and how many of these do now."""
        size = self._place(frozen, size)
        device = next(model.parameters()).device
        self.master = torch.zeros(size, device=device)
        self.grad = torch.zeros(self.trained, device=device)
        for weight in (*trained, *frozen):
            place = self._slice(weight)
            self.master[place] = weight.detach().reshape(-1)
            weight.data = self.master[place].view(weight.shape)
            if id(weight) in known:
                weight.grad = self.grad[place].view(weight.shape)
        self.working = self.master if working == torch.float32 else self.master.to(working)

    def in_float32(self) -> FlatWeights:
        """The same buffers, with products reading the float32 originals."""
        other = copy(self)
        other.working = self.master
        return other

    def _place(self, weights: Sequence[nn.Parameter], size: int) -> int:
        for weight in weights:
            self._starts[id(weight)] = size
            size += -(-weight.numel() // ALIGNED) * ALIGNED
        return size

    def _slice(self, weight: nn.Parameter) -> slice:
        start = self._starts[id(weight)]
        return slice(start, start + weight.numel())

    @property
    def active_grad(self) -> torch.Tensor:
        """The gradients of what trains now."""
        return self.grad[: self.active]

    def refresh(self) -> None:
        """Bring the working copy up to date: after every change in `master` of what trains now."""
        if self.working is not self.master:
            self.working[: self.active].copy_(self.master[: self.active])

    def refresh_all(self) -> None:
        """The same with all other weights: after `master` was loaded anew."""
        if self.working is not self.master:
            self.working.copy_(self.master)

    def view(self, *weights: nn.Parameter) -> View:
        """The weights as one tensor, joined along their first dimension.

        Raises `ValueError` when they do not lie together, or only some of them are trained.
        """
        first, place = self._slice(weights[0]), self._slice(weights[0])
        for weight in weights[1:]:
            after = self._slice(weight)
            if after.start != place.stop:
                raise ValueError("these weights do not lie together")
            place = slice(place.start, after.stop)
        if first.start < self.trained < place.stop:
            raise ValueError("only some of these weights are trained")
        shape = (sum(len(weight) for weight in weights), *weights[0].shape[1:])
        trained = place.start < self.trained
        return View(
            self.working[place].view(shape),
            self.master[place].view(shape),
            self.grad[place].view(shape) if trained else None,
        )
