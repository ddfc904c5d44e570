"""Runs as a trainer leaves them, without a training: their files made by the writers that a trainer uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.config import RunConfig
from core.data.dataset import Dataset
from core.data.split import Split
from core.data.texts import Texts
from core.evaluation.marks import mark_of
from core.evaluation.metrics import Floats, Ints, as_dict, report
from core.evaluation.predictions import write_predictions, write_split
from core.runs import Run, RunStore
from core.training import events as e

LABELS = ("negative", "neutral", "positive")
WORDS = "the a it was is not very good bad fine great awful love hate film phone food trip".split()


def sheet(
    count: int = 200, labels: Sequence[str] = LABELS, *, source: str = "sheet.csv", seed: int = 0, start: int = 1
) -> Dataset:
    """`count` rows of random words, the last label the rarest."""
    draw = np.random.default_rng(seed)
    shares = np.linspace(2, 1, len(labels))
    gold = draw.choice(len(labels), count, p=shares / shares.sum()).astype(np.int64)
    texts = [" ".join([*draw.choice(WORDS, 5), str(seed), str(number)]) for number in range(count)]
    return Dataset(Texts(texts), gold, tuple(labels), None, np.arange(start, start + count), source, count, {}, ())


def split_of(dataset: Dataset, seed: int = 0, *, validation: int = 50, test: int = 50) -> Split:
    order = np.random.default_rng(seed).permutation(len(dataset.texts)).astype(np.int64)
    held, cut = validation + test, validation
    return Split(np.sort(order[held:]), np.sort(order[:cut]), np.sort(order[cut:held]))


def answers(gold: Ints, classes: int, right: float, seed: int) -> Floats:
    """Probabilities that are right in about this share of rows."""
    draw = np.random.default_rng(seed)
    said = np.where(draw.random(len(gold)) < right, gold, (gold + draw.integers(1, classes, len(gold))) % classes)
    found = draw.dirichlet(np.ones(classes), len(gold)) * 0.4
    found[np.arange(len(gold)), said] += 0.6
    return found


def scored_run(
    store: RunStore,
    name: str,
    dataset: Dataset,
    split: Split,
    *,
    right: float = 0.8,
    seed: int = 42,
    chance: int | None = None,
    curves: bool = True,
    **values: object,
) -> Run:
    """A finished run on that split. `values`: settings as `section__name`; `chance`: of the answers, else `seed`."""
    config = RunConfig().with_value("data.source", f"/data/{dataset.source}").with_value("training.seed", seed)
    for key, value in values.items():
        config = config.with_value(key.replace("__", "."), value)
    run = store.create(config, name)
    write_data(run, dataset, split)
    classes, number = len(dataset.label_names), seed if chance is None else chance
    parts = {part: getattr(split, part) for part in ("validation", "test")}
    said = {
        part: answers(dataset.labels[rows], classes, right, 100 * number + at)
        for at, (part, rows) in enumerate(parts.items())
        if len(rows)
    }
    write_scores(run, dataset, split, said, curves=curves)
    return run


def write_data(run: Run, dataset: Dataset, split: Split) -> None:
    """`data.json` and `split.parquet`."""
    write_split(run.path / "split.parquet", dataset, split)
    facts = {
        "format": 1,
        "source": dataset.source,
        "files": {},
        "fingerprint": dataset.fingerprint,
        "label_names": list(dataset.label_names),
        "read": dataset.read,
        "validation_mark": mark_of(dataset, split.validation),
        "test_mark": mark_of(dataset, split.test),
    }
    (run.path / "data.json").write_text(json.dumps(facts), encoding="utf-8")


def write_scores(run: Run, dataset: Dataset, split: Split, said: dict[str, Floats], *, curves: bool = True) -> None:
    """Predictions, figures, and a log with two epochs."""
    write_predictions(run.path / "predictions.parquet", dataset, split, said)
    names = dataset.label_names
    found = {
        part: report(dataset.labels[getattr(split, part)], values.argmax(axis=1), len(names), 0.5)
        for part, values in said.items()
    }
    metrics = {part: as_dict(one, names) for part, one in found.items()} | {"seconds": 1.0}
    (run.path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    facts: list[e.Event] = [e.RunStarted(1, "here", "")]
    if curves:
        best = found["validation"].scores
        facts += [
            e.PlanMade("tiny", 10, 10, 32, 0, 2, 5, 10, 100, 1.0),
            e.StepsFinished(1, 5, (1.0, 0.9, float("nan"), 0.7, 0.6), 1e-4, 1.0, 5, 50, 0.1),
            e.EvalFinished(5, 1.0, True, best, 0.1),
            e.StepsFinished(6, 10, (0.5,) * 5, 1e-4, 1.0, 5, 50, 0.1),
            e.EvalFinished(10, 2.0, True, best, 0.1),
        ]
    facts += [e.TestScored(found["test"].scores, 1)] if "test" in found else []
    for fact in [*facts, e.RunFinished("trained", False, 1.0)]:
        run.record(fact)
    run.close()


def store_in(folder: Path) -> RunStore:
    return RunStore(folder / "runs")
