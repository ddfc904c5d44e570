"""The training loop. It yields what happened and knows no files and no screens.

Everything it needs comes in `Job`; what it yields is either a fact for the log or `Better`, which asks the driver to
keep the weights as they are now. The driver speaks back through `Job.asked`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.config import TrainingConfig
from core.errors import TrainingError
from core.evaluation.metrics import log_loss, score
from core.modelling.encoding import Encoded, Ints, batch_plan
from core.modelling.plan import Techniques
from core.training import events as e
from core.training.averaging import Average
from core.training.device import Device
from core.training.engine import Engine, Stepped
from core.training.optimiser import class_weights, rate_at, usual_rate
from core.training.scoring import Sampling, metric_value, sample_size, stratified_sample

READ_BACK = 0.2
"""Seconds between two read-backs of losses: a read-back makes the device wait, a step must not."""


@dataclass(frozen=True, slots=True)
class Better:
    """The weights as they are now scored best on the full validation rows: keep them."""

    step: int
    epoch: float
    metric: str
    value: float


@dataclass(slots=True)
class Job:
    """What the loop works on. `labels` and `encoded` cover all rows; the parts are row numbers into them.

    The model's weights belong to `engine` once training has begun: `engine.state()` and `engine.predict(rows)`.
    """

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
    techniques: Techniques = field(default_factory=Techniques)
    _engine: Engine | None = None

    def __post_init__(self) -> None:
        if self.config.learning_rate == 0:
            self.config = replace(self.config, learning_rate=usual_rate(self.model))

    @property
    def engine(self) -> Engine:
        """The model laid out for speed: made when it is first asked for."""
        if self._engine is None:
            steps = steps_per_epoch(len(self.train), self.config) * self.config.epochs
            self._engine = Engine(self.model, self.device, self.config, self.encoded, self.pad, self.techniques, steps)
        return self._engine


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

    step: int = 0
    epoch: float = 0.0
    best: float = -math.inf
    worse_epochs: int = 0
    train_seconds: float = 0.0
    since: float = 0.0
    waiting: list[Stepped] = field(default_factory=list)
    epoch_loss: float = 0.0
    epoch_hits: int = 0
    epoch_rows: int = 0


def fit(job: Job) -> Generator[Yielded, None, Outcome]:
    """Train `job.model`; ends when all epochs are done, patience is at its end, or a person asked to stop.

    It always ends on a full validation, whose logits it returns. Raises `TrainingError` when the loss or the
    gradient is not finite.
    """
    config, engine = job.config, job.engine
    per_epoch = steps_per_epoch(len(job.train), config)
    steps = per_epoch * config.epochs
    weights = _class_weights(job)
    average = Average(engine.weights, steps, config.averaging)
    size = sample_size(len(job.train) * config.epochs)
    sample = stratified_sample(job.labels, job.validation, size, config.seed)
    sampling = Sampling(steps, config.epochs)
    at = _Progress()

    engine.keep_frozen(np.concatenate([job.train, job.validation]))
    began = time.perf_counter()
    yield from _validate(job, at, sampling, sample, full=False)
    sampling.spent, sampling.cost = 0.0, time.perf_counter() - began
    for epoch in range(config.epochs):
        batches = _batches(job, epoch)
        at.epoch_loss, at.epoch_hits, at.epoch_rows = 0.0, 0, 0
        at.since = time.perf_counter()
        for index in range(per_epoch):
            mine = batches[index * config.accumulation : (index + 1) * config.accumulation]
            at.step += 1
            at.epoch = epoch + (index + 1) / per_epoch
            at.waiting.append(engine.step(job.labels, mine, weights, at.step, rate_at(at.step, steps, config)))
            average.after(at.step)
            while engine.news:
                yield e.Warned(*engine.news.pop(0))
            if time.perf_counter() - at.since > READ_BACK or index == per_epoch - 1:
                yield _read_back(at, rate_at(at.step, steps, config), config)
                if at.step < steps and job.asked() == "stop":
                    if index == per_epoch - 1:
                        yield _epoch_finished(epoch, at)
                    with average:
                        logits = yield from _validate(job, at, sampling, job.validation, full=True)
                    average.settle()
                    return Outcome(Ending.STOPPED, at.step, logits)
            if index < per_epoch - 1 and sampling.is_due(at.step, at.train_seconds):
                if at.waiting:
                    yield _read_back(at, rate_at(at.step, steps, config), config)
                with average:
                    yield from _validate(job, at, sampling, sample, full=False)
        yield _epoch_finished(epoch, at)
        with average:
            logits = yield from _validate(job, at, sampling, job.validation, full=True)
        if config.patience and at.worse_epochs >= config.patience and epoch + 1 < config.epochs:
            average.settle()
            return Outcome(Ending.PATIENCE, at.step, logits)
    average.settle()
    return Outcome(Ending.EPOCHS, at.step, logits)


def _epoch_finished(epoch: int, at: _Progress) -> e.EpochFinished:
    return e.EpochFinished(epoch + 1, at.step, at.epoch_loss / at.epoch_rows, at.epoch_hits / at.epoch_rows)


def steps_per_epoch(rows: int, config: TrainingConfig) -> int:
    """Optimiser steps in one epoch of `rows` training rows."""
    return math.ceil(math.ceil(rows / config.batch_size) / config.accumulation)


def _batches(job: Job, epoch: int) -> list[Ints]:
    """Row numbers of each micro-batch of this epoch."""
    config, lengths = job.config, job.encoded.lengths[job.train]
    plan = batch_plan(lengths, config.batch_size, config.seed, epoch, by_length=job.techniques.length_buckets)
    return [job.train[places] for places in plan]


def _class_weights(job: Job) -> torch.Tensor | None:
    counts = tuple(int(n) for n in np.bincount(job.labels[job.train], minlength=job.classes))
    weights = class_weights(counts, job.config.weighting)
    return None if weights is None else weights.to(job.device.device)


def _read_back(at: _Progress, rate: float, config: TrainingConfig) -> e.StepsFinished:
    """Bring the waiting losses to the host. Raises `TrainingError` at the first that is not finite."""
    losses, hits, norms = torch.stack([one.figures for one in at.waiting]).T.tolist()
    seconds = time.perf_counter() - at.since
    first = at.step - len(losses) + 1
    for place, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(
                f"The loss is not a number at step {first + place}",
                f"Loss {loss:g}, gradient norm {norm:g}: training has diverged. The best weights so far are kept.",
                f"Try a lower learning rate than {config.learning_rate:g}, or --precision fp32.",
            )
    rows = [one.sequences for one in at.waiting]
    tokens = sum(one.tokens for one in at.waiting)
    at.epoch_loss += sum(loss * count for loss, count in zip(losses, rows, strict=True))
    at.epoch_hits += int(sum(hits))
    at.epoch_rows += sum(rows)
    at.train_seconds += seconds
    at.waiting = []
    at.since = time.perf_counter()
    return e.StepsFinished(first, at.step, tuple(losses), rate, norms[-1], sum(rows), tokens, round(seconds, 4))


def _validate(
    job: Job, at: _Progress, sampling: Sampling, rows: Ints, *, full: bool
) -> Generator[Yielded, None, NDArray[np.float32]]:
    """Score `rows` and say so; returns their logits."""
    began = time.perf_counter()
    logits = job.engine.predict(rows)
    gold = job.labels[rows]
    scores = score(gold, logits.argmax(axis=1), job.classes, log_loss(gold, logits))
    seconds = time.perf_counter() - began
    yield e.EvalFinished(at.step, at.epoch, full, scores, round(seconds, 4))
    sampling.last = at.step
    if not full:
        sampling.spent += seconds
    elif at.step > 0:
        value = metric_value(scores, job.config.metric)
        if value > at.best:
            at.best, at.worse_epochs = value, 0
            yield Better(at.step, at.epoch, job.config.metric, abs(value))
        else:
            at.worse_epochs += 1
    at.since = time.perf_counter()
    return logits
