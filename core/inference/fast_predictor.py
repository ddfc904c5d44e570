"""Answers for many rows at a time: bf16 products through our own forward pass.

About twice the speed of the float32 graph on a CPU that multiplies bf16; probabilities differ in the third digit, and
loading takes seconds. So it is asked for by name, never chosen.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from core.errors import RunError
from core.inference.encoding import BATCH_TOKENS, Ints
from core.inference.facts import ModelFacts
from core.inference.predictor import Floats
from core.inference.torch_predictor import TorchPredictor
from core.machine import cpu_has_bf16
from core.modelling.fast import own_forward
from core.modelling.weights import FlatWeights


class FastPredictor(TorchPredictor):
    """Answers from a run's `model/`, computed in bf16 on the CPU."""

    engine = "bf16"
    batch_rows = BATCH_TOKENS  # whatever fits

    def __init__(self, folder: Path, facts: ModelFacts) -> None:
        """Load the model in `folder`. Raises `RunError` when this CPU has no bf16 or the model is not BERT-shaped."""
        exact = "Leave out --fast: the answers are then exact."
        if not cpu_has_bf16():
            raise RunError("This CPU has no bf16 instructions", "They are what makes --fast fast.", exact)
        super().__init__(folder, facts, "asked for: bf16")
        self._own, reason = own_forward(self._model, FlatWeights(self._model, [], torch.bfloat16))
        if self._own is None:
            raise RunError("There is no fast way for this model", reason, exact)

    def logits(self, ids: Ints, mask: Ints) -> Floats:
        """Logits `[rows, labels]` of padded ids and their mask, in float32 but from bf16 products."""
        assert self._own is not None
        if self._own.counts_padding(torch.from_numpy(ids[mask > 0])):
            return super().logits(ids, mask)
        padding = None if np.all(mask) else torch.from_numpy(mask)
        with torch.inference_mode():
            logits: Floats = self._own.logits(torch.from_numpy(ids), padding).numpy()
        return logits
