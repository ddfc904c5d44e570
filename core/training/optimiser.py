"""AdamW with decay where it belongs, and the learning-rate schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from core.config import TrainingConfig
from core.modelling.build import encoder_layers
from core.modelling.weights import FlatWeights, Group

_RATES = ((512, 1e-4), (800, 3e-5))
LARGE_RATE = 2e-5


def parameter_groups(model: nn.Module, config: TrainingConfig, joins: Mapping[int, int] | None = None) -> list[Group]:
    """The trained weights as the optimiser treats them, those first that train first.

    `joins`: the epoch in which a weight begins to train, by its id(); of those that are not among them the first.

    Biases, norms and word vectors are not decayed. With `layer_decay` below 1 each layer learns more slowly than the
    one above it, the embeddings slowest (ULMFiT, Howard & Ruder 2018; as ELECTRA does it).
    """
    word = model.get_input_embeddings().weight  # type: ignore[operator]
    depths = _depths(model) if config.layer_decay < 1 else {}
    joins = joins or {}
    sorted_out: dict[tuple[int, bool, int], list[nn.Parameter]] = {}
    for weight in model.parameters():
        if weight.requires_grad:
            plain = weight.ndim < 2 or weight is word
            sorted_out.setdefault((joins.get(id(weight), 0), plain, depths.get(id(weight), 0)), []).append(weight)
    return [
        Group(tuple(found), 0.0 if plain else config.weight_decay, config.layer_decay**depth, epoch)
        for (epoch, plain, depth), found in sorted(sorted_out.items())
    ]


def _depths(model: nn.Module) -> dict[int, int]:
    """How many steps below the head each weight lies; the head itself is not among them."""
    layers = list(encoder_layers(model))
    found = {id(weight): len(layers) + 1 for name, weight in model.named_parameters() if "embeddings" in name}
    for place, layer in enumerate(layers):
        found |= {id(weight): len(layers) - place for weight in layer.parameters()}
    return found


def build_optimiser(weights: FlatWeights, groups: list[Group], config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) over one flat tensor per group, fused where the device allows.

    Its state is made at once, not in the first step: a step that has begun to update takes no memory.
    """
    flat = []
    for group, place in zip(groups, weights.slices, strict=True):
        parameter = nn.Parameter(weights.master[place])
        parameter.grad = weights.grad[place]
        flat.append({"params": [parameter], "weight_decay": group.weight_decay, "rate_scale": group.rate_scale})
    kind = weights.master.device.type
    optimiser = torch.optim.AdamW(
        flat,
        lr=config.learning_rate,
        betas=(0.9, 0.999),
        eps=config.adam_epsilon,
        fused=kind in ("cpu", "cuda", "mps"),
        capturable=kind == "cuda",
    )
    for weight in (one for flat_group in optimiser.param_groups for one in flat_group["params"]):
        zeros = {name: torch.zeros_like(weight.detach()) for name in ("exp_avg", "exp_avg_sq")}
        optimiser.state[weight] = {"step": torch.zeros((), device=weight.device), **zeros}
    return optimiser


def usual_rate(model: Any) -> float:
    """The learning rate for a model of this width.

    The one for small encoders was chosen by experiment (docs/quality.md); those for base and large shapes are what
    their authors recommend (BERT, Devlin et al. 2019, A.3; RoBERTa, Liu et al. 2019).
    """
    width: int = getattr(model.config, "hidden_size", 0) or getattr(model.config, "dim", 0) or 768
    return next((rate for widest, rate in _RATES if width <= widest), LARGE_RATE)


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
