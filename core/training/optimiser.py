"""AdamW with decay where it belongs, and the learning-rate schedules."""

from __future__ import annotations

import math

import torch
from torch import nn

from core.config import TrainingConfig


def build_optimiser(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019), fused where the device allows. Biases and norms (vectors) are not decayed."""
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if weight.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [weight for weight in trained if weight.ndim < 2], "weight_decay": 0.0},
    ]
    fused = all(weight.device.type in ("cpu", "cuda", "mps") for weight in trained)
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.999), eps=config.adam_epsilon, fused=fused)


def rate_at(step: int, steps: int, config: TrainingConfig) -> float:
    """Learning rate of optimiser step `step` (1-based) of `steps`: linear warm-up, then as the schedule says."""
    warmup = round(steps * config.warmup_ratio)
    if step <= warmup:
        return config.learning_rate * step / max(warmup, 1)
    done = (step - 1 - warmup) / max(steps - warmup, 1)
    if config.schedule == "linear":
        return config.learning_rate * (1 - done)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 + math.cos(math.pi * done))
    return config.learning_rate


def class_weights(counts: tuple[int, ...], kind: str) -> torch.Tensor | None:
    """Loss weight per class, mean 1 over the rows: `balanced` is rows / (classes * count), `sqrt` its square root.

    None for `none`. Source of `balanced`: King & Zeng 2001, as in scikit-learn's `compute_class_weight`.
    """
    if kind == "none":
        return None
    count = torch.tensor(counts, dtype=torch.float32).clamp(min=1)
    weights = count.sum() / (len(counts) * count)
    if kind == "sqrt":
        weights = weights.sqrt()
    scaled: torch.Tensor = weights * count.sum() / (weights * count).sum()
    return scaled
