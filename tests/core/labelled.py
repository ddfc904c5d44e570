"""Run folders as a trainer leaves them, for tests on labels: a split, the data's facts, and predictions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.config import DataConfig, ModelConfig, RunConfig, SplitConfig
from core.data.dataset import load_dataset
from core.data.split import split_rows
from core.evaluation.predictions import write_predictions, write_split
from core.runs import Run, RunStore

GOOD, BAD, THINGS = "good great fine love happy".split(), "bad awful hate broke sad".split(), "film phone food".split()


def reviews(rows: int = 200) -> list[tuple[str, str]]:
    """Texts with labels that their words tell, every text another."""
    draw = np.random.default_rng(1)
    found = []
    for number in range(rows):
        words, label = (GOOD, "positive") if number % 2 else (BAD, "negative")
        found.append((f"the {draw.choice(THINGS)} was {draw.choice(words)} {draw.choice(words)} {number}", label))
    return found


def write(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    return path


def flipped(rows: Sequence[tuple[str, str]], at: Sequence[int]) -> list[tuple[str, str]]:
    """The rows with the other of two labels at these positions."""
    other = {"positive": "negative", "negative": "positive"}
    return [(text, other[label]) if number in at else (text, label) for number, (text, label) in enumerate(rows)]


def config_of(source: Path, base: Path | str = "starter", **data: object) -> RunConfig:
    given = DataConfig(source=str(source), given=source.name, text=("text",), label="label", **data)  # type: ignore[arg-type]
    return RunConfig(given, SplitConfig(), ModelConfig(base=str(base)))


def finished_run(store: RunStore, config: RunConfig, name: str = "first", right: float = 0.9) -> Run:
    """A run on that data whose answers follow the words: the class told by the text gets the probability `right`."""
    run = store.create(config, name)
    dataset = load_dataset(config.data)
    split = split_rows(dataset, config.split)
    write_split(run.path / "split.parquet", dataset, split)
    facts = {"source": dataset.source, "read": dataset.read, "fingerprint": dataset.fingerprint}
    (run.path / "data.json").write_text(json.dumps(facts))
    said = {}
    for part in ("validation", "test"):
        at = getattr(split, part)
        truth = [int(any(word in dataset.texts[row] for word in GOOD)) for row in at]
        column = np.where(truth, right, 1 - right)
        said[part] = np.stack([1 - column, column], axis=1)
    write_predictions(run.path / "predictions.parquet", dataset, split, said)
    return run
