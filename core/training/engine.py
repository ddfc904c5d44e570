"""A model laid out for speed, and the step that trains it: part A adds a gradient, part B clips and updates.

Between the halves lies one flat buffer: micro-batches of an accumulated step add to it, several ranks would sum it, and
a recorded graph holds either half. Which forward pass is used is decided once, with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.config import TrainingConfig
from core.errors import ModelError
from core.modelling.build import frozen_depth
from core.modelling.cache import ActivationCache
from core.modelling.compact import Compaction, compact
from core.modelling.encoding import Batch, Encoded, Ints, collate, eval_plan
from core.modelling.fast import OwnForward, own_forward
from core.modelling.noise import Noise
from core.modelling.plan import Techniques
from core.modelling.weights import FlatWeights
from core.text import safe
from core.training.device import Device
from core.training.optimiser import build_optimiser, parameter_groups


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """What a step left behind, still on the device: loss of the whole batch, gradient norm, right answers."""

    loss: torch.Tensor
    norm: torch.Tensor
    hits: torch.Tensor
    sequences: int
    tokens: int


class Engine:
    """`model` with its weights laid out flat, its optimiser, and the forward pass that suits it.

    The model belongs to the engine from here on: its word table may hold only the rows that `encoded` uses, and
    `state` is the way to its weights.
    """

    def __init__(
        self, model: Any, device: Device, config: TrainingConfig, encoded: Encoded, pad: int, techniques: Techniques
    ) -> None:
        self.model, self.device, self.config = model, device, config
        self.encoded, self.pad = encoded, pad
        self._compaction: Compaction | None = None
        if techniques.compact_vocabulary and (found := compact(model, encoded, pad)) is not None:
            self.encoded, self.pad, self._compaction = found
        model.to(device.device)
        groups = parameter_groups(model, config)
        own = techniques.own_forward
        low = own and device.precision == "bf16"
        self.weights = FlatWeights(model, groups, torch.bfloat16 if low else torch.float32)
        self.own: OwnForward | None = None
        self.reason = "our own forward pass is switched off"
        if own:
            self.own, self.reason = own_forward(model, self.weights, first_token_only=techniques.first_token_only)
        if self.own is None:  # autocast makes copies of its own
            self.weights = self.weights.in_float32()
        self.optimiser = build_optimiser(self.weights, groups, config)
        self.frozen = frozen_depth(model)
        self.cache: ActivationCache | None = None
        self._may_cache = techniques.activation_cache

    def keep_frozen(self, rows: Ints) -> None:
        """Compute once what the frozen layers give for `rows`, where there are any and memory allows."""
        if self.own is not None and self.frozen and self._may_cache:
            self.cache = ActivationCache.fill(self.own, self.encoded, rows, self.frozen, self.pad, self.device.device)

    def step(
        self, labels: Ints, parts: Sequence[Ints], class_weights: torch.Tensor | None, number: int, rate: float
    ) -> Stepped:
        """Optimiser step `number` at learning rate `rate` over the micro-batches `parts` (row numbers).

        The loss is the sum over the whole batch, divided by its number of rows or their weight.
        """
        self._train_mode()
        self.weights.grad.zero_()
        where = self.device.device
        gold = [torch.from_numpy(labels[rows]).to(where) for rows in parts]
        total: Any = sum(len(rows) for rows in parts)
        if class_weights is not None:
            total = torch.stack([class_weights[codes].sum() for codes in gold]).sum()
        loss_sum, hits = torch.zeros((), device=where), torch.zeros((), device=where, dtype=torch.long)
        for part, (rows, codes) in enumerate(zip(parts, gold, strict=True)):
            loss, right = self._gradient(rows, codes, class_weights, total, number, part)
            loss_sum += loss
            hits += right
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["rate_scale"]
        lengths = self.encoded.lengths
        tokens = sum(int(lengths[rows].sum()) for rows in parts)
        return Stepped(loss_sum, self._update(), hits, sum(len(rows) for rows in parts), tokens)

    def _gradient(
        self, rows: Ints, codes: torch.Tensor, class_weights: torch.Tensor | None, total: Any, number: int, part: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Part A: add the gradient of one micro-batch; returns its share of the loss, and its right answers."""
        seed = self.config.seed
        # The head's own dropout, and all of it in a foreign forward pass, draws from torch's generator.
        torch.manual_seed(_mixed(seed, number, part))
        noise = Noise(seed, number, part, self.device.device, self.weights.working.dtype)
        logits = self._logits(rows, noise)
        smoothing = self.config.label_smoothing
        loss = functional.cross_entropy(logits, codes, class_weights, label_smoothing=smoothing, reduction="sum")
        loss = loss / total
        loss.backward()
        return loss.detach(), (logits.detach().argmax(dim=1) == codes).sum()

    def _update(self) -> torch.Tensor:
        """Part B: clip what the buffer holds and update the weights with it; returns its norm before clipping."""
        norm: torch.Tensor = torch.linalg.vector_norm(self.weights.grad)
        if limit := self.config.max_grad_norm:
            self.weights.grad.mul_((limit / (norm + 1e-6)).clamp(max=1.0))
        self.optimiser.step()
        self.weights.refresh()
        return norm

    def _logits(self, rows: Ints, noise: Noise | None) -> torch.Tensor:
        """Logits `[rows, classes]` in float32; with dropout when there is `noise`."""
        if self.own is not None and self.cache is not None and self.cache.holds(rows):
            hidden, pad = self.cache.batch(rows)
            return self.own.classify(self.own.run(hidden, len(rows), pad, noise, first=self.frozen))
        batch = collate(self.encoded, rows, self.pad, self.device.device)
        if self.own is not None:
            return self.own.logits(batch.ids, batch.mask, noise, frozen=self.frozen)
        return self._foreign(batch)

    def _foreign(self, batch: Batch) -> torch.Tensor:
        with self.device.autocast():
            logits: torch.Tensor = self.model(input_ids=batch.ids, attention_mask=batch.mask).logits
        return logits.float()

    def _train_mode(self) -> None:
        self.model.train()
        if self.frozen:  # what is not trained is not disturbed by dropout either
            for module in self.model.modules():
                own = list(module.parameters())
                if own and not any(weight.requires_grad for weight in own):
                    module.eval()

    def predict(self, rows: Ints) -> NDArray[np.float32]:
        """Logits of `rows`, in their order, shape `[rows, classes]`."""
        self.model.eval()
        parts, order = [], []
        with torch.inference_mode():
            for batch_rows in eval_plan(self.encoded.lengths, rows):
                parts.append(self._logits(batch_rows, None).cpu())
                order.append(batch_rows)
        logits: NDArray[np.float32] = torch.cat(parts).numpy()
        place = np.empty(int(rows.max()) + 1, dtype=np.int64)
        place[np.concatenate(order)] = np.arange(len(rows))
        return logits[place[rows]]

    def state(self) -> dict[str, torch.Tensor]:
        """The weights under the names that transformers has for them, float32 on the CPU, the word table whole."""
        found = {name: weight.detach().cpu().clone() for name, weight in self.model.state_dict().items()}
        return self._compaction.expand(found, self.model) if self._compaction else found

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Put weights as `state` gives them back. Raises `ModelError` when they are those of another model."""
        try:
            if self._compaction:
                state = self._compaction.shrink(state, self.model)
            missing, unexpected = self.model.load_state_dict(state, strict=False)
        except (KeyError, RuntimeError, IndexError) as unfit:
            raise ModelError("The weights do not fit the model", safe(str(unfit))[:300]) from None
        if set(missing) - set(getattr(self.model, "_tied_weights_keys", None) or ()) or unexpected:
            raise ModelError("The weights do not fit the model", f"missing {missing[:3]}, unexpected {unexpected[:3]}")
        self.weights.refresh_all()


def _mixed(seed: int, step: int, part: int) -> int:
    return int(np.random.SeedSequence([seed, step, part]).generate_state(1, np.uint64)[0] >> np.uint64(1))
