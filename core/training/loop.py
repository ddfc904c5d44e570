"""The training loop. It yields what happened and knows no files and no screens.

Everything it needs comes in `Job`; what it yields is a fact for the log, or `Better`, which asks the driver to keep the
weights as they are now, `EpochDone`, which asks the same where those of every epoch are wanted, or `Keep`, which offers
a place to go on from. The driver speaks back through `Job.asked`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import NotFiniteError
from core.evaluation.metrics import log_loss, score
from core.modelling.encoding import Ints, batch_plan
from core.training import events as e
from core.training.averaging import Average
from core.training.job import Better, Ending, EpochDone, Job, Outcome, steps_per_epoch
from core.training.optimiser import class_weights, rate_at
from core.training.scoring import Sampling, metric_value, sample_size, stratified_sample
from core.training.standing import (
    Keep,
    Progress,
    Snapshot,
    conditions,
    differences,
    finite,
    put_back,
    require_same_rows,
    tensors_of,
)

READ_BACK = 0.2
"""Seconds between two read-backs of losses: a read-back makes the device wait, a step must not."""

CHECKPOINT_EVERY = 300.0
"""Seconds between two checkpoints within an epoch; the end of an epoch offers one too."""

_NOTHING = np.zeros((0, 0), dtype=np.float32)

Yielded = e.Event | Better | EpochDone | Keep


def fit(job: Job, start: Snapshot | None = None) -> Generator[Yielded, None, Outcome]:
    """Train `job.model`; ends when all epochs are done, patience is at its end, or a person asked to stop or pause.

    From the beginning, or from `start`, where an earlier training of the same job stood. It always ends on a full
    validation, whose logits it returns, unless it pauses. Raises `TrainingError` when the loss or the gradient is not
    finite, and `ModelError` when `start` is of another model.
    """
    training = _Training(job, start)
    if start is None:
        yield from training.first_scores()
    else:
        yield training.resumed(start)
    return (yield from training.run())


class _Training:
    """One training: what it needs beside the job, and the pieces of its loop."""

    def __init__(self, job: Job, start: Snapshot | None) -> None:
        config, engine = job.config, job.engine
        self.job, self.config, self.engine = job, config, engine
        self.per_epoch = steps_per_epoch(len(job.train), config)
        self.steps = self.per_epoch * config.epochs
        self.average = Average(engine.weights, self.steps, config.averaging)
        size = sample_size(len(job.train) * config.epochs)
        self.sample = stratified_sample(job.labels, job.validation, size, config.seed)
        self.sampling = Sampling(self.steps, config.epochs)
        self.at = Progress()
        if start is not None:
            require_same_rows(start.facts["conditions"], job)
            put_back(start.tensors, engine, self.average)
            self.at = Progress.restored(start.facts["progress"])
            self.sampling.restore(start.facts["sampling"])
            engine.micro_rows = int(start.facts["micro_rows"])
        engine.keep_frozen(np.concatenate([job.train, job.validation]))
        self._conditions = conditions(job)  # now: saving a model adds to its configuration
        self._weights = _class_weights(job)
        self._kept = time.monotonic()

    def first_scores(self) -> Generator[Yielded, None, None]:
        """Score the sample before the first step."""
        began = time.perf_counter()
        yield from self._validate(self.sample, full=False)
        self.sampling.spent, self.sampling.cost = 0.0, time.perf_counter() - began

    def resumed(self, start: Snapshot) -> e.RunResumed:
        """The fact that training goes on, and whether bit by bit as if nothing had happened."""
        told = differences(start.facts["conditions"], self._conditions)
        return e.RunResumed(self.at.step, not told, "; ".join(told))

    def run(self) -> Generator[Yielded, None, Outcome]:
        """Epoch after epoch, until there is a reason to end."""
        logits = None
        if self.at.best == -math.inf and self.at.step >= self.per_epoch and self.at.closed:
            # A model was saved once and is gone, or never had room: the weights as they are stand in for it.
            with self.average:
                logits = yield from self._validate(self.job.validation, full=True)
        while True:
            if not self.at.closed and self.at.step % self.per_epoch == 0:
                logits = yield from self._close_epoch()
            if (ending := self._over()) is not None:
                break
            asked = "stop" if self.at.stopping else self.job.asked()
            if asked == "save":
                yield self._keep(urgent=True)
            if asked != "pause" and (asked != "stop" or self.at.step == 0):  # a model of no step is of no use
                self.at.closed, logits = False, None
                asked = yield from self._steps()
            if asked == "pause":
                yield self._keep(urgent=True)
                return Outcome(Ending.PAUSED, self.at.step, _NOTHING)
            if asked == "stop" and self.at.step < self.steps:
                self.at.stopping = True
                logits = yield from self._last_scores(logits)
                ending = Ending.STOPPED
                break
        if logits is None:  # it went on from where all was done
            with self.average:
                logits = self.engine.predict(self.job.validation)
        self.average.settle()
        return Outcome(ending, self.at.step, logits)

    def _over(self) -> Ending | None:
        if self.at.step == self.steps and self.at.closed:
            return Ending.EPOCHS
        patience = self.config.patience
        between = self.at.closed and self.at.step % self.per_epoch == 0
        return Ending.PATIENCE if patience and between and self.at.worse_epochs >= patience else None

    def _steps(self) -> Generator[Yielded, None, str]:
        """Train to the end of the epoch, or until a person asks for an end: returns what was asked."""
        at, job = self.at, self.job
        epoch, first = divmod(at.step, self.per_epoch)
        if self.engine.unfreeze(epoch):
            yield from self.engine.unfreezing.told(epoch, self.per_epoch, self.config.epochs, begins=at.step == 0)
        if first == 0:
            at.epoch_loss, at.epoch_hits, at.epoch_rows = 0.0, 0, 0
        batches = _batches(job, epoch)
        at.since = time.perf_counter()
        for index in range(first, self.per_epoch):
            mine = batches[index * self.config.accumulation : (index + 1) * self.config.accumulation]
            at.step += 1
            at.epoch = epoch + (index + 1) / self.per_epoch
            stepped = self.engine.step(job.labels, mine, self._weights, at.step, self._rate())
            at.waiting.append((stepped, np.concatenate(mine)))
            self.average.after(at.step)
            while self.engine.news:
                yield e.Warned(*self.engine.news.pop(0))
            last = index == self.per_epoch - 1
            if time.perf_counter() - at.since > READ_BACK or last:
                yield self._read_back()
                asked = job.asked()
                if asked in ("stop", "pause"):
                    return asked
                if asked == "save" or time.monotonic() - self._kept > CHECKPOINT_EVERY:
                    yield self._keep(urgent=asked == "save")
            if not last and self.sampling.is_due(at.step, at.train_seconds):
                if at.waiting:
                    yield self._read_back()
                with self.average:
                    yield from self._validate(self.sample, full=False)
        return ""

    def _close_epoch(self) -> Generator[Yielded, None, NDArray[np.float32]]:
        """Tell how the epoch went, score every validation row, and keep where the run stands."""
        at = self.at
        yield e.EpochFinished(
            at.step // self.per_epoch, at.step, at.epoch_loss / at.epoch_rows, at.epoch_hits / at.epoch_rows
        )
        with self.average:
            logits = yield from self._validate(self.job.validation, full=True)
        at.closed = True
        yield self._keep(urgent=self._over() is not None)  # the rows may take long to score
        return logits

    def _last_scores(self, logits: NDArray[np.float32] | None) -> Generator[Yielded, None, NDArray[np.float32]]:
        """The full validation of a run that a person stopped, unless that was just done."""
        if logits is not None:
            return logits
        if self.at.step and self.at.step % self.per_epoch == 0:
            return (yield from self._close_epoch())
        yield self._keep(urgent=True)
        with self.average:
            return (yield from self._validate(self.job.validation, full=True))

    def _rate(self) -> float:
        return rate_at(self.at.step, self.steps, self.config)

    def _keep(self, *, urgent: bool) -> Keep:
        return Keep(self.at.step, self.at.epoch, urgent, self._snapshot)

    def _snapshot(self) -> Snapshot:
        """Where the training stands now. Raises `NotFiniteError` when a weight is not a number."""
        self._kept = time.monotonic()
        tensors = tensors_of(self.engine, self.average)
        if not finite(tensors):
            raise self._diverged(f"A weight is not a number after step {self.at.step}", "", self.at.step, [])
        facts = {
            "format": 1,
            "progress": self.at.plain(),
            "sampling": self.sampling.plain(),
            "micro_rows": self.engine.micro_rows,
            "conditions": self._conditions,
        }
        return Snapshot(tensors, facts)

    def _diverged(self, title: str, figures: str, step: int, rows: list[int]) -> NotFiniteError:
        error = NotFiniteError(
            title,
            f"{figures}Training has diverged. The best weights so far are kept.",
            f"Try a lower learning rate than {self.config.learning_rate:g}, or --precision fp32.",
        )
        error.step, error.rows = step, rows
        return error

    def _read_back(self) -> e.StepsFinished:
        """Bring the waiting losses to the host. Raises `NotFiniteError` at the first that is not finite."""
        at = self.at
        losses, hits, norms = torch.stack([one.figures for one, _ in at.waiting]).T.tolist()
        seconds = time.perf_counter() - at.since
        first = at.step - len(losses) + 1
        for place, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                rows = at.waiting[place][1].tolist()
                figures = f"Loss {loss:g}, gradient norm {norm:g}. "
                raise self._diverged(f"The loss is not a number at step {first + place}", figures, first + place, rows)
        sizes = [one.sequences for one, _ in at.waiting]
        tokens = sum(one.tokens for one, _ in at.waiting)
        at.epoch_loss += sum(loss * count for loss, count in zip(losses, sizes, strict=True))
        at.epoch_hits += int(sum(hits))
        at.epoch_rows += sum(sizes)
        at.train_seconds += seconds
        at.waiting = []
        at.since = time.perf_counter()
        rate = self._rate()
        return e.StepsFinished(first, at.step, tuple(losses), rate, norms[-1], sum(sizes), tokens, round(seconds, 4))

    def _validate(self, rows: Ints, *, full: bool) -> Generator[Yielded, None, NDArray[np.float32]]:
        """Score `rows` and say so; returns their logits."""
        job, at = self.job, self.at
        began = time.perf_counter()
        logits = self.engine.predict(rows)
        gold = job.labels[rows]
        scores = score(gold, logits.argmax(axis=1), job.classes, log_loss(gold, logits))
        seconds = time.perf_counter() - began
        yield e.EvalFinished(at.step, at.epoch, full, scores, round(seconds, 4))
        self.sampling.last = at.step
        if not full:
            self.sampling.spent += seconds
        elif at.step > 0:
            value = metric_value(scores, self.config.metric)
            if value > at.best:
                at.best, at.best_step, at.worse_epochs = value, at.step, 0
                yield Better(at.step, at.epoch, self.config.metric, abs(value))
            else:
                at.worse_epochs += 1
            if self.config.save_epochs and at.step % self.per_epoch == 0:
                yield EpochDone(at.step, at.epoch, self.config.metric, abs(value))
        at.since = time.perf_counter()
        return logits


def _batches(job: Job, epoch: int) -> list[Ints]:
    """Row numbers of each micro-batch of this epoch."""
    config, lengths = job.config, job.encoded.lengths[job.train]
    plan = batch_plan(lengths, config.batch_size, config.seed, epoch, by_length=job.techniques.length_buckets)
    return [job.train[places] for places in plan]


def _class_weights(job: Job) -> torch.Tensor | None:
    counts = tuple(int(n) for n in np.bincount(job.labels[job.train], minlength=job.classes))
    weights = class_weights(counts, job.config.weighting)
    return None if weights is None else weights.to(job.device.device)
