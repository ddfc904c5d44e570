"""The training loop. It yields what happened and knows no files and no screens.

Everything it needs comes in `Job`; what it yields is either a fact for the log or `Better`, which asks the driver to
keep the weights as they are now. The driver speaks back through `Job.asked`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from core.config import TrainingConfig
from core.errors import TrainingError
from core.evaluation.metrics import log_loss, score
from core.modelling.encoding import Batch, Encoded, Ints, batch_plan, collate, eval_plan
from core.training import events as e
from core.training.device import Device
from core.training.optimiser import build_optimiser, class_weights, rate_at

READ_BACK = 0.2
"""Seconds between two read-backs of losses: a read-back makes the device wait, a step must not."""

SAMPLE = 512
"""Rows of the stratified sample that is scored between full validations."""

POINTS = 10
"""Validations a run has at least, so that its chart has a shape."""

SHARE = 0.05
"""Share of the time that sampled validations may take beyond those `POINTS`."""


@dataclass(frozen=True, slots=True)
class Better:
    """The weights as they are now scored best on the full validation rows: keep them."""

    step: int
    epoch: float
    metric: str
    value: float


@dataclass(slots=True)
class Job:
    """What the loop works on. `labels` and `encoded` cover all rows; the parts are row numbers into them."""

    model: Any
    device: Device
    config: TrainingConfig
    encoded: Encoded
    labels: Ints
    train: Ints
    validation: Ints
    classes: int
    pad: int
    asked: Callable[[], str] = field(default=lambda: "")
    """What people asked of the trainer: `stop`, or nothing. Looked at on every read-back."""


Yielded = e.Event | Better


class Ending(Enum):
    """Why training ended."""

    EPOCHS = auto()
    PATIENCE = auto()
    STOPPED = auto()


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How training ended, and what the weights as they are then say about every validation row."""

    ending: Ending
    step: int
    logits: NDArray[np.float32]


@dataclass(slots=True)
class _Progress:
    """Where the run stands."""

    began: float

    step: int = 0
    epoch: float = 0.0
    best: float = -math.inf
    best_epoch: float = 0.0
    worse_epochs: int = 0
    last_full: int = -1
    last_sample: int = 0
    eval_seconds: float = 0.0
    sample_seconds: float = 0.0
    train_seconds: float = 0.0
    waiting: list[tuple[torch.Tensor, torch.Tensor]] = field(default_factory=list)
    sequences: int = 0
    tokens: int = 0
    since: float = 0.0
    epoch_loss: float | torch.Tensor = 0.0
    epoch_hits: float | torch.Tensor = 0.0
    epoch_rows: int = 0


def fit(job: Job) -> Generator[Yielded, None, Outcome]:
    """Train `job.model`; ends when all epochs are done, patience is at its end, or a person asked to stop.

    It always ends on a full validation, whose logits it returns. Raises `TrainingError` when the loss or the
    gradient is not finite.
    """
    config, model = job.config, job.model
    model.to(job.device.device)
    optimiser = build_optimiser(model, config)
    counts = tuple(int(n) for n in np.bincount(job.labels[job.train], minlength=job.classes))
    weights = class_weights(counts, config.class_weights)
    if weights is not None:
        weights = weights.to(job.device.device)
    per_epoch = steps_per_epoch(len(job.train), config)
    steps = per_epoch * config.epochs
    sample = stratified_sample(job.labels, job.validation, SAMPLE, config.seed)
    lengths = job.encoded.lengths[job.train]
    at = _Progress(began=time.perf_counter())

    logits = yield from _validate(job, at, job.validation, full=True)
    at.sample_seconds = (time.perf_counter() - at.began) * len(sample) / len(job.validation)
    for epoch in range(config.epochs):
        batches = batch_plan(lengths, config.batch_size, config.seed, epoch)
        at.epoch_loss = at.epoch_hits = at.epoch_rows = 0
        at.since = time.perf_counter()
        for index in range(per_epoch):
            mine = batches[index * config.accumulation : (index + 1) * config.accumulation]
            at.step += 1
            at.epoch = epoch + (index + 1) / per_epoch
            _step(job, at, optimiser, weights, [job.train[rows] for rows in mine], rate_at(at.step, steps, config))
            if time.perf_counter() - at.since > READ_BACK or index == per_epoch - 1:
                yield _read_back(job, at, rate_at(at.step, steps, config))
                if job.asked() == "stop":
                    logits = yield from _validate(job, at, job.validation, full=True)
                    return Outcome(Ending.STOPPED, at.step, logits)
            if index < per_epoch - 1 and _sample_is_due(at, steps, config.epochs):
                if at.waiting:
                    yield _read_back(job, at, rate_at(at.step, steps, config))
                yield from _validate(job, at, sample, full=False)
        yield e.EpochFinished(
            epoch + 1, at.step, float(at.epoch_loss) / at.epoch_rows, float(at.epoch_hits) / at.epoch_rows
        )
        logits = yield from _validate(job, at, job.validation, full=True)
        if config.patience and at.worse_epochs >= config.patience and epoch + 1 < config.epochs:
            return Outcome(Ending.PATIENCE, at.step, logits)
    return Outcome(Ending.EPOCHS, at.step, logits)


def steps_per_epoch(rows: int, config: TrainingConfig) -> int:
    """Optimiser steps in one epoch of `rows` training rows."""
    return math.ceil(math.ceil(rows / config.batch_size) / config.accumulation)


