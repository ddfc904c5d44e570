"""The two halves of a step: part A adds the gradient of a micro-batch, part B clips and updates.

Between them lies one flat buffer: micro-batches of an accumulated step add to it, several ranks would sum it, and a
recording holds either half or both. Neither half waits for the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from core.config import TrainingConfig
from core.modelling.fast import OwnForward
from core.modelling.noise import Noise
from core.modelling.weights import FlatWeights
from core.training.device import Device


@dataclass(frozen=True, slots=True, eq=False)
class Fed:
    """A micro-batch as the forward pass reads it: ids, or hidden states `[rows * length, hidden]` of frozen layers."""

    count: int
    read: torch.Tensor
    mask: torch.Tensor | None  # [rows, length]
    cached: int = 0
    """How many of the lowest layers have been run already."""


class Halves:
    """Forward pass, gradient and update over what lies on the device."""

    def __init__(
        self,
        model: Any,
        own: OwnForward | None,
        frozen: int,
        device: Device,
        weights: FlatWeights,
        optimiser: torch.optim.AdamW,
        config: TrainingConfig,
    ) -> None:
        """`own`: our forward pass, where it is used; `frozen`: how many of its lowest layers are not trained."""
        self._model, self._own = model, own
        self.train_above(frozen, embeddings=frozen == 0)
        self._device, self._weights, self._optimiser, self._config = device, weights, optimiser, config
        self.class_weights: torch.Tensor | None = None
        self._sums = torch.zeros(2, device=device.device)
        self.figures = torch.zeros(3, device=device.device)
        """Of the last step: loss of the whole batch, right answers, norm of the gradient before clipping."""

    def train_above(self, frozen: int, *, embeddings: bool) -> None:
        """Train all but the `frozen` lowest layers from here on, and below them the embeddings where they are to be."""
        self._frozen, self._embeddings = frozen, embeddings

    def noise(self, number: int, part: int) -> Noise:
        """What drops out in micro-batch `part` of step `number`."""
        return Noise(self._config.seed, number, part, self._device.device, self._weights.working.dtype)

    def seed(self, number: int, part: int) -> None:
        """Let torch's generator draw for this micro-batch.

        The head's own dropout draws from it, all of it in a foreign forward pass or off the CPU, and what is replayed.
        """
        mixed = np.random.SeedSequence([self._config.seed, number, part]).generate_state(1, np.uint64)[0]
        if self._device.device.type == "cpu":  # `torch.manual_seed` looks for other devices, .3 ms each time
            torch.default_generator.manual_seed(int(mixed >> np.uint64(1)))
        else:
            torch.manual_seed(int(mixed >> np.uint64(1)))

    def logits(self, fed: Fed, noise: Noise | None) -> torch.Tensor:
        """Logits `[rows, classes]` in float32; with dropout when there is `noise`."""
        if self._own is None:
            with self._device.autocast():
                logits: torch.Tensor = self._model(input_ids=fed.read, attention_mask=fed.mask).logits
            return logits.float()
        if fed.cached:
            return self._own.logits_from(fed.read, fed.count, fed.mask, noise, fed.cached, self._frozen)
        return self._own.logits(fed.read, fed.mask, noise, self._frozen, embeddings=self._embeddings)

    def gradient(self, fed: Fed, gold: torch.Tensor, total: float | torch.Tensor, noise: Noise, *, first: bool) -> None:
        """Part A: add the gradient of one micro-batch, its share of the loss, and its right answers.

        `total` is the weight of the whole batch, over which the loss is a mean; `first` begins a new sum.
        """
        if first:
            self._weights.active_grad.zero_()
            self._sums.zero_()
        logits = self.logits(fed, noise)
        smoothing = self._config.label_smoothing
        summed = functional.cross_entropy(logits, gold, self.class_weights, label_smoothing=smoothing, reduction="sum")
        loss = summed / total
        loss.backward()  # type: ignore[no-untyped-call]
        right = (logits.detach().argmax(dim=1) == gold).sum()
        self._sums.add_(torch.stack([loss.detach(), right.float()]))

    def update(self) -> None:
        """Part B: clip what the buffer holds, update the weights with it, and note the step's figures."""
        grad = self._weights.active_grad
        norm: torch.Tensor = torch.linalg.vector_norm(grad)
        if limit := self._config.max_grad_norm:
            grad.mul_((limit / (norm + 1e-6)).clamp(max=1.0))
        torch.cat([self._sums, norm[None]], out=self.figures)
        self._optimiser.step()
        self._weights.refresh()
