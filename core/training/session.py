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
from core.evaluation.metrics import Ints, Report, as_dict, log_loss, report, softmax
from core.runs.atomic import commit_dir, write_file
from core.runs.run import Run
from core.training import events as e
from core.training.environment import environment

if TYPE_CHECKING:
    from core.data.dataset import Dataset
    from core.data.split import Split
    from core.training.loop import Better, Job

Asked = Callable[[], str]


@dataclass(slots=True)
class Prepared:
    """What training works on, ready for the loop."""

    dataset: Dataset
    split: Split
    baselines: dict[str, Report]
    base_name: str
    base_origin: str
    tokenizer: Any
    job: Job
    max_length: int
    test_runs: Callable[[], int]
    """How many runs were scored on these very test rows before this one."""


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
    stopped = yield from _fit(run, prepared, asked)
    yield from _finish(run, config, prepared, began, stopped)


def prepare(run: Run, config: RunConfig) -> Generator[e.Event, None, Prepared]:
    """Everything before the first step; returns `Prepared`."""
    from core.data.dataset import check_trainable, load_dataset
    from core.data.split import split_rows

    yield e.StageChanged("read", config.data.given or config.data.source)
    dataset = load_dataset(config.data)
    check_trainable(dataset, config.split)
    yield e.StageChanged("split")
    split = split_rows(dataset, config.split)
    names = dataset.label_names
    parts = {part: _counts(dataset.labels[rows], len(names)) for part, rows in _parts(split).items()}
    yield e.DataReady(dataset.source, names, dataset.read, len(dataset.texts), **parts)
    _write_data(run, dataset, split)
    yield e.StageChanged("baselines")
    baselines = score_baselines(dataset, split)
    validation = {name: found.scores for name, found in baselines.items()}
    yield e.BaselinesScored(validation["majority"], validation["tfidf"])

    yield e.StageChanged("load", config.model.base)
    prepared = yield from _load(run, config, dataset, split, baselines)
    return prepared


def _load(
    run: Run, config: RunConfig, dataset: Dataset, split: Split, baselines: dict[str, Report]
) -> Generator[e.Event, None, Prepared]:
    from core.modelling.build import build_model, count_parameters, hush
    from core.modelling.catalogue import locate
    from core.modelling.encoding import batch_plan, encode, fill_of, load_tokenizer, longest_input, tokenise
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
    longest = config.model.max_length
    found, chosen = tokenise(tokenizer, dataset.texts, longest, limit)
    encoded = encode(tokenizer, dataset.texts, found, chosen)
    lengths = encoded.lengths[split.train]
    plan = batch_plan(lengths, config.training.batch_size, config.training.seed, 0)
    per_epoch = steps_per_epoch(len(split.train), config.training)
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
        split.train,
        split.validation,
        len(dataset.label_names),
        pad,
    )
    mark = test_mark(dataset, split.test)
    return Prepared(
        dataset, split, baselines, base.name, base.origin, tokenizer, job, chosen, lambda: runs_scored_on(run, mark)
    )


def _fit(run: Run, prepared: Prepared, asked: Asked) -> Generator[e.Event, None, bool]:
    """Run the loop; returns whether a person stopped it."""
    from core.training.loop import Better, fit

    stopped = False

    def hear() -> str:
        nonlocal stopped
        stopped = stopped or asked() == "stop"
        return "stop" if stopped else ""

    prepared.job.asked = hear
    for item in fit(prepared.job):
        if isinstance(item, Better):
            _save(run, prepared, item)
            yield e.ModelSaved(item.step, item.epoch, item.metric, item.value)
        else:
            yield item
    return stopped


def _save(run: Run, prepared: Prepared, better: Better) -> None:
    from core.modelling.build import save_model

    facts = {
        "max_length": prepared.max_length,
        "label_names": list(prepared.dataset.label_names),
        "base": prepared.base_origin,
        "step": better.step,
        "epoch": better.epoch,
    }
    with commit_dir(run.model_path) as folder:
        save_model(prepared.job.model, prepared.tokenizer, folder, facts)


def _finish(run: Run, config: RunConfig, prepared: Prepared, began: float, stopped: bool) -> Iterator[e.Event]:
    from core.evaluation.card import model_card
    from core.evaluation.predictions import write_predictions
    from core.modelling.build import load_weights
    from core.training.loop import predict

    job, split, names = prepared.job, prepared.split, prepared.dataset.label_names
    yield e.StageChanged("evaluate")
    last_logits = predict(job.model, job.device, job.encoded, split.validation, job.pad)
    last = _report(job.labels[split.validation], last_logits, len(names))
    load_weights(job.model, run.model_path)
    logits = {"validation": predict(job.model, job.device, job.encoded, split.validation, job.pad)}
    best = _report(job.labels[split.validation], logits["validation"], len(names))
    yield e.ValidationScored(best.scores)
    test: Report | None = None
    scored = 0
    if len(split.test):
        logits["test"] = predict(job.model, job.device, job.encoded, split.test, job.pad)
        test = _report(job.labels[split.test], logits["test"], len(names))
        scored = prepared.test_runs() + 1
        yield e.TestScored(test.scores, scored)

    yield e.StageChanged("save")
    probabilities = {part: softmax(values) for part, values in logits.items()}
    write_predictions(run.path / "predictions.parquet", prepared.dataset, split, probabilities)
    facts = json.loads((run.model_path / "finetui.json").read_text(encoding="utf-8"))
    seconds = round(time.time() - began, 2)
    reason = _reason(config, job, facts, stopped)
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
    write_file(run.path / "README.md", model_card(run.name, config, metrics, prepared.dataset))
    write_file(run.path / "metrics.json", json.dumps(metrics, indent=1))
    yield e.RunFinished(reason, stopped, seconds)


def _reason(config: RunConfig, job: Job, facts: dict[str, Any], stopped: bool) -> str:
    if stopped:
        return "stopped by a person; the best weights so far are saved"
    return f"trained; best at epoch {round(facts['epoch'], 2):g} of {config.training.epochs}"


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


def _write_data(run: Run, dataset: Dataset, split: Split) -> None:
    from core.evaluation.predictions import write_split

    write_split(run.path / "split.parquet", dataset, split)
    facts = {
        "format": 1,
        "source": dataset.source,
        "fingerprint": dataset.fingerprint,
        "label_names": list(dataset.label_names),
        "read": dataset.read,
        "kept": len(dataset.texts),
        "dropped": dataset.dropped,
        "rows": {part: len(rows) for part, rows in _parts(split).items()},
        "test_mark": test_mark(dataset, split.test),
        "reading": [{"what": one.what, "value": one.value, "reason": one.reason} for one in dataset.reading],
    }
    write_file(run.path / "data.json", json.dumps(facts, indent=1))


def test_mark(dataset: Dataset, rows: Ints) -> str:
    """A fingerprint of the test rows: equal marks mean that two runs were scored on the same sentences and labels."""
    import hashlib

    found = hashlib.sha256()
    for key in sorted(f"{dataset.texts[row]}\0{dataset.label_names[dataset.labels[row]]}" for row in rows):
        found.update(key.encode("utf-8", errors="surrogatepass") + b"\0")
    return found.hexdigest()


def runs_scored_on(run: Run, mark: str) -> int:
    """How many other runs beside this one were scored on the test rows of that mark."""
    count = 0
    for path in run.path.parent.glob("*/data.json"):
        other = Run(path.parent)
        if other.path != run.path and other.read_json("data.json").get("test_mark") == mark:
            count += bool(other.read_json("metrics.json").get("test"))
    return count