def _step(
    job: Job,
    at: _Progress,
    optimiser: torch.optim.Optimizer,
    weights: torch.Tensor | None,
    parts: list[Ints],
    rate: float,
) -> None:
    """One optimiser step over the micro-batches `parts`. The loss is the sum over the whole batch's weight."""
    job.model.train()
    for group in optimiser.param_groups:
        group["lr"] = rate
    gold = [torch.from_numpy(job.labels[rows]).to(job.device.device) for rows in parts]
    total = sum(float(len(rows)) if weights is None else weights[g].sum() for rows, g in zip(parts, gold, strict=True))
    loss_sum = torch.zeros((), device=job.device.device)
    for rows, labels in zip(parts, gold, strict=True):
        batch = collate(job.encoded, rows, job.pad, job.device.device)
        logits = forward(job.model, job.device, batch)
        loss = (
            functional.cross_entropy(
                logits, labels, weight=weights, label_smoothing=job.config.label_smoothing, reduction="sum"
            )
            / total
        )
        loss.backward()  # type: ignore[no-untyped-call]
        loss_sum += loss.detach()
        at.sequences += len(rows)
        at.tokens += batch.tokens
        at.epoch_rows += len(rows)
        at.epoch_hits += (logits.detach().argmax(dim=1) == labels).sum()
    limit = job.config.max_grad_norm or math.inf
    norm = nn.utils.clip_grad_norm_(job.model.parameters(), limit, foreach=True)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    at.epoch_loss += loss_sum * sum(len(rows) for rows in parts)
    at.waiting.append((loss_sum, norm))


def forward(model: Any, device: Device, batch: Batch) -> torch.Tensor:
    """Logits in float32, shape `[rows, classes]`."""
    with device.autocast():
        logits: torch.Tensor = model(input_ids=batch.ids, attention_mask=batch.mask).logits
    return logits.float()


def _read_back(job: Job, at: _Progress, rate: float) -> e.StepsFinished:
    """Bring the waiting losses to the host. Raises `TrainingError` at the first that is not finite."""
    losses, norms = (torch.stack(list(column)).tolist() for column in zip(*at.waiting, strict=True))
    seconds = time.perf_counter() - at.since
    first = at.step - len(losses) + 1
    for place, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(
                f"The loss is not a number at step {first + place}",
                f"Loss {loss:g}, gradient norm {norm:g}: training has diverged. The best weights so far are kept.",
                f"Try a lower learning rate than {job.config.learning_rate:g}, or --precision fp32.",
            )
    fact = e.StepsFinished(first, at.step, tuple(losses), rate, norms[-1], at.sequences, at.tokens, round(seconds, 4))
    at.train_seconds += seconds
    at.waiting, at.sequences, at.tokens = [], 0, 0
    at.epoch_loss, at.epoch_hits = float(at.epoch_loss), float(at.epoch_hits)
    at.since = time.perf_counter()
    return fact


def _sample_is_due(at: _Progress, steps: int, epochs: int) -> bool:
    """Whether to score the sample now: often enough for `POINTS` dots, more often while it costs at most `SHARE`."""
    evenly = steps / max(POINTS - 1, 1) if epochs < POINTS - 1 else math.inf
    last = max(at.last_sample, at.last_full, 0)
    since = at.step - last
    if at.step // evenly > last // evenly:
        return True
    affordable = at.eval_seconds + at.sample_seconds <= SHARE * at.train_seconds
    return affordable and since >= max(steps // 50, 1)


def _validate(job: Job, at: _Progress, rows: Ints, *, full: bool) -> Generator[Yielded, None, NDArray[np.float32]]:
    """Score `rows` and say so; returns their logits."""
    began = time.perf_counter()
    logits = predict(job.model, job.device, job.encoded, rows, job.pad)
    gold = job.labels[rows]
    scores = score(gold, logits.argmax(axis=1), job.classes, log_loss(gold, logits))
    seconds = time.perf_counter() - began
    yield e.EvalFinished(at.step, at.epoch, full, scores, round(seconds, 4))
    if full:
        at.last_full = at.step
        value = metric_value(scores, job.config.metric)
        if value > at.best and at.step > 0:
            at.best, at.best_epoch, at.worse_epochs = value, at.epoch, 0
            yield Better(at.step, at.epoch, job.config.metric, abs(value))
        elif at.step > 0:
            at.worse_epochs += 1
    else:
        at.last_sample = at.step
        at.eval_seconds += seconds
    at.since = time.perf_counter()
    return logits


def metric_value(scores: e.Scores, metric: str) -> float:
    """The chosen metric so that more is better: a loss is negated."""
    if metric == "loss":
        return -(scores.loss if scores.loss is not None else math.inf)
    return float(getattr(scores, metric))


def predict(model: nn.Module, device: Device, encoded: Encoded, rows: Ints, pad: int) -> NDArray[np.float32]:
    """Logits of `rows`, in their order, shape `[rows, classes]`."""
    model.eval()
    parts, order = [], []
    with torch.inference_mode():
        for batch_rows in eval_plan(encoded.lengths, rows):
            parts.append(forward(model, device, collate(encoded, batch_rows, pad, device.device)).cpu())
            order.append(batch_rows)
    logits: NDArray[np.float32] = torch.cat(parts).numpy()
    place = np.empty(int(rows.max()) + 1, dtype=np.int64)
    place[np.concatenate(order)] = np.arange(len(rows))
    return logits[place[rows]]


def stratified_sample(labels: Ints, rows: Ints, size: int, seed: int) -> Ints:
    """At most about `size` of `rows`, each class in its share but with at least one row."""
    if len(rows) <= size:
        return rows
    draw = np.random.default_rng(seed)
    chosen = []
    for code in np.unique(labels[rows]):
        mine = rows[labels[rows] == code]
        chosen.append(draw.choice(mine, max(round(size * len(mine) / len(rows)), 1), replace=False))
    return np.sort(np.concatenate(chosen))
