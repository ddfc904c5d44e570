"""The learning rate against transformers' schedules, and who is decayed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch import nn
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from core.config import TrainingConfig
from core.modelling.weights import FlatWeights, Group
from core.training.job import Job
from core.training.optimiser import build_optimiser, class_weights, parameter_groups, rate_at

REFERENCE: dict[str, Any] = {
    "linear": get_linear_schedule_with_warmup,
    "cosine": get_cosine_schedule_with_warmup,
    "constant": lambda optimiser, warmup, steps: get_constant_schedule_with_warmup(optimiser, warmup),
}


def reference_rates(schedule: str, warmup: int, steps: int, peak: float) -> list[float]:
    """What transformers' schedule gives at its places 0 to `steps`."""
    made = REFERENCE[schedule](torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=peak), warmup, steps)
    return [peak * made.lr_lambdas[0](place) for place in range(steps + 1)]


@pytest.mark.parametrize("schedule", list(REFERENCE))
@pytest.mark.parametrize(("steps", "ratio"), [(100, 0.1), (7, 0.0), (40, 0.5), (1, 0.1), (250, 0.06)])
def test_the_rate_is_transformers_but_for_its_first_step_of_nothing(schedule: str, steps: int, ratio: float) -> None:
    """Transformers trains its first step with a rate of 0; here the warm-up's first step already moves."""
    config = TrainingConfig(schedule=schedule, warmup_ratio=ratio, learning_rate=3e-4)
    warmup = round(steps * ratio)
    reference = reference_rates(schedule, warmup, steps, 3e-4)
    for step in range(1, steps + 1):
        expected = reference[step if step <= warmup else step - 1]
        assert rate_at(step, steps, config) == pytest.approx(expected, rel=1e-12)


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from(list(REFERENCE)))
def test_the_rate_rises_to_its_peak_and_falls(steps: int, ratio: float, schedule: str) -> None:
    config = TrainingConfig(schedule=schedule, warmup_ratio=ratio, learning_rate=1.0)
    rates = [rate_at(step, steps, config) for step in range(1, steps + 1)]
    assert all(0 < rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(1.0)


def test_vectors_are_not_decayed_and_frozen_weights_are_not_there() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.LayerNorm(3), nn.Linear(3, 2))
    model[2].weight.requires_grad_(False)
    model.get_input_embeddings = lambda: nn.Embedding(1, 1)  # type: ignore[method-assign, assignment]
    decayed, plain = parameter_groups(model, TrainingConfig(weight_decay=0.3))
    assert [(group.weight_decay, len(group.parameters)) for group in (decayed, plain)] == [(0.3, 1), (0.0, 4)]
    assert decayed.parameters[0] is model[0].weight


def test_settings_reach_adamw() -> None:
    model = nn.Linear(2, 2)
    groups = [Group((model.weight,), 0.3), Group((model.bias,), 0.0)]
    weights = FlatWeights(model, groups, torch.float32)
    made = build_optimiser(weights, groups, TrainingConfig(adam_epsilon=1e-6, learning_rate=2e-3))
    assert made.defaults["eps"] == 1e-6
    assert made.defaults["lr"] == 2e-3
    assert [group["weight_decay"] for group in made.param_groups] == [0.3, 0.0]
    before = model.weight.detach().clone()
    weights.grad.fill_(1.0)
    made.step()
    assert torch.allclose(before - model.weight, 2e-3 * (1 + 0.3 * before), atol=1e-6)  # AdamW's first step


@given(st.lists(st.integers(1, 500), min_size=2, max_size=6))
def test_balanced_weights_are_scikit_learns(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    expected = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    found = class_weights(tuple(counts), "balanced")
    assert found is not None
    assert found.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


@given(st.lists(st.integers(0, 500), min_size=2, max_size=6).filter(any), st.sampled_from(["balanced", "sqrt"]))
def test_weights_favour_the_rare_and_leave_the_mean_row_at_one(counts: list[int], kind: str) -> None:
    found = class_weights(tuple(counts), kind)
    assert found is not None
    order = np.argsort(counts, kind="stable")
    assert sorted(found.tolist(), reverse=True) == pytest.approx([found.tolist()[code] for code in order])
    present = np.maximum(counts, 1)
    assert float((found.numpy() * present).sum() / present.sum()) == pytest.approx(1.0, rel=1e-5)


def test_sqrt_is_gentler_and_none_is_none() -> None:
    balanced, gentle = class_weights((10, 90), "balanced"), class_weights((10, 90), "sqrt")
    assert balanced is not None
    assert gentle is not None
    assert 1 < gentle[0] / gentle[1] < balanced[0] / balanced[1]
    assert float(gentle[0] / gentle[1]) == pytest.approx(3.0)
    assert class_weights((10, 90), "none") is None


def test_classes_are_weighed_gently_unless_something_else_was_asked_for() -> None:
    assert TrainingConfig().weighting == "sqrt"
    assert TrainingConfig(oversample="balanced").weighting == "none"
    assert TrainingConfig(class_weights="balanced").weighting == "balanced"
    assert TrainingConfig(class_weights="none").weighting == "none"


@pytest.mark.parametrize(("width", "rate"), [(384, 1e-4), (768, 3e-5), (1024, 2e-5)])
def test_a_wider_model_learns_more_slowly_unless_told(width: int, rate: float) -> None:
    model = SimpleNamespace(config=SimpleNamespace(hidden_size=width))
    rows = np.arange(2)
    empty: Any = None
    one = Job(model, empty, TrainingConfig(), empty, rows, rows, rows, 2, 0)
    assert one.config.learning_rate == rate
    told = Job(model, empty, TrainingConfig(learning_rate=7e-5), empty, rows, rows, rows, 2, 0)
    assert told.config.learning_rate == 7e-5
