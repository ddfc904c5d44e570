"""finetui from Python: the same core as under both front ends.

>>> import core
>>> run = core.train("reviews.csv", epochs=3)
>>> print(run.scores["validation"]["macro_f1"])
>>> core.classify(run, ["not a bad word to say about it"])
[('positive', 0.97)]
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.config import RunConfig, settings, with_absolute_paths, with_source, with_values
from core.errors import ConfigError, TrainingError, error_from_dict
from core.launch import start
from core.preflight import preflight
from core.runs import Run, RunState, RunStore, find_root, follow
from core.training.events import RunFailed


class TrainedRun:
    """A run with its scores at hand."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.name = run.name
        self.path = run.path

    @property
    def scores(self) -> dict[str, Any]:
        """What `metrics.json` holds: `validation`, `test`, `baselines`, ..."""
        return self.run.read_json("metrics.json")


def train(source: str, *, name: str = "", runs: str | Path | None = None, **given: Any) -> TrainedRun:
    """Train on `source` and wait for the end. Settings by their plain names: `epochs=3, base="starter"`.

    `seed` sets both the training's and the split's. Raises `ConfigError` for an unknown setting, and what the trainer
    reported when it failed.
    """
    store = RunStore(find_root(Path(runs) if runs else None).path)
    config = with_values(with_source(RunConfig(), str(source)), _paths(given))
    if config.split.of and os.sep not in config.split.of:
        config = config.with_value("split.of", str(store.open(config.split.of).path))
    config = preflight(with_absolute_paths(config))
    run = store.create(config, name)
    child = start(run)
    state = RunState.QUEUED
    for batch in follow(run):
        state = batch.state
        for record in batch.records:
            if isinstance(record.event, RunFailed):
                fact = record.event
                raise error_from_dict(
                    {"kind": fact.kind, "title": fact.title, "message": fact.message, "next_step": fact.next_step}
                )
    child.wait()
    if state is not RunState.FINISHED:
        raise TrainingError(f"{run.name} is {state}", f"The log: {run.log_path}")
    return TrainedRun(run)


def _paths(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        places = [path for path, _, _ in settings() if path.split(".")[1] == name]
        if not places:
            raise ConfigError(f"There is no setting {name!r}", next_step="finetui train --help lists them.")
        found |= dict.fromkeys(places, value)
    return found


def open_run(name: str, runs: str | Path | None = None) -> TrainedRun:
    """A saved run by its name, or `last`. Raises `RunError`."""
    return TrainedRun(RunStore(find_root(Path(runs) if runs else None).path).open(name))


def classify(run: TrainedRun, texts: Sequence[str]) -> list[tuple[str, float]]:
    """The most probable label of each text and its probability."""
    from core.inference.predictor import open_predictor

    predictor = open_predictor(run.path)
    rows = predictor.predict(list(texts)).probabilities
    return [(predictor.label_names[int(row.argmax())], float(row.max())) for row in rows]
