"""From a run's configuration to its finished folder: prepare, fit, evaluate, save.

`train(run)` yields facts; the caller records each before anyone else sees it. This room knows files; the loop does not.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

from core.config import RunConfig
from core.evaluation.marks import runs_scored_on
from core.evaluation.metrics import Ints, Report, as_dict, log_loss, report, softmax
from core.runs.atomic import commit_dir, write_file
from core.runs.run import Run
from core.training import events as e
from core.training.prepare import Prepared, prepare

if TYPE_CHECKING:
    from core.training.loop import Better, Job, Outcome

Asked = Callable[[], str]


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
        save_model(prepared.job.model, prepared.tokenizer, folder, facts, prepared.job.engine.state())


def _finish(run: Run, config: RunConfig, prepared: Prepared, began: float, outcome: Outcome) -> Iterator[e.Event]:
    from core.evaluation.card import model_card
    from core.evaluation.predictions import write_predictions
    from core.training.loop import Ending

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
        logits["test"] = job.engine.predict(split.test)
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
    from core.modelling.build import read_weights

    if saved_step == outcome.step:  # the last weights are the best ones: they were scored already
        return outcome.logits
    job.engine.load(read_weights(run.model_path))
    return job.engine.predict(job.validation)


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
