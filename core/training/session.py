"""From a run's configuration to its finished folder: read, split, baselines, load, tokenise, fit, evaluate, save.

`train(run)` yields facts; the caller records each before anyone else sees it. This room knows files; the loop does not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.config import RunConfig
from core.errors import TrainingError
from core.evaluation.baseline import TfidfBaseline, majority
from core.evaluation.marks import mark_of, runs_scored_on
from core.evaluation.metrics import Ints, Report, as_dict, log_loss, report, softmax
from core.runs.atomic import commit_dir, write_file
from core.runs.run import Run
from core.text_rules import text_rules_of
from core.training import events as e
from core.training.environment import environment
from core.training.oversample import oversampled

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split
    from core.training.loop import Better, Job, Outcome

Asked = Callable[[], str]


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


def train(run: Run, asked: Asked) -> Iterator[e.Event]:
    """Train `run` from its configuration to the end. `asked()` returns `stop` once a person wants that.

    Raises `WorkbenchError` for what a person can mend; what was saved until then stays.
    """
    began = time.time()
    config = run.config()
    prepared = yield from prepare(run, config)
    if asked() == "stop":
        yield e.RunFinished("stopped before the first step: there is no model", True, round(time.time() - began, 2))
        return
    yield e.StageChanged("train")
    outcome = yield from _fit(run, prepared, asked)
    yield from _finish(run, config, prepared, began, outcome)


def prepare(run: Run, config: RunConfig) -> Generator[e.Event, None, Prepared]:
    """Everything before the first step; returns `Prepared`."""
    from core.data.dataset import load_dataset
    from core.data.split import split_rows
    from core.data.split.again import beside
    from core.data.split.trainable import check_trainable

    yield e.StageChanged("read", config.data.given or config.data.source)
    dataset = load_dataset(config.data)
    check_trainable(dataset, config.split)
    yield e.StageChanged("split")
    split = split_rows(dataset, beside(config.split, run.path.parent))
    names = dataset.label_names
    parts = {part: _counts(dataset.labels[rows], len(names)) for part, rows in _parts(split).items()}
    yield e.DataReady(dataset.source, names, dataset.read, len(dataset.texts), **parts)
    mark = mark_of(dataset, split.test)
    _write_data(run, dataset, split, mark)
    yield e.StageChanged("baselines")
    baselines = score_baselines(dataset, split)
    validation = {name: found.scores for name, found in baselines.items()}
    yield e.BaselinesScored(validation["majority"], validation["tfidf"])

    yield e.StageChanged("load", config.model.base)
    prepared = yield from _load(run, config, dataset, split, baselines, mark)
    return prepared


def _load(
    run: Run, config: RunConfig, dataset: Dataset, split: Split, baselines: dict[str, Report], mark: str
) -> Generator[e.Event, None, Prepared]:
    from core.modelling.build import build_model, count_parameters, hush
    from core.modelling.catalogue import locate
    from core.modelling.encoding import batch_plan, encode, fill_of, load_tokenizer, longest_input
    from core.training.device import choose_device
    from core.training.loop import Job, steps_per_epoch

    hush()
    device = choose_device(config.training)
    yield e.DeviceChosen(str(device.device), device.name, device.precision, device.threads, device.reason)
    base = locate(config.model.base)
    tokenizer = load_tokenizer(base.folder)
    limit = longest_input(base.folder, tokenizer)
    if config.model.max_length > limit:
        raise TrainingError(
            f"The model has no positions for {config.model.max_length} tokens",
            f"It can take at most {limit}.",
            f"Use --max-length {limit}, or 0 to pick it from the data.",
        )
    model = build_model(base, config.model, dataset.label_names, config.training.seed)
    write_file(run.path / "environment.json", json.dumps(environment(device, config.training.seed), indent=1))

    yield e.StageChanged("tokenise", f"{len(dataset.texts)} rows")
    encoded, chosen = encode(tokenizer, dataset.texts, config.model.max_length, limit)
    train = oversampled(split.train, dataset.labels, config.training.oversample, config.training.seed)
    lengths = encoded.lengths[train]
    plan = batch_plan(lengths, config.training.batch_size, config.training.seed, 0)
    per_epoch = steps_per_epoch(len(train), config.training)
    total, trained = count_parameters(model)
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
    )
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
    )
    rules = text_rules_of(config.data.cures)
    return Prepared(dataset, split, baselines, base.origin, tokenizer, job, chosen, mark, rules)


def _fit(run: Run, prepared: Prepared, asked: Asked) -> Generator[e.Event, None, Outcome]:
    """Run the loop, keeping the weights whenever they are better; returns how it ended."""
    from core.training.loop import Better, fit

    prepared.job.asked = asked
    facts = fit(prepared.job)
    while True:
        try:
            item = next(facts)
        except StopIteration as end:
            outcome: Outcome = end.value
            return outcome
        if isinstance(item, Better):
            _save(run, prepared, item)
            yield e.ModelSaved(item.step, item.epoch, item.metric, item.value)
        else:
            yield item


def _save(run: Run, prepared: Prepared, better: Better) -> None:
    from core.modelling.build import save_model

    facts = {
        "max_length": prepared.max_length,
        "label_names": list(prepared.dataset.label_names),
        "text_rules": list(prepared.text_rules),
        "base": prepared.base_origin,
        "step": better.step,
        "epoch": better.epoch,
    }
    with commit_dir(run.model_path) as folder:
        save_model(prepared.job.model, prepared.tokenizer, folder, facts)


def _finish(run: Run, config: RunConfig, prepared: Prepared, began: float, outcome: Outcome) -> Iterator[e.Event]:
    from core.evaluation.card import model_card
    from core.evaluation.predictions import write_predictions
    from core.training.loop import Ending, predict

    job, split, names = prepared.job, prepared.split, prepared.dataset.label_names
    yield e.StageChanged("evaluate")
    facts = json.loads((run.model_path / "finetui.json").read_text(encoding="utf-8"))
    last = _report(job.labels[split.validation], outcome.logits, len(names))
    logits = {"validation": _best_logits(run, job, outcome, facts["step"])}
    best = _report(job.labels[split.validation], logits["validation"], len(names))
    yield e.ValidationScored(best.scores)
    test: Report | None = None
    scored = 0
    if len(split.test):
        logits["test"] = predict(job.model, job.device, job.encoded, split.test, job.pad)
        test = _report(job.labels[split.test], logits["test"], len(names))
        scored = runs_scored_on(run, prepared.test_mark) + 1
        yield e.TestScored(test.scores, scored)

    yield e.StageChanged("save")
    probabilities = {part: softmax(values) for part, values in logits.items()}
    write_predictions(run.path / "predictions.parquet", prepared.dataset, split, probabilities)
    seconds = round(time.time() - began, 2)
    reason = _reason(config, outcome, facts["epoch"])
    metrics = {
        "format": 1,
        "label_names": list(names),
        "metric": config.training.metric,
        "seconds": seconds,
        "best_step": facts["step"],
        "best_epoch": facts["epoch"],
        "reason": reason,
        "base": prepared.base_origin,
        "validation": as_dict(best, names),
        "last_validation": as_dict(last, names),
        "test": {**as_dict(test, names), "runs_scored": scored} if test else None,
        "baselines": {name: {"validation": as_dict(found, names)} for name, found in prepared.baselines.items()},
    }
    write_file(run.path / "README.md", model_card(run.name, config, metrics, prepared.dataset, split))
    write_file(run.path / "metrics.json", json.dumps(metrics, indent=1))
    yield e.RunFinished(reason, outcome.ending is Ending.STOPPED, seconds)


def _best_logits(run: Run, job: Job, outcome: Outcome, saved_step: int) -> Any:
    """The validation logits of the saved weights, which are in `job.model` from here on."""
    from core.modelling.build import load_weights
    from core.training.loop import predict

    if saved_step == outcome.step:  # the last weights are the best ones: they were scored already
        return outcome.logits
    load_weights(job.model, run.model_path)
    return predict(job.model, job.device, job.encoded, job.validation, job.pad)


def _reason(config: RunConfig, outcome: Outcome, best_epoch: float) -> str:
    """Why the run ended, for a person."""
    from core.training.loop import Ending

    training = config.training
    best = f"best at epoch {round(best_epoch, 2):g}"
    match outcome.ending:
        case Ending.STOPPED:
            return "stopped by a person; the best weights so far are saved"
        case Ending.PATIENCE:
            waited = f"{training.patience} epoch{'s' * (training.patience != 1)}"
            return f"stopped early: {waited} without a better {training.metric}; {best} of {training.epochs}"
        case _:
            return f"trained; {best} of {training.epochs}"


def _report(gold: Ints, logits: Any, classes: int) -> Report:
    return report(gold, logits.argmax(axis=1), classes, log_loss(gold, logits))


def score_baselines(dataset: Dataset, split: Split) -> dict[str, Report]:
    """Majority and TF-IDF, fitted on the training rows and scored on validation."""
    train_texts = [dataset.texts[row] for row in split.train]
    texts = [dataset.texts[row] for row in split.validation]
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
