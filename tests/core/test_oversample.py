"""Oversampling: training rows of rare classes come several times, nothing else does, and the seed decides which."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig, TrainingConfig, problems
from core.runs import RunStore
from core.training import events as e
from core.training.job import Better, steps_per_epoch
from core.training.oversample import oversampled
from core.training.prepare import Prepared, prepare
from core.training.resume import Start
from core.training.saving import BestModel
from tests.tiny import tiny_bert

LABELS = np.array([0] * 90 + [1] * 40 + [2] * 10)


@pytest.mark.parametrize(("how", "counts"), [("none", [45, 20, 5]), ("balanced", [45, 45, 45]), ("sqrt", [45, 30, 15])])
def test_how_often_each_class_is_seen(how: str, counts: list[int]) -> None:
    rows = np.arange(0, 140, 2)
    found = oversampled(rows, LABELS, how, 3)
    assert np.bincount(LABELS[found]).tolist() == counts
    assert set(found) == set(rows)
    assert (np.diff(found) >= 0).all()
    for code in range(3):
        times = np.bincount(found)[rows[LABELS[rows] == code]]
        assert times.max() - times.min() <= 1


def test_the_seed_decides_which_rows_come_once_more() -> None:
    rows = np.arange(140)
    first, same, other = (oversampled(rows, LABELS, "balanced", seed) for seed in (3, 3, 4))
    assert first.tolist() == same.tolist()
    assert first.tolist() != other.tolist()
    assert oversampled(rows[:0], LABELS, "balanced", 3).tolist() == []


def test_weights_and_oversampling_together_are_a_problem() -> None:
    config = RunConfig().with_value("training.oversample", "sqrt")
    assert not problems(config)
    (one,) = problems(config.with_value("training.class_weights", "balanced"))
    assert one.path == "training.oversample"
    assert "choose one" in one.message


def _config(folder: Path, **training: object) -> RunConfig:
    source = folder / "reviews.csv"
    if not source.exists():
        lines = [f"it was {'bad' if n % 5 == 0 else 'good'} @me on day {n},{'ab'[n % 5 == 0]}" for n in range(100)]
        source.write_text("text,label\n" + "\n".join(lines) + "\n")
        tiny_bert(folder / "tiny")
    given = {"batch_size": 8, "epochs": 1, "precision": "fp32", "threads": 1, "onnx": False} | training
    return RunConfig(
        DataConfig(source=str(source), given=source.name, cures=("strip:mentions",)),
        SplitConfig(),
        ModelConfig(base=str(folder / "tiny")),
        TrainingConfig(**given),  # type: ignore[arg-type]
    )


def _prepared(folder: Path, name: str, **training: object) -> tuple[Prepared, e.PlanMade]:
    config = _config(folder, **training)
    run = RunStore(folder / "runs").create(config, name)
    facts, plan = prepare(run, config, Start()), None
    while True:
        try:
            fact = next(facts)
        except StopIteration as end:
            assert plan is not None
            run.close()
            return end.value, plan
        plan = fact if isinstance(fact, e.PlanMade) else plan


def test_a_run_repeats_training_rows_and_nothing_else(tmp_path: Path) -> None:
    plain, plan = _prepared(tmp_path, "plain")
    lifted, more = _prepared(tmp_path, "lifted", oversample="balanced")
    again, _ = _prepared(tmp_path, "again", oversample="balanced")
    labels = lifted.dataset.labels
    assert np.bincount(labels[plain.job.train]).tolist() == [56, 14]
    assert np.bincount(labels[lifted.job.train]).tolist() == [56, 56]
    assert set(lifted.job.train) == set(plain.job.train)
    assert lifted.job.train.tolist() == again.job.train.tolist()
    assert lifted.job.validation.tolist() == plain.job.validation.tolist()
    assert lifted.split.test.tolist() == plain.split.test.tolist()
    assert lifted.split.train.tolist() == plain.split.train.tolist()
    assert more.steps_per_epoch == steps_per_epoch(112, lifted.job.config) > plan.steps_per_epoch
    assert more.tokens_per_epoch == int(lifted.job.encoded.lengths[lifted.job.train].sum())


def test_the_saved_model_says_what_was_stripped(tmp_path: Path) -> None:
    prepared, _ = _prepared(tmp_path, "one")
    run = RunStore(tmp_path / "runs").open("one")
    list(BestModel(run, prepared).save(Better(1, 1.0, "macro_f1", 0.5)))
    assert json.loads((run.model_path / "finetui.json").read_text())["text_rules"] == ["mentions"]
    assert not [text for text in prepared.dataset.texts if "@" in text]
