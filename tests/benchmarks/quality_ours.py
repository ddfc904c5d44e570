"""This project's side of the quality experiment: one run of the training loop, as a run of the program makes it."""

from __future__ import annotations

from typing import Any

import torch

from core.config import ModelConfig, TrainingConfig
from core.modelling.build import build_model
from core.modelling.catalogue import locate
from core.training import events as e
from core.training import job as job_room
from core.training import loop, scoring
from core.training.device import choose_device
from tests.benchmarks.quality_data import Material


def run_ours(material: Material, settings: dict[str, Any], seed: int, bf16: bool, *, test: bool) -> dict[str, Any]:
    """Train once with `settings`, fields of `TrainingConfig`; returns the facts of the run.

    The test rows are only looked at with `test`: candidates are chosen without them.
    """
    precision = "bf16" if bf16 else "fp32"
    config = TrainingConfig(**settings, seed=seed, precision=precision, threads=torch.get_num_threads())
    device = choose_device(config)
    model = build_model(locate("starter"), ModelConfig(), material.label_names, seed)
    job = job_room.Job(
        model,
        device,
        config,
        material.encoded,
        material.labels,
        material.train,
        material.validation,
        material.classes,
        material.pad,
    )
    scoring.POINTS, scoring.SHARE = 1, 0.0  # scoring between epochs changes no weight, it only takes time
    epochs: list[dict[str, float]] = []
    best_epoch, state = 0.0, {}
    for fact in loop.fit(job):
        if isinstance(fact, job_room.Better):
            best_epoch = fact.epoch
            state = job.engine.state()
        elif isinstance(fact, e.EvalFinished) and fact.full and fact.step > 0:
            epochs.append({"macro_f1": fact.scores.macro_f1, "accuracy": fact.scores.accuracy})
    facts: dict[str, Any] = {"best_epoch": round(best_epoch), "epochs": epochs, "predictions": None}
    if test:
        job.engine.load(state)
        facts["predictions"] = job.engine.predict(material.test).argmax(axis=1).tolist()
    return facts
