"""Runs with predictions of a test's own making, as a trainer leaves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet

from core.config import RunConfig
from core.evaluation.metrics import Floats, as_dict, report
from core.evaluation.predictions import Predictions
from core.runs import Run, RunStore
from core.training.events import TestScored

SMILE = ("angry", "disgust", "happy", "not-relevant", "sad", "surprise")
SMILE_ROWS = (9, 1, 171, 32, 5, 5)


def sure_of(said: Sequence[int], classes: int, confidence: Sequence[float] | float = 0.8) -> Floats:
    """Probabilities that answer `said`, each with its confidence; the rest is shared out evenly."""
    sure = np.broadcast_to(np.asarray(confidence, dtype=float), len(said))
    found = np.repeat(((1 - sure) / (classes - 1))[:, None], classes, axis=1)
    found[np.arange(len(said)), list(said)] = sure
    return found


def predictions(
    gold: Sequence[int],
    probabilities: Floats,
    *,
    names: Sequence[str] = ("bad", "fine", "good"),
    texts: Sequence[str] = (),
    parts: Sequence[str] = (),
) -> Predictions:
    """What a run said; the texts are `text 0`, `text 1`, ... and all rows validation unless given."""
    rows = len(gold)
    given = texts or [f"text {at}" for at in range(rows)]
    return Predictions(
        tuple(names),
        np.array([f"id{at}" for at in range(rows)], dtype=object),
        np.arange(1, rows + 1),
        np.array(parts or ["validation"] * rows, dtype=object),
        np.array(given, dtype=object),
        np.array(gold, dtype=np.int64),
        probabilities,
    )


def judged_run(store: RunStore, name: str, told: Predictions, *, mark: str = "m", largest: int = 0) -> Run:
    """A run that said this. `mark`: of its test rows; `largest`: the class of training with the most rows."""
    run = store.create(RunConfig(), name)
    write(run, told)
    (run.path / "data.json").write_text(json.dumps({"test_mark": mark}))
    validation, names = told.part("validation"), told.label_names
    if len(validation):
        always = report(validation.gold, np.full(len(validation), largest), len(names))
        tfidf = report(validation.gold, np.roll(validation.gold, 1), len(names))
        found: dict[str, Any] = {"majority": always, "tfidf": tfidf}
        saved = {key: {"validation": as_dict(one, names)} for key, one in found.items()}
        (run.path / "metrics.json").write_text(json.dumps({"baselines": saved}))
    test = told.part("test")
    if len(test):
        run.record(TestScored(report(test.gold, test.said, len(names)).scores, 1))
        run.close()
    return run


def write(run: Run, told: Predictions) -> None:
    """`predictions.parquet` of `run`, as a trainer writes it."""
    columns: dict[str, Any] = {
        "id": told.ids.tolist(),
        "row": told.rows,
        "split": told.parts.tolist(),
        "text": told.texts.tolist(),
        "gold": [told.label_names[code] for code in told.gold],
    }
    columns |= {f"p:{name}": told.probabilities[:, at].astype(np.float32) for at, name in enumerate(told.label_names)}
    pyarrow.parquet.write_table(pyarrow.table(columns), run.path / "predictions.parquet")


def always_happy() -> Predictions:
    """What a model that learned nothing says of the SMILE tweets."""
    gold = np.repeat(np.arange(6), SMILE_ROWS)
    sure = 0.55 + np.random.default_rng(0).random(len(gold)) * 0.3
    return predictions(gold.tolist(), sure_of([2] * len(gold), 6, sure.tolist()), names=SMILE)
