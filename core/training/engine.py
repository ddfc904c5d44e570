"""A model laid out for speed, and the step that trains it: part A adds a gradient, part B clips and updates.

Between the halves lies one flat buffer: micro-batches of an accumulated step add to it, several ranks would sum it, and
a recorded graph holds either half. Which forward pass is used is decided once, with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import TrainingConfig
from core.errors import MemoryFullError, ModelError
from core.modelling.build import count_parameters, frozen_depth
from core.modelling.cache import ActivationCache
from core.modelling.compact import Compaction, compact
from core.modelling.encoding import Encoded, Ints, collate, eval_plan, tokens_at_once
from core.modelling.fast import OwnForward, own_forward
from core.modelling.plan import Techniques
from core.modelling.unfreezing import Stage
from core.modelling.weights import FlatWeights
from core.text import safe
from core.training.device import Device
from core.training.graphs import Graphs, backend_for
from core.training.halves import Fed, Halves
from core.training.memory import free, is_out_of_memory, split, told
from core.training.optimiser import build_optimiser, parameter_groups
from core.training.resident import Resident
from core.training.unfreezing import Unfreezing, join


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """What a step left behind. `figures` are still on the device: reading one makes the host wait for it."""

    figures: torch.Tensor  # [3]: loss of the whole batch, right answers, gradient norm
    sequences: int
    tokens: int

    @property
    def loss(self) -> torch.Tensor:
        """Loss of the whole batch."""
        return self.figures[0]


class Engine:
    """`model` with its weights laid out flat, its optimiser, and the forward pass that suits it.

    The model belongs to the engine from here on: its word table may hold only the rows that `encoded` uses, and
    `state` is the way to its weights. `steps` is how many are planned, where that is known.
    """

    def __init__(
        self,
        model: Any,
        device: Device,
        config: TrainingConfig,
        encoded: Encoded,
        pad: int,
        techniques: Techniques,
        steps: int | None = None,
    ) -> None:
        self.model, self.device, self.config = model, device, config
        self.encoded, self.pad = encoded, pad
        _, trained = count_parameters(model)
        self._compaction: Compaction | None = None
        if techniques.compact_vocabulary and (found := compact(model, encoded, pad)) is not None:
            self.encoded, self.pad, self._compaction = found
        model.to(device.device)
        self.unfreezing = Unfreezing(model, config.gradual_unfreezing, trained)
        self._groups = groups = parameter_groups(model, config, self.unfreezing.joins)
        own = techniques.own_forward
        low = own and device.precision == "bf16"
        self.weights = FlatWeights(model, groups, torch.bfloat16 if low else torch.float32)
        self.own: OwnForward | None = None
        self.reason = "our own forward pass is switched off"
        if own:
            self.own, self.reason = own_forward(model, self.weights, first_token_only=techniques.first_token_only)
            if self.own is not None and self.own.counts_padding(torch.from_numpy(self.encoded.ids)):
                self.own, self.reason = None, "a text holds the padding token: the forward pass of transformers"
        if self.own is None:  # autocast makes copies of its own
            self.weights = self.weights.in_float32()
        self.optimiser = build_optimiser(self.weights, groups, config)
        self.frozen = frozen_depth(model)
        self.cache: ActivationCache | None = None
        self._may_cache = techniques.activation_cache
        self._training = False
        self._stage: Stage | None = None
        self._lengths = self.encoded.lengths
        self._halves = Halves(model, self.own, self.frozen, device, self.weights, self.optimiser, config)
        self._tokens_at_once = tokens_at_once(device.device)
        self.micro_rows = 0
        """Micro-batches have at most this many rows, since memory ran out; 0: as they are handed in."""
        self.news: list[tuple[str, str]] = []
        """Titles and messages of what a person should know; whoever tells them takes them out."""
        self._labels: Ints | None = None
        self._loss_weights: NDArray[np.float64] | None = None
        self._graphs: Graphs | None = None
        self._resident: Resident
        self._prepare_graphs(techniques, steps)

    def _prepare_graphs(self, techniques: Techniques, steps: int | None) -> None:
        where = self.device.device
        backend, how = backend_for(self.device, own=self.own is not None, wanted=techniques.cuda_graphs, steps=steps)
        if where.type != "cpu":
            self.reason += f"; {how}"
        if backend is not None and self.own is not None:
            groups = self.optimiser.param_groups
            self._resident = Resident(self.encoded, self.pad, where, self.own.longest, len(groups))
            self._graphs = Graphs(backend)
            for group, rate in zip(groups, self._resident.rates, strict=True):
                group["lr"] = rate  # a number would be part of the recording

    def keep_frozen(self, rows: Ints) -> None:
        """Compute once what the frozen layers give for `rows`, where there are any and memory allows."""
        if self.own is not None and self.frozen and self._may_cache:
            self.cache = ActivationCache.fill(self.own, self.encoded, rows, self.frozen, self.pad, self.device.device)
            self._labels = None

    def unfreeze(self, epoch: int) -> bool:
        """Train what has joined by `epoch` (0-based), and leave the rest as it is; before the first call all trains.

        Returns whether it is another part of the model than before; never so without gradual unfreezing.
        """
        stage = self.unfreezing.stage(epoch)
        if not self.unfreezing.over or stage == self._stage:
            return False
        self._stage, self._training = stage, False
        join(self._groups, self.weights, self.optimiser, epoch)
        self._halves.train_above(self.unfreezing.depth - stage.layers, embeddings=stage.embeddings)
        if self._graphs is not None:  # what was recorded computes the gradients of another stage
            self._graphs.clear()
        return True

    def step(
        self, labels: Ints, parts: Sequence[Ints], class_weights: torch.Tensor | None, number: int, rate: float
    ) -> Stepped:
        """Optimiser step `number` at learning rate `rate` over the micro-batches `parts` (row numbers).

        The loss is the sum over the whole batch, divided by its number of rows or their weight. When memory runs out
        the step is done again in smaller micro-batches, and so are all after it. Raises `MemoryFullError` when a
        single row is too much.
        """
        self._know(labels, class_weights)
        rows = np.concatenate(parts)
        total = float(len(rows) if self._loss_weights is None else self._loss_weights[labels[rows]].sum())
        rates = [rate * group["rate_scale"] for group in self.optimiser.param_groups]
        while (pieces := split(parts, self.micro_rows)) and not self._done(pieces, total, rates, number):
            self._make_room(pieces)
        return Stepped(self._halves.figures.clone(), len(rows), int(self._lengths[rows].sum()))

    def _know(self, labels: Ints, class_weights: torch.Tensor | None) -> None:
        """Recordings hold on to labels and class weights: others than before need others."""
        if not self._training:
            self._train_mode()
        if labels is self._labels and class_weights is self._halves.class_weights:
            return
        self._labels, self._halves.class_weights = labels, class_weights
        self._loss_weights = None if class_weights is None else class_weights.cpu().double().numpy()
        if self._graphs is not None:
            self._graphs.clear()
            self._resident.know(labels, self.cache)

    def _done(self, parts: list[Ints], total: float, rates: list[float], number: int) -> bool:
        """Do the step; False when memory ran out. That is in part A or never: part B takes none once it has begun."""
        try:
            if self._graphs is not None:
                self._replay(self._graphs, parts, total, rates, number)
            else:
                self._eager(parts, total, rates, number)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _eager(self, parts: list[Ints], total: float, rates: list[float], number: int) -> None:
        labels, where = self._labels, self.device.device
        assert labels is not None
        for part, rows in enumerate(parts):
            self._halves.seed(number, part)
            gold, noise = torch.from_numpy(labels[rows]).to(where), self._halves.noise(number, part)
            self._halves.gradient(self._collated(rows), gold, total, noise, first=part == 0)
        # Several ranks would sum `weights.grad` here.
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate
        self._halves.update()

    def _replay(self, graphs: Graphs, parts: list[Ints], total: float, rates: list[float], number: int) -> None:
        """The same through recordings: of the whole step, or of either half when there are several micro-batches."""
        self._resident.set(total, rates)
        whole = len(parts) == 1
        for part, rows in enumerate(parts):
            self._halves.seed(number, part)
            cached = self.cache is not None and self.cache.holds(rows)
            shape = (*self._resident.send(rows), cached, part == 0, whole)
            graphs.run(shape, partial(self._recorded, *shape))
        if not whole:  # several ranks would sum `weights.grad` here, and never record a step as a whole
            graphs.run("update", self._halves.update)
        if graphs.failure:
            self.news.append(("Steps are no longer recorded, they take longer", graphs.failure))
            graphs.failure = ""

    def _recorded(self, count: int, length: int, padded: bool, cached: bool, first: bool, whole: bool) -> None:
        """Work on what lies in the fixed places: nothing here may depend on the host but the shape."""
        at, noise = self._resident, self._halves.noise(0, 0)
        if cached and self.cache is not None:
            read, mask, gold = at.cached(self.cache, count, length, padded=padded)
        else:
            read, mask, gold = at.batch(count, length, padded=padded)
        layers = self.cache.layers if cached and self.cache is not None else 0
        self._halves.gradient(Fed(count, read, mask, layers), gold, at.total, noise, first=first)
        if whole:
            self._halves.update()

    def _make_room(self, parts: list[Ints]) -> None:
        """Halve the micro-batches, now that these were too large."""
        largest = max(len(part) for part in parts)
        if largest == 1:
            step = "Lower --max-length, or choose a smaller model."
            raise MemoryFullError("Out of memory with a single row at a time", next_step=step)
        self.micro_rows = -(-largest // 2)
        if self._graphs is not None:
            self._graphs.clear()
        free(self.device.device)
        self.news.append(told(split(parts, self.micro_rows)))

    def _collated(self, rows: Ints) -> Fed:
        if self.cache is not None and self.cache.holds(rows):
            return Fed(len(rows), *self.cache.batch(rows), self.cache.layers)
        batch = collate(self.encoded, rows, self.pad, self.device.device)
        return Fed(len(rows), batch.ids, batch.mask)

    def _train_mode(self) -> None:
        self._training = True
        self.model.train()
        if self.frozen or self._stage is not None:  # what is not trained is not disturbed by dropout either
            for module in self.model.modules():
                own = list(module.parameters())
                if own and not any(weight.requires_grad for weight in own):
                    module.eval()

    def predict(self, rows: Ints) -> NDArray[np.float32]:
        """Logits of `rows`, in their order, shape `[rows, classes]`."""
        self._training = False
        self.model.eval()
        while (scored := self._scored(rows)) is None:
            free(self.device.device)
        parts, order = scored
        logits: NDArray[np.float32] = torch.cat(parts).cpu().numpy()
        place = np.empty(int(rows.max()) + 1, dtype=np.int64)
        place[np.concatenate(order)] = np.arange(len(rows))
        return logits[place[rows]]

    def _scored(self, rows: Ints) -> tuple[list[torch.Tensor], list[Ints]] | None:
        """Logits of each batch and its rows; None when memory ran out, and the next batches are half as large."""
        parts, order = [], []
        try:
            with torch.inference_mode():
                for batch_rows in eval_plan(self._lengths, rows, self._tokens_at_once):
                    parts.append(self._halves.logits(self._collated(batch_rows), None))
                    order.append(batch_rows)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error) or self._tokens_at_once < int(self._lengths[rows].max()):
                raise
            self._tokens_at_once //= 2
            return None
        return parts, order

    @property
    def records(self) -> bool:
        """Whether steps are recorded and replayed."""
        return self._graphs is not None

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
