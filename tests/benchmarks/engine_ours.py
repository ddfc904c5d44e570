"""Our side of the engine benchmarks: `core.training.loop.fit` on the same work, settings and seed as the peers'."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.config import ModelConfig, TrainingConfig
from core.evaluation.metrics import score
from core.modelling.build import build_model, hush, save_model
from core.modelling.catalogue import locate
from core.modelling.encoding import batch_plan, encode, fill_of, load_tokenizer, longest_input
from core.training.device import choose_device
from core.training.events import EvalFinished, StepsFinished
from core.training.job import Job
from core.training.loop import fit
from tests.benchmarks.engine_work import Measured, Work, load_rows, mark_of, training_flops


@dataclasses.dataclass(slots=True)
class Ours:
    """A job and what stands beside it."""

    work: Work
    job: Job
    tokenizer: Any
    base: str
    gold: Any
    began: float = 0.0
    """When the process began, by `time.time()`; for cases that count from there."""


def techniques_of(job_type: type = Job) -> Any:
    """The engine's switches at their defaults, a frozen dataclass; None where this engine has none."""
    with suppress(ImportError):
        from core.modelling.plan import Techniques

        if any(one.name == "techniques" for one in dataclasses.fields(job_type)):
            return Techniques()
    return None


def set_up(work: Work, device: str, *, frozen_layers: int = 0, switches: dict[str, bool] | None = None) -> Ours:
    """Read the rows, load the base model, tokenise. The settings that peers have no word for are as theirs."""
    hush()
    rows = load_rows(work)
    training = TrainingConfig(
        epochs=work.epochs,
        batch_size=work.batch_size,
        learning_rate=work.learning_rate,
        warmup_ratio=0.0,
        weight_decay=0.0,
        seed=work.seed,
        device=device,
    )
    chosen = choose_device(training)
    base = locate(work.base)
    tokenizer = load_tokenizer(base.folder)
    encoded, _ = encode(
        tokenizer, [*rows.texts, *rows.held_texts], work.max_length, longest_input(base.folder, tokenizer)
    )
    names = tuple(str(code) for code in range(rows.classes))
    model_config = ModelConfig(base=work.base, max_length=work.max_length, frozen_layers=frozen_layers)
    model = build_model(base, model_config, names, work.seed)
    count = len(rows.texts)
    job = Job(
        model,
        chosen,
        training,
        encoded,
        np.concatenate([rows.labels, rows.held_labels]),
        np.arange(count),
        np.arange(count, len(encoded)),
        rows.classes,
        int(tokenizer.pad_token_id or 0),
    )
    if switches:
        job = dataclasses.replace(job, techniques=dataclasses.replace(techniques_of(), **switches))  # type: ignore[call-arg]
    return Ours(work, job, tokenizer, base.name, rows.held_labels)


def caches() -> dict[str, bool]:
    """Every switch whose name speaks of a cache, on."""
    found = techniques_of()
    names = [one.name for one in dataclasses.fields(found)] if found else []
    return {name: True for name in names if "cache" in name}


def train(ours: Ours) -> Measured:
    """Train through `fit`. Validation is taken out of `seconds`, for the peers' is outside of theirs too."""
    return _fit(ours, lambda fact: False)


def train_saved(ours: Ours) -> Measured:
    """The same from the start of the process to a folder that `from_pretrained` loads."""
    found = _fit(ours, lambda fact: False, save=True)
    return dataclasses.replace(found, from_start=found.from_start - ours.began)


def train_until(ours: Ours, accuracy: float) -> Measured:
    """The same from the start of the process to the first scoring of all held-out rows that reaches `accuracy`.

    All rows are scored at the ends of epochs, and whenever the sample that training scores by itself has reached it.
    """
    job = ours.job
    reached: list[float] = []
    scored: list[float] = []

    def enough(fact: Any) -> bool:
        if not isinstance(fact, EvalFinished) or fact.step == 0:
            return False
        share = fact.scores.accuracy
        if not fact.full:
            if share < accuracy:
                return False
            share = float((job.engine.predict(job.validation).argmax(axis=1) == job.labels[job.validation]).mean())
        scored.append(share)
        if share >= accuracy:
            reached.append(time.time())
        return bool(reached)

    found = _fit(ours, enough)
    notes = ("accuracy when all rows were scored: " + ", ".join(f"{one:.3f}" for one in scored),)
    from_start = reached[0] - ours.began if reached else 0.0
    return dataclasses.replace(found, from_start=from_start, notes=notes)


def _fit(ours: Ours, enough: Callable[[Any], bool], *, save: bool = False) -> Measured:
    work, job = ours.work, ours.job
    sequences = tokens = 0
    validating = ended = 0.0
    logits = np.zeros((0, 0), dtype=np.float32)
    _wait(job)
    began = time.perf_counter()
    training = fit(job)
    while True:
        try:
            fact = next(training)
        except StopIteration as done:
            logits = done.value.logits
            break
        if isinstance(fact, StepsFinished):
            sequences, tokens = sequences + fact.sequences, tokens + fact.tokens
        elif isinstance(fact, EvalFinished):
            validating += fact.seconds
        if enough(fact):
            training.close()
            break
    _wait(job)
    seconds = time.perf_counter() - began
    if save:
        with tempfile.TemporaryDirectory() as folder:
            save_model(job.model, ours.tokenizer, Path(folder), {"base": ours.base}, job.engine.state())
            ended = time.time()
    if not len(logits):
        logits = job.engine.predict(job.validation)
    held = score(ours.gold, logits.argmax(axis=1), job.classes)
    lengths = job.encoded.lengths[job.train]
    sorting = {"by_length": job.techniques.length_buckets} if hasattr(job, "techniques") else {}
    plans = [batch_plan(lengths, work.batch_size, work.seed, epoch, **sorting) for epoch in range(work.epochs)]
    rows = [job.encoded.ids[job.encoded.offsets[row] : job.encoded.offsets[row + 1]] for row in job.train]
    return Measured(
        seconds=seconds - validating,
        seconds_all=seconds,
        rows=len(job.train),
        epochs=work.epochs,
        batch_size=work.batch_size,
        max_length=work.max_length,
        sequences=sequences,
        tokens=tokens,
        fill=float(np.mean([fill_of(lengths, plan) for plan in plans])),
        precision=job.device.precision,
        mark=mark_of(rows, job.labels[job.train]),
        accuracy=held.accuracy,
        macro_f1=held.macro_f1,
        truncated=job.encoded.truncated,
        flops=training_flops(lengths, job.model.config) * work.epochs,
        from_start=ended,
        logits=logits,
    )


def _wait(job: Job) -> None:
    if job.device.device.type == "cuda":
        torch.cuda.synchronize(job.device.device)
