"""A small job for the engine: sentences of unlike lengths, the label in a word, dropout 0 unless asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.config import ModelConfig, TrainingConfig
from core.modelling.build import build_model
from core.modelling.catalogue import locate
from core.modelling.encoding import encode, load_tokenizer
from core.modelling.plan import Techniques
from core.training import events as e
from core.training.device import Device
from core.training.job import Job
from core.training.loop import fit

DEVICE = Device(torch.device("cpu"), "test", "fp32", 1, "for a test")
CONFIG = TrainingConfig(epochs=2, batch_size=8, learning_rate=1e-3, threads=1, adam_epsilon=1e-3, schedule="constant")
"""A large epsilon: a key's bias has no gradient but rounding, which a small one blows up."""

WORDS = ("the", "film", "was", "phone", "food", "good", "great", "awful", "bad", "very", "really")

RECORDABLE: tuple[tuple[dict[str, Any], int], ...] = (
    ({}, 0),
    ({"schedule": "linear", "layer_decay": 0.5, "max_grad_norm": 0.1}, 0),
    ({"accumulation": 2}, 0),
    ({"class_weights": "balanced", "label_smoothing": 0.1}, 0),
    ({}, 1),
)
"""Settings and frozen layers under which a recorded step must do what an eager one does."""


def job(
    base: Path,
    techniques: Techniques,
    config: TrainingConfig = CONFIG,
    *,
    frozen: int = 0,
    dropout: float = 0.0,
    precision: str = "fp32",
) -> Job:
    draw = np.random.default_rng(0)
    texts = [" ".join(draw.choice(WORDS, size=draw.integers(2, 14))) for _ in range(60)]
    labels = np.array([int("good" in text or "great" in text) for text in texts])
    tokenizer = load_tokenizer(base)
    encoded, _ = encode(tokenizer, texts, 0, 60)
    model: Any = build_model(locate(str(base)), ModelConfig(frozen_layers=frozen), ("no", "yes"), 1)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    rows = np.arange(60)
    pad = int(tokenizer.pad_token_id)
    device = replace(DEVICE, precision=precision)
    return Job(model, device, config, encoded, labels, rows[:44], rows[44:], 2, pad, techniques=techniques)


def trained(one: Job) -> tuple[dict[str, torch.Tensor], list[Any]]:
    """The weights after training, and the facts of it."""
    facts = list(fit(one))
    return one.engine.state(), facts


def losses_of(facts: list[Any]) -> list[float]:
    return [loss for fact in facts if isinstance(fact, e.StepsFinished) for loss in fact.losses]


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
