"""Scoring the locked test of a finished run that did not score it: the member of a group that was chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from core.errors import RunError
from core.evaluation.marks import mark_of, runs_scored_on
from core.evaluation.metrics import Report, as_dict, report
from core.runs.atomic import write_file
from core.runs.resume import COMPLETE
from core.runs.run import Run, RunState
from core.training import events as e

if TYPE_CHECKING:
    from core.protocol import Progress


def score_test(run: Run, progress: Progress) -> Report:
    """Score the locked test rows with the saved weights, once: facts, figures, predictions and card are completed.

    Raises `RunError` when the run has not ended, has no such part or scored it already, and `DataError` when its data
    is no longer what it was.
    """
    from core.data.dataset import load_dataset
    from core.data.split import split_rows
    from core.evaluation.card import model_card
    from core.evaluation.predictions import read_predictions, write_predictions
    from core.inference.predictor import open_predictor
    from core.training.resume import check_same_data, split_of_before

    metrics, has_looked = _unscored(run)
    with run.lock():
        config = run.config()
        dataset = load_dataset(config.data, progress)
        check_same_data(run, dataset)
        split = split_rows(dataset, split_of_before(run, config))
        if len(split.test) == 0:
            raise RunError(f"{run.name} has no locked test", "It was split without one: --test-fraction 0.")
        before = read_predictions(run)
        predictor = open_predictor(run.path)
        found = predictor.predict([dataset.texts[int(row)] for row in split.test], progress).probabilities
        gold = dataset.labels[split.test]
        loss = float(-np.log(np.maximum(found[np.arange(len(gold)), gold], 1e-12)).mean())
        scored = report(gold, found.argmax(axis=1).astype(np.int64), len(dataset.label_names), loss)
        count = runs_scored_on(run, mark_of(dataset, split.test)) + 1
        if not has_looked:  # before any file: whoever dies after this has looked all the same
            finished = next(fact for _, _, fact in reversed(run.raw_records()) if isinstance(fact, e.RunFinished))
            run.record(e.TestScored(scored.scores, count))
            run.record(finished)  # the last fact says how a run ended
            run.close()
        probabilities = {"validation": before.part("validation").probabilities, "test": found.astype(np.float64)}
        write_predictions(run.path / "predictions.parquet", dataset, split, probabilities)
        metrics["test"] = {**as_dict(scored, dataset.label_names), "runs_scored": count}
        write_file(run.path / "README.md", model_card(run.name, config, metrics, dataset, split))
        write_file(run.path / "metrics.json", json.dumps(metrics, indent=1))
    return scored


def _unscored(run: Run) -> tuple[dict[str, object], bool]:
    """The figures of a run that has ended with a model and holds no test score, and whether it has looked all the same.

    It has where it was ended between the look and the files: these are completed then. Raises `RunError`.
    """
    facts = [fact for _, _, fact in run.raw_records()]
    has_looked = any(isinstance(fact, e.TestScored) for fact in facts)
    has_finished = any(isinstance(fact, e.RunFinished) for fact in facts)
    state, metrics = run.state(), run.read_json("metrics.json")
    if has_looked and has_finished and state is RunState.INTERRUPTED:
        run.record(next(fact for fact in reversed(facts) if isinstance(fact, e.RunFinished)))
        run.close()
        state = run.state()
    if state not in COMPLETE or not metrics:
        raise RunError(f"{run.name} is {state}", "Only a run that has ended with a model can be scored.")
    if metrics.get("test"):
        raise RunError(
            f"{run.name} has scored its locked test already",
            "It is scored once: a second look would begin to choose by it.",
            f"finetui show {run.name} prints the score.",
        )
    return metrics, has_looked
