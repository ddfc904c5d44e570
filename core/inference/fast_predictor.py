"""Answers for many rows at a time: bf16 products through our own forward pass.

About one and a half times the speed of the float32 graph on a CPU that multiplies bf16; probabilities differ in the
third digit, and loading takes seconds. So it is asked for by name, never chosen. Where the two likeliest labels are
close, float32 decides: the labels are the same as without it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import torch

from core.errors import RunError
from core.inference.encoding import BATCH_TOKENS, Ints
from core.inference.facts import ModelFacts
from core.inference.predictor import Floats, Predictor
from core.inference.torch_predictor import TorchPredictor
from core.machine import cpu_has_bf16
from core.modelling.fast import own_forward
from core.modelling.weights import FlatWeights

CLOSE = 0.014
"""Rows whose two likeliest labels differ by less are computed in float32: bf16 was seen to move each by .0067."""


class FastPredictor(TorchPredictor):
    """Answers from a run's `model/`, computed in bf16 on the CPU."""

    engine = "bf16"
    batch_rows = BATCH_TOKENS  # whatever fits

    def __init__(self, folder: Path, facts: ModelFacts, graph: Callable[[], Predictor | None] = lambda: None) -> None:
        """Load the model in `folder`; `graph` opens its ONNX graph, where there is one: close labels are asked of it.

        Raises `RunError` when this CPU has no bf16 or the model is not BERT-shaped.
        """
        exact = "Leave out --fast: the answers are then exact."
        if not cpu_has_bf16():
            raise RunError("This CPU has no bf16 instructions", "They are what makes --fast fast.", exact)
        super().__init__(folder, facts, "asked for: bf16, close labels in float32")
        self._graph = cache(graph)
        self._in_float32 = False
        self._own, reason = own_forward(self._model, FlatWeights(self._model, [], torch.bfloat16))
        if self._own is None:
            raise RunError("There is no fast way for this model", reason, exact)

    def probabilities(self, ids: list[list[int]]) -> Floats:
        """Probabilities `[texts, labels]` of encoded texts, close ones in float32."""
        found = super().probabilities(ids)
        first, second = np.sort(found, axis=1)[:, :-3:-1].T
        close = np.flatnonzero(first - second < CLOSE)
        if len(close):
            found[close] = self._exactly([ids[row] for row in close])
        return found

    def _exactly(self, ids: list[list[int]]) -> Floats:
        if (graph := self._graph()) is not None:
            return graph.probabilities(ids)
        self._in_float32 = True
        try:
            return super().probabilities(ids)
        finally:
            self._in_float32 = False

    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask, in float32 but from bf16 products."""
        assert self._own is not None
        if self._in_float32:
            return super().logits(ids, mask)
        if self._own.counts_padding(torch.from_numpy(ids[mask > 0])):
            return super().logits(ids, mask)
        padding = None if np.all(mask) else torch.from_numpy(mask)
        with torch.inference_mode():
            logits: Floats = self._own.logits(torch.from_numpy(ids), padding).numpy()
        return logits
