"""Everything before the first step: read, split, baselines, load, tokenise. What is known is written as it is found."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.config import RunConfig
from core.evaluation.baseline import TfidfBaseline, majority
from core.evaluation.marks import mark_of
from core.evaluation.metrics import Ints, Report, report
from core.runs.atomic import write_file
from core.runs.run import Run
from core.text_rules import text_rules_of
from core.training import events as e
from core.training.environment import environment
from core.training.oversample import oversampled
from core.training.resume import Start, check_same_data, split_of_before

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split
    from core.training.job import Job


@dataclass(slots=True)
class Prepared:
    """What training works on, ready for the loop."""

    dataset: Dataset
    split: Split
    baselines: dict[str, Report]
    base_origin: str
    tokenizer: Any
    job: Job
    max_length: int
    test_mark: str
    """Fingerprint of the test rows."""
    text_rules: tuple[str, ...]
    """What was stripped from the texts, and must be from those the model is asked."""
    sizes: tuple[int, int]
    """Weights of the whole model, and those that are trained."""


def prepare(run: Run, config: RunConfig, start: Start) -> Generator[e.Event, None, Prepared]:
    """Everything before the first step that is to be done; returns `Prepared`. Raises `WorkbenchError`."""
    from core.data.dataset import load_dataset
    from core.data.split import split_rows
    from core.data.split.trainable import check_trainable

    yield e.StageChanged("read", config.data.given or config.data.source)
    dataset = load_dataset(config.data)
    check_same_data(run, dataset)
    check_trainable(dataset, config.split)
    yield e.StageChanged("split")
    split = split_rows(dataset, split_of_before(run, config))
    names = dataset.label_names
    parts = {part: _counts(dataset.labels[rows], len(names)) for part, rows in _parts(split).items()}
    yield e.DataReady(dataset.source, names, dataset.read, len(dataset.texts), **parts)
    mark = mark_of(dataset, split.test)
    if not (run.path / "data.json").exists():
        _write_data(run, dataset, split, mark)
    yield e.StageChanged("baselines")
    baselines = score_baselines(dataset, split)
    validation = {name: found.scores for name, found in baselines.items()}
    yield e.BaselinesScored(validation["majority"], validation["tfidf"])

    yield e.StageChanged("load", config.model.base)
    prepared = yield from _load(run, config, start, dataset, split, baselines, mark)
    return prepared


def _load(
    run: Run,
    config: RunConfig,
    start: Start,
    dataset: Dataset,
    split: Split,
    baselines: dict[str, Report],
    mark: str,
) -> Generator[e.Event, None, Prepared]:
    from core.modelling.build import build_model, count_parameters, hush
    from core.modelling.catalogue import locate
    from core.modelling.encoding import batch_plan, encode, fill_of, load_tokenizer, longest_input
    from core.training.job import Job, steps_per_epoch

    hush()
    device = start.device(config)
    yield e.DeviceChosen(str(device.device), device.name, device.precision, device.threads, device.reason)
    base = locate(config.model.base)
    tokenizer = load_tokenizer(base.folder)
    limit = longest_input(base.folder, tokenizer)
    model = build_model(base, config.model, dataset.label_names, config.training.seed)
    write_file(run.path / "environment.json", json.dumps(environment(device, config.training.seed), indent=1))

    yield e.StageChanged("tokenise", f"{len(dataset.texts)} rows")
    encoded, chosen = encode(tokenizer, dataset.texts, config.model.max_length, limit)
    train = oversampled(split.train, dataset.labels, config.training.oversample, config.training.seed)
    lengths = encoded.lengths[train]
    plan = batch_plan(lengths, config.training.batch_size, config.training.seed, 0)
    per_epoch = steps_per_epoch(len(train), config.training)
    total, trained = count_parameters(model)
    pad = int(tokenizer.pad_token_id or 0)
    job = Job(
        model,
        device,
        config.training,
        encoded,
        dataset.labels,
        train,
        split.validation,
        len(dataset.label_names),
        pad,
        techniques=start.techniques(),
    )
    yield e.PlanMade(
        base=base.name,
        parameters=total,
        trained_parameters=trained,
        max_length=chosen,
        truncated=encoded.truncated,
        epochs=config.training.epochs,
        steps_per_epoch=per_epoch,
        steps=per_epoch * config.training.epochs,
        tokens_per_epoch=int(lengths.sum()),
        fill=fill_of(lengths, plan),
        forward=job.engine.reason,
        learning_rate=job.config.learning_rate,
    )
    rules = text_rules_of(config.data.cures)
    return Prepared(dataset, split, baselines, base.origin, tokenizer, job, chosen, mark, rules, (total, trained))


def score_baselines(dataset: Dataset, split: Split) -> dict[str, Report]:
    """Majority and TF-IDF, fitted on the training rows and scored on validation."""
    train_texts = dataset.texts.take(split.train)
    texts = dataset.texts.take(split.validation)
    gold, classes = dataset.labels[split.validation], len(dataset.label_names)
    tfidf = TfidfBaseline(train_texts, dataset.labels[split.train])
    return {
        "majority": report(gold, majority(dataset.labels[split.train], len(gold)), classes),
        "tfidf": report(gold, tfidf.predict(texts), classes),
    }


def _parts(split: Split) -> dict[str, Ints]:
    return {"train": split.train, "validation": split.validation, "test": split.test}


def _counts(labels: Ints, classes: int) -> tuple[int, ...]:
    return tuple(int(count) for count in np.bincount(labels, minlength=classes))


def _files(config: RunConfig) -> dict[str, str]:
    """What was named as a part of its own, pinned when the run was made: a data set of the Hub to its commit."""
    named = {"validation": config.data.validation_file, "test": config.data.test_file}
    return {part: source for part, source in named.items() if source}


def _write_data(run: Run, dataset: Dataset, split: Split, test_mark: str) -> None:
    from core.evaluation.predictions import write_split

    write_split(run.path / "split.parquet", dataset, split)
    facts = {
        "format": 1,
        "source": dataset.source,
        "files": _files(run.config()),
        "fingerprint": dataset.fingerprint,
        "label_names": list(dataset.label_names),
        "read": dataset.read,
        "kept": len(dataset.texts),
        "dropped": dataset.dropped,
        "rows": {part: len(rows) for part, rows in _parts(split).items()},
        "split": {"method": split.method, "reason": split.reason, "left_out": len(split.left_out)},
        "validation_mark": mark_of(dataset, split.validation),
        "test_mark": test_mark,
        "reading": [{"what": one.what, "value": one.value, "reason": one.reason} for one in dataset.reading],
    }
    write_file(run.path / "data.json", json.dumps(facts, indent=1))
